"""The folders: the home (private, outside the document root) and the program's own, with the modes that suexec asks for.

suexec runs nothing that others may write, and the web server only has to reach the doors and static/: every other folder of the
program is shut to everybody but the account, so that nothing shows even where .htaccess is ignored.
"""

from __future__ import annotations

import os

from postern.base import home as homes
from postern.ops.install.installation import Installation, Step, StepFailed, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

OPEN = ("cgi-bin", "static")
"""Folders that the web server enters."""

PRIVATE = ("lib", "schema", "cron", "docs", "tests", ".git", ".ci", ".upgrade")
"""Folders that only the account's own processes enter."""

RUNNABLE = ("install.sh", "cgi-bin/postern.cgi")


def check_account(top: str, home: str) -> None:
    """Who runs this, and where. StepFailed with the remedy."""
    if os.geteuid() == 0:
        raise StepFailed(
            "install.sh must not run as root: the site runs as an ordinary account.",
            "Log in as the account, or: su - ACCOUNT -c 'sh PATH/install.sh'",
        )
    if os.stat(top).st_uid != os.geteuid():
        raise StepFailed(f"{top} belongs to another account.", "Run install.sh as the account that owns it.")
    if _is_within(home, top):
        raise StepFailed(
            f"The home {home} would lie in the document root, where a mistake of the web server shows it.",
            "Set POSTERN_HOME to a folder outside, and run install.sh again.",
        )
    if _is_within(top, home) or _is_within(os.path.dirname(homes.default()), home):
        raise StepFailed(
            f"The home {home} would hold more than Postern's own files, and is shut to the web server.",
            "Set POSTERN_HOME to a folder for Postern alone, and run install.sh again.",
        )


def _is_within(path: str, folder: str) -> bool:
    """The folder itself counts, too."""
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath([path, folder]) == folder


def _home_plan(site: Installation) -> str:
    wrong = [name for name in ("", *homes.FOLDERS) if _mode(os.path.join(site.home, name)) != 0o700]
    if wrong or site.env.is_open() or not _pointer_is_right(site):
        return f"make {site.home}, readable by this account only"
    return ""


def _home(site: Installation) -> str:
    try:
        homes.make(site.home)
        for name in ("", *homes.FOLDERS):
            os.chmod(os.path.join(site.home, name), 0o700)
    except OSError as error:
        raise StepFailed(
            f"{error.filename} cannot be made ({error.strerror}).",
            "See that the disk has room, or set POSTERN_HOME to another folder of this account.",
        ) from None
    if site.home != homes.default():
        write_file(site.path(homes.POINTER), site.home + "\n", 0o644)
    elif os.path.exists(site.path(homes.POINTER)):
        os.unlink(site.path(homes.POINTER))
    return site.home


def _pointer_is_right(site: Installation) -> bool:
    try:
        with open(site.path(homes.POINTER), encoding="utf-8") as file:
            return file.read().strip() == site.home
    except OSError:
        return site.home == homes.default()


def _modes_plan(site: Installation) -> str:
    wrong = [path for path, mode in _wanted(site) if _mode(path) != mode]
    return f"set the permissions of {len(wrong)} files and folders" if wrong else ""


def _modes(site: Installation) -> str:
    changed = 0
    for path, mode in _wanted(site):
        if _mode(path) == mode:
            continue
        try:
            os.chmod(path, mode)
        except OSError as error:
            raise StepFailed(
                f"The permissions of {path} cannot be set ({error.strerror}).",
                "It must belong to this account, on a disk that can be written to.",
            ) from None
        changed += 1
    return f"{changed} changed" if changed else "as they must be"


def _wanted(site: Installation) -> Iterator[tuple[str, int]]:
    """Path and mode of all that is ours. A folder comes after what it holds: it may shut us out of nothing."""
    for name in PRIVATE:
        if os.path.isdir(site.path(name)):
            yield site.path(name), 0o700
    for name in OPEN:
        for folder, _, files in os.walk(site.path(name)):
            yield folder, 0o755
            yield from _files(site, folder, files)
    for name in sorted(os.listdir(site.top)):
        path = site.path(name)
        if os.path.isfile(path) and not os.path.islink(path) and name in FILES:
            yield path, 0o755 if name in RUNNABLE else 0o644
    mode = _mode(site.top)
    yield site.top, mode & ~0o022


FILES = (
    ".htaccess", ".postern-home", "CHANGELOG.md", "LICENSE", "README.md", "env.example", "install.sh",
    "passenger_wsgi.py", "pyproject.toml", "requirements.txt",
)  # fmt: skip
"""Files at the top that are ours; the operator's own keep their modes."""


def _files(site: Installation, folder: str, files: list[str]) -> Iterator[tuple[str, int]]:
    """The operator's own programs in cgi-bin stay runnable."""
    for path in (os.path.join(folder, file) for file in files):
        inside = os.path.relpath(path, site.top)
        if inside in RUNNABLE:
            yield path, 0o755
        elif not os.path.islink(path):
            yield path, _mode(path) & ~0o022 if inside.startswith("cgi-bin") else 0o644


def _mode(path: str) -> int:
    """Permission bits; -1 where there is nothing."""
    try:
        return os.stat(path).st_mode & 0o7777
    except OSError:
        return -1


HOME = Step("Private home", _home_plan, _home)
MODES = Step("Permissions", _modes_plan, _modes)
