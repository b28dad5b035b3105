"""A release: which files it has, unpacked and checked.

A packed release has a manifest, lib/postern/MANIFEST: a line `SHA-256, two blanks, path` for every other file. A clone has
none.
Not here: packing (pack.py), and putting one in the place of another (switch.py).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass

from postern.base import stamp
from postern.base.errors import PosternError
from postern.ops.install import htaccess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

FOLDERS = ("cron", "docs", "lib", "schema", "static")
"""Ours as a whole."""

FILES = (
    ".htaccess", "CHANGELOG.md", "LICENSE", "README.md", "cgi-bin/postern.cgi", "env.example", "install.sh",
    "passenger_wsgi.py", "requirements.txt",
)  # fmt: skip
"""Ours beside files of the operator."""

MANIFEST = "lib/postern/MANIFEST"
MOST_BYTES = 64 * 1024 * 1024
MOST_FILES = 5000

_VERSION = re.compile(r'^__version__ = "(\d+\.\d+\.\d+[a-z0-9.]*)"$', re.MULTILINE)
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,100}(/(?!\.)[A-Za-z0-9._-]{1,100}){0,9}")
_LITTER = re.compile(r"__pycache__|\..*|.*(\.py[co]|~|\.bak|\.orig|\.rej|\.sw[op]|#)")
_RUNNABLE = re.compile(r"install\.sh|cgi-bin/[^/]+\.cgi|cron/[^/]+\.py")


class BadRelease(PosternError):
    """What was given is no release, or not a whole one (EX_DATAERR)."""

    exit_code = 65


class Unwritable(PosternError):
    """A file cannot be written or moved (EX_CANTCREAT)."""

    exit_code = 73

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(
            f"{error.filename or path} cannot be written ({error.strerror}).",
            "Its folder must belong to this account, on a disk with room.",
        )


@dataclass(frozen=True)
class Release:
    """An unpacked release whose every file was checked."""

    folder: str
    version: str
    files: tuple[str, ...]


def files(top: str) -> list[str]:
    """The release's files in a program folder, sorted. What others put there, and what tools leave, is not among them."""
    found = [name for name in FILES if os.path.isfile(os.path.join(top, name))]
    for folder in FOLDERS:
        for place, folders, names in os.walk(os.path.join(top, folder)):
            folders[:] = [name for name in folders if not _LITTER.fullmatch(name)]
            inside = os.path.relpath(place, top)
            found += [f"{inside}/{name}" for name in names if not _LITTER.fullmatch(name)]
    return sorted(name for name in found if name != MANIFEST and not _stays_behind(name))


def _stays_behind(name: str) -> bool:
    """Pictures of docs/tour.md would fill the quota for nobody; stamped static files are made on the host."""
    is_made = name.startswith("static/") and bool(stamp.original(os.path.basename(name)))
    return is_made or name.startswith("docs/img/")


def version(top: str) -> str:
    """The version of the program in this folder. BadRelease where there is none."""
    try:
        with open(os.path.join(top, "lib", "postern", "__init__.py"), encoding="utf-8") as file:
            found = _VERSION.search(file.read(100_000))
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        raise BadRelease(
            f"{top} does not hold Postern.", "Name an archive postern-VERSION.zip, or the folder of a clone."
        )
    return found[1]


def order(version: str) -> tuple[object, ...]:
    """Newer versions sort behind older ones; 1.2.0rc1 comes before 1.2.0."""
    plain = re.match(r"[\d.]*\d", version)
    numbers = [int(part) for part in plain[0].split(".")] if plain else []
    rest = version[len(plain[0]) :] if plain else version
    return (numbers, not rest, rest)


def mode(name: str) -> int:
    """Permission bits of a file of the release, as suexec wants them."""
    return 0o755 if _RUNNABLE.fullmatch(name) else 0o644


def unpack(archive: str, to: str) -> None:
    """Unpack a zip or a tar into the new folder `to`. BadRelease for anything that is no plain file with a plain name."""
    left, seen = MOST_BYTES, set[str]()
    try:
        os.mkdir(to, 0o700)
        for name, stream in _entries(archive):
            is_plain = _NAME.fullmatch(name) or name == htaccess.NAME
            if not is_plain or name in seen or len(seen) >= MOST_FILES:
                raise BadRelease(
                    f"The archive holds {name!r}, which no release does.",
                    "Download it again from its source.",
                )
            seen.add(name)
            path = os.path.join(to, name)
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                left -= _copy(stream, file, left)
            os.chmod(path, mode(name))
    except OSError as error:
        # gzip says so, without a number, that the data is damaged.
        if error.errno is not None:
            raise Unwritable(to, error) from None
        raise BadRelease(f"The archive is damaged ({error}).", "Download it again.") from None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, RuntimeError, zlib.error) as error:
        raise BadRelease(
            f"The archive cannot be read ({type(error).__name__}: {error}).",
            "It was cut off or changed: download it again.",
        ) from None


def _copy(source: IO[bytes], target: IO[bytes], most: int) -> int:
    """What the archive says of its sizes is not believed."""
    done = 0
    while piece := source.read(65536):
        done += len(piece)
        if done > most:
            raise BadRelease(
                "The archive is far too large for a release.", "Download it again from its source."
            )
        target.write(piece)
    return done


def _entries(archive: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of every file, in order."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise BadRelease(
                        f"{entry.filename!r} in the archive is no file.", "Download it again from its source."
                    )
                if not entry.is_dir():
                    with packed.open(entry) as stream:
                        yield entry.filename, stream
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile() and not member.isdir():
                raise BadRelease(
                    f"{member.name!r} in the archive is no file.", "Download it again from its source."
                )
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, content


def check(folder: str) -> Release:
    """Every file of the manifest is there and right, and no other. BadRelease says which is not."""
    wanted = _manifest(folder)
    found = {name for name in _all_files(folder) if name != MANIFEST}
    wrong = sorted(found ^ set(wanted))
    wrong += [
        name for name in sorted(found & set(wanted)) if _sum(os.path.join(folder, name)) != wanted[name]
    ]
    if wrong:
        raise BadRelease(
            f"The release is not whole: {len(wrong)} files differ from its manifest, as {', '.join(wrong[:5])}.",
            "Download it again.",
        )
    return Release(folder, version(folder), tuple(sorted([*wanted, MANIFEST])))


def check_code(release: Release) -> None:
    """BadRelease names the file that this Python does not understand."""
    import sys

    for name in (name for name in release.files if name.endswith(".py")):
        try:
            with open(os.path.join(release.folder, name), "rb") as file:
                compile(file.read(), name, "exec")
        except (SyntaxError, ValueError):
            raise BadRelease(
                f"{name} of Postern {release.version} does not compile under {sys.executable}.",
                "Its README says which Python it needs; sh install.sh --check finds one.",
            ) from None


def shipped(top: str) -> list[str]:
    """The files that the program in this folder came with: by its manifest, in a clone by their places."""
    return sorted([*_manifest(top), MANIFEST]) if has_manifest(top) else files(top)


def has_manifest(folder: str) -> bool:
    """Whether it was packed; a clone was not."""
    return os.path.isfile(os.path.join(folder, MANIFEST))


def _manifest(folder: str) -> dict[str, str]:
    try:
        with open(os.path.join(folder, MANIFEST), encoding="ascii") as file:
            pairs = [line.rstrip("\n").split("  ", 1) for line in file]
        return {name: digest for digest, name in pairs}
    except (OSError, ValueError):
        raise BadRelease(
            f"There is no manifest in {folder}.", "Name a release archive, or the folder of a clone."
        ) from None


def _all_files(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(place, name), folder)


def _sum(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def copy(top: str, to: str) -> None:
    """A private copy of the program in `top`, as it lies there."""
    for name in [*files(top), *([MANIFEST] if has_manifest(top) else [])]:
        path = os.path.join(to, name)
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        shutil.copyfile(os.path.join(top, name), path, follow_symlinks=False)
        os.chmod(path, mode(name))
