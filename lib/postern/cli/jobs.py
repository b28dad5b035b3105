"""postern jobs …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.flow.job_run import Done
    from postern.flow.job_table import Job
    from postern.store.jobs import Listed


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    text = "what cron does: when each job last ran, and how it ended"
    parser = nouns.add_parser("jobs", help=text, description=text, epilog="example: postern jobs")
    common.json_flag(parser)
    parser.set_defaults(run=list_jobs)
    verbs = parser.add_subparsers(metavar="VERB")
    listing = common.verb(
        verbs, "list", "show every job and its last run; so does `postern jobs`", "postern jobs list"
    )
    common.json_flag(listing)
    listing.set_defaults(run=list_jobs)
    run = common.verb(verbs, "run", "run a job now, whenever it last ran", "postern jobs run purge")
    run.add_argument("name", metavar="NAME")
    run.set_defaults(run=run_job)
    table = common.verb(
        verbs, "table", "print what each job is for, as docs/operations/cron.md has it", "postern jobs table"
    )
    table.set_defaults(run=print_table)


def list_jobs(args: argparse.Namespace) -> None:
    """postern jobs, postern jobs list: the jobs of the table; then those that only the database knows."""
    from postern.flow.job_table import JOBS
    from postern.store import jobs

    with common.as_operator() as (_, db):
        found = jobs.all_jobs(db)
    rows = []
    for job in JOBS:
        runs: list[Listed | None] = [run for run in found if run.job == job.name]
        rows += [_row(job.name, run) for run in runs or [None]]
    known = {job.name for job in JOBS}
    rows += [_row(run.job, run) for run in found if run.job not in known]
    common.show(rows, args.json, "")


def _row(name: str, run: Listed | None) -> dict[str, object]:
    if run is None:
        nothing = dict.fromkeys(("home", "started", "ended"))
        return {
            "job": name,
            **nothing,
            "result": "never ran",
            "items": None,
            "failures": 0,
            "error": None,
            "error_at": None,
        }
    return {
        "job": name,
        "home": run.home,
        "started": run.started_at,
        "ended": run.ended_at,
        "result": "running" if run.ok is None else "ok" if run.ok else "failed",
        "items": run.items,
        "failures": run.failures,
        "error": run.error,
        "error_at": run.error_at,
    }


def run_job(args: argparse.Namespace) -> None:
    """postern jobs run"""
    from postern.base.errors import Busy

    with common.instance() as context:
        done = run_by_hand(context, args.name)
    if done is None:
        raise Busy(f"Another run of {args.name} is at work.", "See: postern jobs list")
    print(f"{args.name}: {done.said or f'{done.items} items.'}")


def run_by_hand(context: Context, name: str) -> Done | None:
    """One run, whenever the last one was. None: one is at work. Ctrl-C ends it as SIGTERM does."""
    from postern.base import stop
    from postern.flow import job_run, job_table

    job = job_table.get(name)
    with stop.on_signals(job_run.limit_seconds(context, job)) as signals:
        return job_run.run(context, job, signals, by_hand=True)


def print_table(args: argparse.Namespace) -> None:
    """postern jobs table"""
    from postern.flow.job_table import JOBS

    print("| job | how often | at most | runs on | what it does | what is lost without it |")
    print("| --- | --- | --- | --- | --- | --- |")
    for job in JOBS:
        where = "one home for all" if job.shared else "each home"
        print(
            f"| `{job.name}` | {_how_often(job)} | {job.limit_seconds // 60} min | {where} | {job.does} | {job.lost} |"
        )


def _how_often(job: Job) -> str:
    if job.minutes == 1:
        return "every minute"
    if job.minutes < 60:
        return f"every {job.minutes} minutes"
    return "every hour" if job.minutes == 60 else "every day"
