"""How the process of a first request turns into the resident, once its visitor has the answer.

It has imported everything already, so that is paid for once. It forks twice: the process that the web server waits for ends
as it would have, and the one that stays belongs to nobody, in a session of its own, with no file of the request open.
"""

from __future__ import annotations

import contextlib
import os

from postern.base.lock import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.log import Log

LOCK = "run/resident.lock"
"""Below the home. Its holder is the one resident, and may throw away a socket that lies there."""


def leave_behind(home: str, log: Log) -> None:
    """Leave a resident behind, unless there is one. Returns at once; nothing that goes wrong here is the visitor's."""
    lock = FileLock(os.path.join(home, LOCK))
    try:
        if not lock.acquire():
            return
        child = os.fork()
        if child:
            lock.release()  # the resident holds it on: a lock is the open file's, and that is shared
            os.waitpid(child, 0)
            return
    except OSError as error:
        log.warning("resident.failed", reason=str(error))
        return
    try:
        os.setsid()
        if os.fork() == 0:
            _stay(home, lock)
    finally:
        os._exit(0)


def _stay(home: str, lock: FileLock) -> None:
    """The life of the resident."""
    from postern.resident.life import Life, Limits, take_little
    from postern.resident.listen import Listener
    from postern.web.app import application

    _let_go_of_all_but(lock.file)
    take_little()
    stay = Life(home, Limits())
    app = application("web")
    with contextlib.closing(app):
        Listener(home, app, app.context().log, stay).run()


def _let_go_of_all_but(kept: int) -> None:
    """Close every file of the request, and everything else that this process had open."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
