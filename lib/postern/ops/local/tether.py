"""A child process that dies with the thread that started it, as another user where asked.

`command()` wraps an argument list so that this file, run as a program, sets things up inside the child and then becomes
the wanted command (same process id). A program of its own, because no Python may run between fork and exec while
threads are about.

Linux tells a child of its parent's death by a signal (prctl PR_SET_PDEATHSIG), even after kill -9. Elsewhere the
command runs untethered, and whoever starts it must stop it.
Not here: what to run, and waiting for it.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def command(argv: list[str], *, user: str | None = None, on_death: int = signal.SIGTERM) -> list[str]:
    """The argument list that runs `argv` tethered to the calling process. `user` needs root."""
    return [
        sys.executable,
        "-I",
        "-S",
        os.path.abspath(__file__),
        str(os.getpid()),
        str(int(on_death)),
        user or "",
        *argv,
    ]


def become(user: str) -> None:
    """Give up root for good."""
    import pwd

    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def death_signal() -> Callable[[int], object]:
    """The call that asks for a signal at the parent's death; does nothing outside Linux."""
    if not sys.platform.startswith("linux"):
        return lambda _: None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda number: prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def main(argv: list[str]) -> None:
    """Parent's process id, signal number, user or "", then the command and its arguments."""
    parent, signal_number, user, wanted = int(argv[0]), int(argv[1]), argv[2], argv[3:]
    # Loaded before root is given up: the other user may not reach this Python's files.
    ask_for = death_signal()
    if user:
        become(user)
    # Asked for after it: a change of user clears the request (prctl(2)).
    ask_for(signal_number)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
    os.execv(wanted[0], wanted)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
