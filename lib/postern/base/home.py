"""The home: the private folder of an instance, never under the document root.

home/.env          settings and secrets, 0600
home/venv/         the two dependencies
home/logs/         JSON lines, a file a day
home/spool/        messages taken in while the database is away (new, kept, tmp)
home/run/          locks and wake marks; may be emptied at any time while nothing runs

`POSTERN_HOME` names it; otherwise it is ~/.postern. The password database is asked for ~, because a CGI
under suexec has no HOME in its environment.
"""

from __future__ import annotations

import os
import sys

FOLDERS = ("logs", "run", "spool", "spool/tmp", "spool/new", "spool/kept")


def find() -> str:
    """The absolute path of the home, whether it exists or not."""
    named = os.environ.get("POSTERN_HOME")
    if named:
        return os.path.abspath(named)
    import pwd

    return os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".postern")


def make(home: str) -> None:
    """Create what is missing, readable by its owner only."""
    os.makedirs(home, mode=0o700, exist_ok=True)
    for name in FOLDERS:
        os.makedirs(os.path.join(home, name), mode=0o700, exist_ok=True)


def use_packages(home: str) -> None:
    """Let this process import from home/venv, when that was made for this very Python."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = os.path.join(home, "venv", "lib", version, "site-packages")
    if os.path.isdir(packages) and packages not in sys.path:
        # Before the system's own packages, which may hold older ones; behind lib/.
        sys.path.insert(1, packages)


def program() -> str:
    """The folder that holds lib/, schema/ and cron/."""
    here = os.path.abspath(__file__)
    for _ in range(4):
        here = os.path.dirname(here)
    return here
