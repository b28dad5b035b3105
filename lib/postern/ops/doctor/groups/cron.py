"""The jobs: whether cron starts them, and how they ended."""

from __future__ import annotations

from postern.base import home
from postern.flow import job_run
from postern.flow.job_table import JOBS
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, judged, ok, unknown, warn
from postern.ops.install import crontab
from postern.ops.install.doors import python
from postern.store import jobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.job_table import Job
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene
    from postern.store.jobs import Listed

PERIODS = 3
"""A job that has not gone well for so many of its periods is late. As in the host's own terms: a daily job, three days."""


def _lines(scene: Scene) -> Check:
    table = crontab.read()
    if table is None:
        return unknown("this account has no use of the program crontab", crontab.REMEDY)
    wanted = crontab.lines(home.program(), scene.home, python(), scene.config.cron_minutes).split("\n")
    inside = crontab.ours(table, scene.home)
    missing = [job.name for job, line in zip(JOBS, wanted) if line not in inside]
    return judged(
        f"not as they should be: {', '.join(missing)}" if missing else "", f"all {len(wanted)} lines"
    )


def _mine(scene: Scene) -> list[Listed]:
    """The runs of this home, and of whatever home does a shared job."""
    with scene.database() as db:
        found = jobs.all_jobs(db)
    shared = {job.name for job in JOBS if job.shared}
    me = job_run.home_id(scene.context)
    return [run for run in found if run.home == me or run.job in shared]


def _drain(scene: Scene) -> Check:
    runs = [run for run in _mine(scene) if run.job == "deliver"]
    if not runs:
        return fail("it never ran")
    ago = runs[0].started_seconds
    told = f"it started {ago} s ago"
    return fail(told) if ago > scene.config.health_drain_seconds else ok(told)


def _late(job: Job, runs: list[Listed], every: int) -> str:
    """What is wrong with a job; empty when nothing is."""
    mine = [run for run in runs if run.job == job.name]
    if not mine:
        return f"{job.name} never ran"
    well = min((run.ok_seconds for run in mine if run.ok_seconds is not None), default=None)
    newest = mine[0]
    if newest.ok is False:
        return f"{job.name} failed {newest.failures} times in a row: {newest.error}"
    if well is not None and well > PERIODS * 60 * max(job.minutes, every):
        return f"{job.name} last went well {well // 3600} hours ago"
    return ""


def _ended_well(scene: Scene) -> Check:
    runs = _mine(scene)
    troubles = [told for job in JOBS if (told := _late(job, runs, scene.config.cron_minutes))]
    young = [told for told in troubles if told.endswith("never ran")]
    if len(young) < len(troubles):
        return fail("; ".join(troubles))
    if young:
        return warn("; ".join(young), "Each runs within a day; or by hand: postern jobs run NAME")
    return ok(f"all {len(JOBS)} jobs")


CHECKS = (
    Item(
        "cron.lines",
        "SH-09",
        CRITICAL,
        "The crontab holds the lines of all jobs",
        "Run: postern cron install. Where that is refused: postern cron install --print, and the panel's Cron Jobs.",
        "docs/operations/cron.md",
        _lines,
        needs=("env.settings",),
        symptom="Mail that must be tried again stays: cron does not start the jobs",
    ),
    Item(
        "cron.drain",
        "SH-09",
        CRITICAL,
        "The job `deliver` runs",
        "See home/logs/cron-deliver.txt; try: postern jobs run deliver",
        "docs/operations/cron.md",
        _drain,
        needs=("database.migrated", "keys.strong"),
        symptom="/health says that the drain never ran, or long ago",
    ),
    Item(
        "cron.jobs",
        "SH-09",
        IMPORTANT,
        "Every job ended well when it last ran",
        "See `postern jobs list`, and the log.",
        "docs/operations/cron.md",
        _ended_well,
        needs=("database.migrated", "keys.strong"),
        symptom="A job fails each time",
    ),
)
