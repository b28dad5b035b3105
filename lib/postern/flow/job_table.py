"""The jobs that cron starts: what each does, how often, for how long at most, and what is lost if it does not run.

This table is the one place. The crontab (ops/install/crontab.py), the scripts in cron/, the watch over the jobs, `postern jobs`
and docs/operations/cron.md are made from it or held against it. How a job runs is in flow/job_run.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.errors import NotFound

DAY = 24 * 60
"""Minutes."""


@dataclass(frozen=True)
class Job:
    """One job.

    `work` names its function as module:function below `postern`, for some of them live above this floor, and none is imported
    before it runs. It takes the context and a Stop, and returns Done. `minutes`: from one start to the next. `hour`: of a
    daily job, the hour of the day before which it does not start (an installation adds its own delay). `shared`: one run serves
    all homes of a database; else each home needs its own.
    """

    name: str
    work: str
    minutes: int
    limit_seconds: int
    does: str
    lost: str
    hour: int = 0
    shared: bool = False
    needs_database: bool = True

    @property
    def script(self) -> str:
        """The file that cron starts, below the program's folder."""
        return f"cron/{self.name}.py"


JOBS = (
    Job(
        "deliver",
        "flow.run_drain:work",
        minutes=1,
        limit_seconds=600,
        does="Delivers what is due, and takes mail out of the spool.",
        lost="New mail still goes out, for each receipt starts a drain; what must be tried again waits, and so does the spool.",
    ),
    Job(
        "monitor",
        "ops.monitor.monitor:work",
        minutes=5,
        limit_seconds=240,
        needs_database=False,
        does="Looks at queue, relay, database, disk, jobs and more, and tells you what changed.",
        lost="Nobody tells you that something is wrong; an outside monitor that waits for the heartbeat does.",
    ),
    Job(
        "stats",
        "flow.figures:work",
        minutes=60,
        limit_seconds=120,
        shared=True,
        does="Counts what each hour brought.",
        lost="The plots of the page Figures have gaps; up to two days are made up for.",
    ),
    Job(
        "digest",
        "flow.digest:work",
        minutes=DAY,
        hour=5,
        limit_seconds=600,
        shared=True,
        does="Mails a digest of the days that are over to each user who chose one.",
        lost="No digest comes; the next one tells of those days too.",
    ),
    Job(
        "rotate-logs",
        "ops.logs:rotate",
        minutes=DAY,
        limit_seconds=300,
        needs_database=False,
        does="Compresses the logs of past days and deletes the old ones.",
        lost="Logs take more disk: 20 MB a day at most, for as many days as they are kept.",
    ),
    Job(
        "purge",
        "flow.prune:work",
        minutes=DAY,
        hour=1,
        limit_seconds=900,
        shared=True,
        does="Deletes what is past its time: sent and failed mail, old events, codes, sessions, deleted aliases.",
        lost="The database grows, and old mail stays longer than you said. After two days a drain does it instead.",
    ),
    Job(
        "backup",
        "ops.backups.daily:back_up",
        minutes=DAY,
        hour=2,
        limit_seconds=3600,
        does="Writes a backup into home/backups, deletes those that are past their time, and copies it off the host where set.",
        lost="What came since the last backup is lost with the database. Nothing is deleted meanwhile.",
    ),
    Job(
        "restore-check",
        "ops.backups.daily:check",
        minutes=DAY,
        hour=6,
        limit_seconds=3600,
        does="Restores the newest backup into a scratch schema, compares counts and digests, and takes it back.",
        lost="A backup that cannot be restored is found out when it is needed.",
    ),
)


def get(name: str) -> Job:
    """The job of that name. NotFound with the remedy."""
    for job in JOBS:
        if job.name == name:
            return job
    raise NotFound(f"There is no job {name!r}.", "See: postern jobs list")
