"""A short private folder that goes when this process goes, however it goes.

A shell waits at a pipe whose other end only this process holds: when that closes (remove(), the end of the process, kill -9),
it removes the folder. Short, because the path of a Unix socket may have 107 bytes at most.
"""

from __future__ import annotations

import os
import subprocess
import tempfile

from postern.base.errors import ConfigError
from postern.ops.local import tether

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen

SHORT = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 (mkdtemp makes a private folder in one)
LONGEST = 70
"""Bytes of the folder's path; leaves room for the name of a socket in it."""

# $1: the folder to remove, $2: pid file of a server that writes there until it ends, so it is waited for.
JANITOR = """
trap '' HUP INT TERM
read -r _
pid=$(head -n 1 "$2" 2>/dev/null)
n=0
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
until rm -rf "$1" 2>/dev/null || [ $n -ge 300 ]; do sleep 0.05; n=$((n + 1)); done
"""


class Scratch:
    """The folder, mode 0700. It belongs to `user` where one is named (by root), and that user can reach it."""

    def __init__(self, prefix: str, *, user: str | None = None, pid_file: str = "", near: str = "") -> None:
        """`pid_file`: path inside the folder, or absolute; its process is waited for before the folder goes.

        `near`: the folder that it should be made in, where that is short enough.
        """
        self.user = user
        self.folder = _make(prefix, user, near)
        self._janitor = subprocess.Popen(
            ["/bin/sh", "-c", JANITOR, "postern-janitor", self.folder, os.path.join(self.folder, pid_file)],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def path(self, *names: str) -> str:
        """A path in the folder."""
        return os.path.join(self.folder, *names)

    def give(self, path: str) -> None:
        """Let the folder's user own this path."""
        if self.user:
            _chown(path, self.user)

    def write(self, path: str, text: str) -> None:
        """A file of the folder's user, readable by nobody else."""
        # O_NOFOLLOW: root writes where the folder's user could have laid a link.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "w") as file:
            file.write(text)
        self.give(path)

    def spawn(self, argv: list[str], on_death: int) -> Popen[bytes]:
        """Run a program here as the folder's user, tethered to this thread; what it says goes to the file `log`."""
        # Nothing of the caller's PG… variables or language may leak in; TZ spares initdb a search through all zones.
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(self.path("log"), flags, 0o600), "ab") as log:
            return subprocess.Popen(
                tether.command(argv, user=self.user, on_death=on_death),
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C at a terminal goes to the caller alone, who then ends this in good order.
                start_new_session=True,
            )

    def last_words(self) -> str:
        """The end of the log, in one line."""
        with open(self.path("log"), errors="replace") as file:
            return " / ".join(file.read().strip().split("\n")[-4:])

    def remove(self) -> None:
        """Now. Harmless when called again."""
        pipe = self._janitor.stdin
        if pipe and not pipe.closed:
            # A line, not only the end of the pipe: a forked child may still hold the other end.
            pipe.write(b"\n")
            pipe.close()
        self._janitor.wait()


def _make(prefix: str, user: str | None, near: str) -> str:
    for parent in (*filter(None, (near,)), tempfile.gettempdir(), *SHORT):
        if len(os.fsencode(parent)) + len(prefix) + 10 > LONGEST or not os.access(parent, os.W_OK | os.X_OK):
            continue
        folder = tempfile.mkdtemp(prefix=prefix, dir=parent)
        if user is None:
            return folder
        _chown(folder, user)
        if _reaches(user, folder):
            return folder
        os.rmdir(folder)
    raise ConfigError(
        "There is no folder for temporary files that is short and open to all.", "Set TMPDIR=/tmp."
    )


def _reaches(user: str, folder: str) -> bool:
    """Whether this user can write there: each folder above must let them through."""
    argv = ["/bin/sh", "-c", 'cd "$1" && test -w .', "sh", folder]
    done = subprocess.run(tether.command(argv, user=user), cwd="/", stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _chown(path: str, user: str) -> None:
    import pwd

    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def service_user() -> str | None:
    """Who runs the server: None is this user; root needs another, for PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise ConfigError(
        "PostgreSQL does not run as root, and there is no other user for it.", "Run: useradd postgres"
    )
