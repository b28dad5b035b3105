"""What the monitor looks at. Each look is a value: a name, whether it is well, and words for people.

A name is an entry of REMEDIES (ops/monitor/remedies.py) and of docs/operations/monitoring.md. Here: what the database tells.
What the machine tells is in ops/monitor/machine.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base import clock
from postern.base.relay_place import places
from postern.flow import outlet
from postern.flow.job_table import JOBS
from postern.store import canaries, jobs, queue, relay_pace, relays, server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.base.database import Database
    from postern.base.settings import Config
    from postern.flow.context import Context
    from postern.flow.job_table import Job
    from postern.store.jobs import Listed
    from postern.store.server import Server

PERIODS = 3
"""A job that has not gone well for so many of its periods is in trouble."""

FEW = 20
"""With fewer deliveries sent in a day, a rate of bounces says nothing."""


@dataclass(frozen=True)
class Look:
    """`home`: whose it is; empty for what all homes share. `detail` holds no address and no secret."""

    name: str
    home: str
    ok: bool
    detail: str


def database(context: Context, db: Database, home: str) -> list[Look]:
    """All that one transaction tells."""
    config = context.config
    seen = server.look(db)
    return [
        _queue(config, db),
        *_course(config, db),
        *_relay(context, db),
        _canary(config, db),
        *_server(config, seen),
        _clock(config, seen, home),
        *_jobs(config, db, seen, home),
    ]


def _queue(config: Config, db: Database) -> Look:
    depth = queue.depth(db)
    ok = depth.oldest_due_seconds <= config.health_queue_seconds
    return Look("queue", "", ok, f"{depth.due} due, the oldest for {depth.oldest_due_seconds} s")


def _course(config: Config, db: Database) -> Iterator[Look]:
    seen = server.course(db)
    most = config.alert_failed_hour
    yield Look(
        "failures", "", not most or seen.failed < most, f"{seen.failed} deliveries failed within the hour"
    )
    percent = 100 * seen.bounced // seen.sent if seen.sent else 0
    ok = seen.sent < FEW or percent < config.alert_bounce_percent
    yield Look(
        "bounces", "", ok, f"{seen.bounced} of {seen.sent} deliveries of a day came back ({percent} %)"
    )


def _relay(context: Context, db: Database) -> Iterator[Look]:
    config, known = context.config, places(context.config)
    seen = [(place, relays.find(db, place.name)) for place in known]
    bad = [place.host for place, relay in seen if relay is not None and relay.in_trouble]
    which = "it" if len(seen) == 1 else " and ".join(bad)
    yield Look(
        "relay",
        "",
        not bad,
        f"{which} cannot be used; the log says why" if bad else "nothing is wrong with it",
    )
    # What one has no room for goes to the next: the budget is as used as that of the one with most room.
    percent = min(
        outlet.used_percent(place, relay_pace.find(db, place.name), relays.usage(db, place.name))
        for place in known
    )
    yield Look(
        "budget", "", percent < config.alert_budget_percent, f"{percent} % of what it may send is used"
    )


def _canary(config: Config, db: Database) -> Look:
    if not config.canary:
        return Look("canary", "", True, "none is set")
    course = canaries.course(db)
    words = "none came back yet" if course.seconds is None else f"the last one took {course.seconds} s"
    if course.missing_seconds:
        words += f", and one is on its way for {course.missing_seconds} s"
    return Look("canary", "", course.missing_seconds < config.alert_canary_seconds, words)


def _server(config: Config, seen: Server) -> Iterator[Look]:
    most = config.alert_database_bytes
    yield Look("database-size", "", not most or seen.bytes < most, f"{seen.bytes // 1_000_000} MB")
    percent = 100 * seen.connections // max(seen.most, 1)
    ok = percent < config.alert_connections_percent
    yield Look("connections", "", ok, f"{seen.connections} of {seen.most} are in use")


def _clock(config: Config, seen: Server, home: str) -> Look:
    skew = round(abs(clock.now() - seen.now))
    return Look("clock", home, skew <= config.alert_clock_seconds, f"{skew} s from the database's clock")


def _jobs(config: Config, db: Database, seen: Server, home: str) -> Iterator[Look]:
    found = jobs.all_jobs(db)
    yield _backup(config, found, home, seen)
    for job in JOBS:
        runs = [run for run in found if run.job == job.name]
        if job.shared:
            yield _shared_job(config, job, runs, seen)
        else:
            yield from (_job(config, job, run) for run in runs)
            if not any(run.home == home for run in runs):
                yield _never(config, job, home, seen)


def _backup(config: Config, found: list[Listed], home: str, seen: Server) -> Look:
    """The newest backup of this home. A young installation has none yet."""
    ages = [
        run.ok_seconds
        for run in found
        if (run.job, run.home) == ("backup", home) and run.ok_seconds is not None
    ]
    age = min(ages, default=seen.schema_seconds)
    words = f"the newest is {age // 3600} hours old" if ages else "there is none yet"
    return Look("backup", home, age <= config.alert_backup_hours * 3600, words)


def _shared_job(config: Config, job: Job, runs: list[Listed], seen: Server) -> Look:
    """The run that went well last, on whichever home; when none ever did, the last one."""
    if not runs:
        return _never(config, job, "", seen)
    best = min(runs, key=lambda run: (run.ok_seconds is None, run.ok_seconds or run.started_seconds))
    look = _job(config, job, best)
    return Look(look.name, "", look.ok, look.detail)


def _late_seconds(config: Config, job: Job) -> int:
    return PERIODS * 60 * max(job.minutes, config.cron_minutes)


def _job(config: Config, job: Job, run: Listed) -> Look:
    late = _late_seconds(config, job)
    ago = run.ok_seconds if run.ok_seconds is not None else None
    failing = run.failures > 0 and run.ok is not True
    if failing:
        words = f"failed {run.failures} times in a row: {run.error}"
    elif ago is None and run.started_seconds > late:
        words = "never came to a good end"
    elif ago is not None and ago > late:
        words = f"last went well {ago // 60} minutes ago"
    else:
        return Look(f"job-{job.name}", run.home, True, "runs and goes well")
    return Look(f"job-{job.name}", run.home, False, words)


def _never(config: Config, job: Job, home: str, seen: Server) -> Look:
    """A young installation has not come to it yet."""
    young = seen.schema_seconds <= _late_seconds(config, job)
    return Look(
        f"job-{job.name}",
        home,
        young,
        "has not run yet" if young else "never ran: is its line in the crontab?",
    )
