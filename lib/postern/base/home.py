"""The home: the private folder of an instance, never under the document root.

home/.env          settings and secrets, 0600
home/dkim.json     keys that sign mail, 0600, where there are some
home/venv          the two dependencies: a link into home/venvs/
home/bin/          the commands `postern` and `pipe`
home/logs/         JSON lines, a file a day
home/spool/        messages taken in while the database is away (new, kept, tmp)
home/backups/      sealed copies of the database
home/releases/     programs that ran before, to go back to
home/run/          locks and wake marks; may be emptied at any time while nothing runs

`POSTERN_HOME` names it, else the file `.postern-home` beside the program (an account may have several), else it is ~/.postern.
The password database is asked for ~, because a CGI under suexec has no HOME in its environment.

The door of a warm request asks `of` and nothing else, and is done before `os` would be imported: so what needs `os` imports it.
"""

from __future__ import annotations

import posix
import sys

FOLDERS = ("logs", "run", "spool", "spool/tmp", "spool/new", "spool/kept", "backups", "releases", "bin")
PACKAGES = ("pg8000", "cryptography")
"""What requirements.txt names, as folders to import from."""

POINTER = ".postern-home"
"""A file beside lib/: holds the path of a home that is not ~/.postern. The installer writes it."""


def find() -> str:
    """The absolute path of the home, whether it exists or not."""
    import os

    return of(os.environ.get("POSTERN_HOME", ""))


def of(named: str) -> str:
    """The same, where the environment names this one; empty where it names none."""
    if named:
        return _absolute(named)
    try:
        with open(f"{program()}/{POINTER}", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return default()


def use(home: str) -> None:
    """From now on this is the home, for this process and those that it starts."""
    import os

    os.environ["POSTERN_HOME"] = home


def default() -> str:
    """Where the home is when nobody says otherwise."""
    import pwd

    return f"{pwd.getpwuid(posix.getuid()).pw_dir}/.postern"


def make(home: str) -> None:
    """Create what is missing, readable by its owner only."""
    import os

    os.makedirs(home, mode=0o700, exist_ok=True)
    for name in FOLDERS:
        os.makedirs(os.path.join(home, name), mode=0o700, exist_ok=True)


def use_packages(home: str) -> None:
    """Let this process import from home/venv, when that was made for this very Python."""
    import os

    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = os.path.join(home, "venv", "lib", version, "site-packages")
    if os.path.isdir(packages) and packages not in sys.path:
        # Before the system's own packages, which may hold older ones; behind lib/.
        sys.path.insert(1, packages)


def check_packages(home: str) -> None:
    """ConfigError when this Python lacks a package: they are made for one version, and a panel may run another."""
    import os

    if all(any(os.path.isdir(os.path.join(path, name)) for path in sys.path) for name in PACKAGES):
        return
    from postern.base.errors import ConfigError

    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    raise ConfigError(
        f"{home}/venv has no packages for Python {version} ({sys.executable}), which runs here.",
        f"Run: sh install.sh (in {program()}), with POSTERN_PYTHON={sys.executable} if it takes another one.",
    )


def program() -> str:
    """The folder that holds lib/, schema/ and cron/."""
    return _absolute(__file__).rsplit("/", 4)[0]


def _absolute(path: str) -> str:
    """As os.path.abspath has it; a path that is so already costs nothing."""
    if path.startswith("/") and "/." not in path and "//" not in path:
        return path.rstrip("/")
    import os

    return os.path.abspath(path)
