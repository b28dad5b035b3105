"""One run of a job: alone on this home, alone on the database where that is asked for, written down from start to end.

From start to end it is inside the gate (base/gate.py), so that what a relay said, for one, is never lost to an upgrade; once
that shuts the door, the job should stop. A second start leaves at once. The lock of a home is the kernel's (base/lock.py): a
dead process holds none. A lease in the database (store/job_leases.py) outlives a dead home by the job's time limit at most.
Not here: which jobs there are (flow/job_table.py), what they do, and who starts them.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
from dataclasses import dataclass
from importlib import import_module

from postern.base import clock
from postern.base.config import SENDING_SECONDS
from postern.base.database import SYSTEM
from postern.base.errors import Busy, DatabaseUnavailable, PosternError
from postern.base.lock import of_job
from postern.base.stop import GRACE_SECONDS, Stopped
from postern.store import job_leases, jobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postern.base.stop import Stop
    from postern.flow.context import Context
    from postern.flow.job_table import Job

    Work = Callable[[Context, Stop], "Done"]

MOST_SLACK_SECONDS = 2 * 3600
"""A shared job that another home did is left out, unless that is a period ago. Cron is not exact, and clocks change in
spring: so much of the period may be missing, and at most a quarter of it."""


class CutOff(Busy):
    """A job was still at work when its time, or its grace after SIGTERM, was over."""


@dataclass(frozen=True)
class Done:
    """What a run did. `said`: a sentence for the operator. `more`: asked when the lock is free again, whether to start anew."""

    items: int = 0
    said: str = ""
    more: Callable[[], bool] | None = None


BUSY = "Another run is at work."
DONE_ELSEWHERE = "It was done for this period already."


def limit_seconds(context: Context, job: Job) -> int:
    """How long a run may take. How long a drain begins deliveries is a setting, and the last one may take its time."""
    drains = context.config.drain_seconds + SENDING_SECONDS if job.name == "deliver" else 0
    return max(job.limit_seconds, drains)


def home_id(context: Context) -> str:
    """A name for this home that tells nothing about it."""
    return hashlib.sha256(f"{socket.gethostname()}:{context.config.home}".encode()).hexdigest()[:12]


def run(context: Context, job: Job, stop: Stop, *, by_hand: bool = False) -> Done | None:
    """Run it, and again while it says that there is more. None: it is at work already, or was done for this period.

    `by_hand`: whenever it last ran.
    """
    done = None
    stop.watch(context.pool.gate.closed)
    lock = of_job(context.config.home, job.name)
    while True:
        if not lock.acquire():
            context.log.info("job.left_out", job=job.name, why=BUSY)
            return done
        with lock, context.pool.gate.enter(), _lease(context, job, by_hand) as why_not:
            if why_not:
                context.log.info("job.left_out", job=job.name, why=why_not)
                return done
            done = _written_down(context, job, stop)
        if done.more is None or stop.why() or not done.more():
            return done


@contextlib.contextmanager
def _lease(context: Context, job: Job, by_hand: bool) -> Iterator[str]:
    """Hold the lease of a shared job; yields why it must not run, or nothing."""
    if not job.shared:
        yield ""
        return
    me = home_id(context)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        mine = job_leases.take(db, job.name, me, limit_seconds(context, job) + 2 * GRACE_SECONDS)
        is_due = by_hand or jobs.is_due(db, job.name, _least_seconds(job))
    if not mine:
        yield BUSY
        return
    try:
        yield "" if is_due else DONE_ELSEWHERE
    finally:
        # Without a database it runs out by itself.
        with (
            contextlib.suppress(DatabaseUnavailable),
            context.pool.connection() as db,
            db.transaction(SYSTEM),
        ):
            job_leases.give_back(db, job.name, me)


def _least_seconds(job: Job) -> int:
    period = job.minutes * 60
    return period - min(period // 4, MOST_SLACK_SECONDS)


def _written_down(context: Context, job: Job, stop: Stop) -> Done:
    """The work with its row in `jobs`, whatever happens to it."""
    began = clock.elapsed()
    _begin(context, job)
    try:
        done = _work_of(job)(context, stop)
    except Stopped as stopped:
        words = f"{job.name} was cut off: {stopped}."
        _end(context, job, error=words)
        raise CutOff(
            words, "It goes on with its next run. If that happens often: see docs/operations/cron.md."
        ) from None
    except PosternError as error:
        _end(context, job, error=error.reason)
        raise
    except Exception as error:
        _end(context, job, error=f"A fault of Postern ({type(error).__name__}); the log has it.")
        raise
    _end(context, job, items=done.items)
    took = round(clock.elapsed() - began, 3)
    # A job that runs every minute and finds nothing to do would be most of the log.
    tell = context.log.info if done.items or job.minutes >= 60 else context.log.debug
    tell("job.end", job=job.name, items=done.items, seconds=took, said=done.said)
    return done


def _work_of(job: Job) -> Work:
    module, _, function = job.work.partition(":")
    work: Work = getattr(import_module(f"postern.{module}"), function)
    return work


def _begin(context: Context, job: Job) -> None:
    try:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            died = jobs.begin(db, job.name, home_id(context))
    except DatabaseUnavailable:
        if job.needs_database:
            raise
        return
    if died:
        context.log.warning("job.died", job=job.name, said="The run before did not come to its end.")


def _end(context: Context, job: Job, *, items: int = 0, error: str = "") -> None:
    """Where the work went wrong, that counts, and not that the database cannot be told of it."""
    try:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            jobs.end(db, job.name, home_id(context), ok=not error, items=items, error=error or None)
    except DatabaseUnavailable as away:
        context.log.warning("job.not_written_down", job=job.name, reason=away.reason)
        if job.needs_database and not error:
            raise
