"""When a job should end: it was asked to (SIGTERM), its time is over, or an upgrade waits.

A job asks `stop.why()` between two pieces of its work, and ends well when there is a reason. One that does not come to such a
place within GRACE_SECONDS is cut off: Stopped is raised wherever it is, its transaction is rolled back, and its lock is let go.
"""

from __future__ import annotations

import contextlib
import signal

from postern.base import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GRACE_SECONDS = 20
"""Between the time when a job should end and the time when it is cut off."""

ASKED, OVER = "it was asked to stop", "its time is over"
CLOSED = "the database is closed for an upgrade"


class Stopped(BaseException):
    """The job was cut off. No Exception: a job that gets over one bad message does not get over this."""


class Stop:
    """Asked by the job; told by signals."""

    def __init__(self, seconds: float = float("inf")) -> None:
        self._until = clock.elapsed() + seconds
        self._asked = False
        self._closing: Callable[[], bool] = lambda: False

    def ask(self) -> None:
        """The job should end."""
        self._asked = True

    def watch(self, closing: Callable[[], bool]) -> None:
        """Once this holds, the job should end as well."""
        self._closing = closing

    def why(self) -> str:
        """Why the job should end; empty: it may go on."""
        if self._asked:
            return ASKED
        if self._closing():
            return CLOSED
        return OVER if clock.elapsed() >= self._until else ""


@contextlib.contextmanager
def on_signals(seconds: float) -> Iterator[Stop]:
    """A Stop for a process whose main thread does one job: told by SIGTERM and by the time. Cuts the job off in the end."""
    stop = Stop(seconds)

    def ask(*_: object) -> None:
        stop.ask()
        signal.alarm(GRACE_SECONDS)

    def cut_off(*_: object) -> None:
        raise Stopped(stop.why())

    before = signal.signal(signal.SIGTERM, ask), signal.signal(signal.SIGALRM, cut_off)
    signal.alarm(int(seconds) + GRACE_SECONDS)
    try:
        yield stop
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGALRM, before[1])
