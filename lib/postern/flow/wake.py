"""Waking the drain after a receipt, so that mail does not wait for the minute. How it cannot be missed: docs/queue.md."""

from __future__ import annotations

import os
import sys
import threading

from postern.base import home, lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context

_children: list[int] = []
"""Drains started by this process and not yet reaped; a CGI process leaves them to init."""

_reaping = threading.Lock()


def mark_path(context: Context) -> str:
    """The file that says: something new is due."""
    return os.path.join(context.config.home, "run", "wake")


def drain(context: Context) -> None:
    """Let a drain run soon: leave the mark, and start one unless one is at work. Never raises: cron comes anyway."""
    try:
        _reap()
        os.close(os.open(mark_path(context), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        held = lock.of_job(context.config.home, "deliver")
        if held.acquire():
            held.release()
            _start(context)
    except OSError as error:
        context.log.warning("wake.failed", reason=str(error))


def _start(context: Context) -> None:
    """A process of its own, with no open files of the request: Apache kills what still hangs on its CGI.

    The script makes its own session: posix_spawn cannot on the older C libraries that hosts carry.
    """
    script = os.path.join(home.program(), "cron", "deliver.py")
    environ = {"POSTERN_HOME": context.config.home, "PATH": os.environ.get("PATH", os.defpath)}
    environ.update(
        {name: value for name, value in os.environ.items() if name.startswith(("POSTERN_", "PYTHON", "LANG"))}
    )
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    try:
        pid = os.posix_spawn(
            sys.executable, [sys.executable, script, "--woken"], environ, file_actions=actions
        )
    finally:
        os.close(null)
    _children.append(pid)


def _reap() -> None:
    """No zombies in a process that lives on. One thread at a time: two could not both take the same child off the list."""
    with _reaping:
        for pid in list(_children):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0]
            except ChildProcessError:
                ended = pid
            if ended:
                _children.remove(pid)
