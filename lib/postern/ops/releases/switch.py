"""One release in the place of another, in the program's folder, so that it can be finished or undone wherever it is killed.

The document root itself cannot be exchanged, and suexec runs no script behind a symbolic link. So the new release is laid into
top/.upgrade (the same file system; the web server shows no dot files), and each of its entries changes places with the one in
`top`: afterwards the old release lies in top/.upgrade, and the same exchange leads back. Linux exchanges two names in one step
(renameat2, RENAME_EXCHANGE); elsewhere it takes three renames, and `name.swap` tells how far they came.

The journal (journal.py) holds the file numbers of both sides of each entry: they tell, whatever happened, which lies where.
Not here: what a release is (release.py), and the steps of an upgrade (upgrade.py).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil

from postern.base.errors import PosternError
from postern.base.spool import sync_folder
from postern.ops.install import htaccess, static
from postern.ops.releases import release
from postern.ops.releases.journal import Entry
from postern.ops.releases.release import BadRelease, Release, Unwritable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

BESIDE = ".upgrade"
FIRST, LAST = ("static", "docs", "schema", "lib"), ("passenger_wsgi.py", "cgi-bin/postern.cgi")
"""Pages never name a static file that is missing, and a door never opens to a program older than itself."""

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD


def stage(source: Release, top: str) -> list[Entry]:
    """Lay `source` into top/.upgrade, with what of the running one goes on; returns what is to change places."""
    beside = os.path.join(top, BESIDE)
    _check_movable(top)
    try:
        shutil.rmtree(beside, ignore_errors=True)
        os.mkdir(beside, 0o700)
        for name in source.files:
            if name != htaccess.NAME:
                _copy(os.path.join(source.folder, name), os.path.join(beside, name))
        _keep_statics(top, beside)
        _keep_line(top, beside)
        _keep_modes(top, beside)
        return _entries(source, top, beside)
    except OSError as error:
        clear(top)
        raise Unwritable(beside, error) from None
    except PosternError:
        clear(top)
        raise


def _copy(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
    with open(source, "rb") as old, open(target, "xb") as new:
        shutil.copyfileobj(old, new)
        new.flush()
        os.fsync(new.fileno())
    os.chmod(target, 0o755 if os.stat(source).st_mode & 0o100 else 0o644)


def _keep_statics(top: str, beside: str) -> None:
    """Pages that are open somewhere name copies of the old release; and what the operator put there is the operator's."""
    have, shipped = os.path.join(top, "static"), set(release.shipped(top))
    for name in os.listdir(have) if os.path.isdir(have) else ():
        source, target = os.path.join(have, name), os.path.join(beside, "static", name)
        if os.path.isfile(source) and f"static/{name}" not in shipped and not os.path.exists(target):
            _copy(source, target)
            shutil.copystat(source, target)
    static.publish(beside)


def _keep_line(top: str, beside: str) -> None:
    """The interpreter that the installer chose for the CGI."""
    door, other = (os.path.join(folder, "cgi-bin", "postern.cgi") for folder in (top, beside))
    with contextlib.suppress(FileNotFoundError), open(door, "rb") as file:
        line = file.readline()
        if line.startswith(b"#!"):
            with open(other, "rb+") as new:
                rest = new.read().partition(b"\n")[2]
                new.seek(0)
                new.truncate()
                new.write(line + rest)


def _keep_modes(top: str, beside: str) -> None:
    """Of the folders: the installer shuts those that the web server need not enter."""
    for name in os.listdir(beside):
        if os.path.isdir(os.path.join(beside, name)):
            with contextlib.suppress(FileNotFoundError):
                os.chmod(os.path.join(beside, name), os.stat(os.path.join(top, name)).st_mode & 0o755)


def _entries(source: Release, top: str, beside: str) -> list[Entry]:
    """Whole folders where the folder is ours, single files elsewhere."""
    have, come = _units(release.shipped(top)), _units(source.files)
    foreign = sorted(name for name in come - have if os.path.lexists(os.path.join(top, name)))
    if foreign:
        raise BadRelease(
            f"The new release brings {', '.join(foreign)}, and something of yours lies there.",
            "Move it away, then try again.",
        )
    ordered = sorted(come | have, key=lambda name: (_place(name), name))
    return [
        Entry(name, _number(os.path.join(top, name)), _number(os.path.join(beside, name))) for name in ordered
    ]


def _units(names: Iterable[str]) -> set[str]:
    """`lib` for all of lib/; cgi-bin/ may hold scripts of the operator. .htaccess is the installer's business."""
    return {name if name.startswith("cgi-bin/") else name.partition("/")[0] for name in names} - {
        htaccess.NAME
    }


def _check_movable(top: str) -> None:
    """A folder that may not be written to cannot be moved either; to learn it half-way costs the site its time."""
    for path in (os.path.join(top, name) for name in sorted(_units(release.shipped(top)))):
        for folder in filter(os.path.isdir, (os.path.dirname(path), path)):
            if not os.access(folder, os.W_OK):
                raise Unwritable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _place(name: str) -> int:
    return FIRST.index(name) if name in FIRST else len(FIRST) + (name in LAST)


def _number(path: str) -> int:
    try:
        return os.lstat(path).st_ino
    except FileNotFoundError:
        return 0


def turn(top: str, entries: list[Entry], *, to_new: bool) -> None:
    """Bring every entry to one side, wherever it is now. Safe to repeat. Unwritable."""
    for entry in entries if to_new else reversed(entries):
        here, there = os.path.join(top, entry.name), os.path.join(top, BESIDE, entry.name)
        try:
            _finish_swap(here, there)
            if _number(here) != (entry.new if to_new else entry.old):
                _exchange(here, there)
            for path in {os.path.dirname(here), os.path.dirname(there)}:
                if os.path.isdir(path):
                    sync_folder(path)
        except OSError as error:
            raise Unwritable(here, error) from None


def is_new(top: str, entries: list[Entry], name: str = "lib") -> bool:
    """Whether the new one of this entry is in place."""
    return any(entry.name == name and _number(os.path.join(top, name)) == entry.new for entry in entries)


def _exchange(here: str, there: str) -> None:
    if not os.path.lexists(here):
        os.makedirs(os.path.dirname(here), 0o755, exist_ok=True)
        os.rename(there, here)
    elif not os.path.lexists(there):
        os.makedirs(os.path.dirname(there), 0o755, exist_ok=True)
        os.rename(here, there)
    elif not _at_once(here, there):
        os.rename(here, f"{there}.swap")
        os.rename(there, here)
        os.rename(f"{there}.swap", there)


def _at_once(here: str, there: str) -> bool:
    """False where the system cannot: no Linux, an old C library or kernel, a network file system."""
    try:
        import ctypes

        call = ctypes.CDLL(None).renameat2
    except (ImportError, OSError, AttributeError):
        return False
    return bool(call(_HERE, os.fsencode(here), _HERE, os.fsencode(there), _EXCHANGE) == 0)


def _finish_swap(here: str, there: str) -> None:
    """Three renames were cut off after the first, or after the second."""
    if os.path.lexists(f"{there}.swap"):
        os.rename(f"{there}.swap", there if os.path.lexists(here) else here)


def clear(top: str) -> None:
    """The other release is needed no more."""
    shutil.rmtree(os.path.join(top, BESIDE), ignore_errors=True)
