"""postern cron …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "cron", "the lines in the crontab that start the jobs")
    install = common.verb(
        verbs, "install", "put the lines into the crontab, or mend them", "postern cron install"
    )
    install.add_argument("--print", action="store_true", help="only show them, for a panel")
    install.set_defaults(run=install_lines)
    remove = common.verb(verbs, "remove", "take the lines out of the crontab", "postern cron remove --yes")
    common.yes_flag(remove, "mail waits until they are back")
    remove.set_defaults(run=remove_lines)
    status = common.verb(
        verbs,
        "status",
        "compare the crontab with the table of jobs; exit code 1 when it differs",
        "postern cron status",
    )
    common.json_flag(status)
    status.set_defaults(run=show_status)


def install_lines(args: argparse.Namespace) -> int:
    """postern cron install"""
    from postern.ops.install import crontab

    home, lines = _ours()
    if args.print:
        print(lines)
        return 0
    try:
        changed = crontab.change(lambda table: crontab.put(table, home, lines))
    except crontab.CrontabRefused:
        print(f"These lines are for the panel:\n{lines}", flush=True)
        raise
    print("The lines are in the crontab." if changed else "The lines were in the crontab already.")
    return 0


def remove_lines(args: argparse.Namespace) -> None:
    """postern cron remove"""
    from postern.ops.install import crontab

    common.check_sure(
        args, "Without its lines in the crontab, no job runs: mail that must be tried again waits."
    )
    home, _ = _ours()
    changed = crontab.change(lambda table: crontab.take_out(table, home))
    print("The lines are out of the crontab." if changed else "The crontab held no lines of this home.")


def show_status(args: argparse.Namespace) -> int:
    """postern cron status"""
    from postern.flow.job_table import JOBS
    from postern.ops.install import crontab

    home, lines = _ours()
    table = crontab.read()
    inside = crontab.ours(table or "", home)
    rows: list[dict[str, object]] = []
    for job, line in zip(JOBS, lines.split("\n")):
        other = "another line" if any(job.script in one for one in inside) else "missing"
        state = "ok" if line in inside else other if table is not None else "not to be read"
        rows.append({"job": job.name, "when": crontab.when(line), "crontab": state})
    common.show(rows, args.json, "")
    if all(row["crontab"] == "ok" for row in rows):
        return 0
    if not args.json:
        print("Run: postern cron install" if table is not None else crontab.REMEDY)
    return 1


def _ours() -> tuple[str, str]:
    """The home, and the lines that belong into its crontab."""
    from postern.base import config, home
    from postern.ops.install import crontab
    from postern.ops.install.doors import python

    place = home.find()
    every = config.load(place, {}).cron_minutes
    return place, crontab.lines(home.program(), place, python(), every)
