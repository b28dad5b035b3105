"""The cron step: our lines in the crontab, or shown for the panel; and one run of the job, as cron does it."""

from __future__ import annotations

import subprocess
import tempfile

from postern.base.errors import ConfigError
from postern.ops.install import crontab
from postern.ops.install.doors import python
from postern.ops.install.installation import Installation, Step, StepFailed

RUN_SECONDS = 120

PANEL = (
    "Add these in the panel, under Cron Jobs. Where it lets a job run less often, set POSTERN_CRON_MINUTES first; then "
    "`postern cron install --print` shows them anew:"
)


def _lines(site: Installation) -> str:
    try:
        every = site.config().cron_minutes
    except ConfigError:
        every = 1  # nothing is set yet: install.sh --check looks first of all
    return crontab.lines(site.top, site.home, python(), every)


def _plan(site: Installation) -> str:
    table = crontab.read()
    if table is None:
        return f"show the crontab lines for the panel:\n{_lines(site)}"
    return "" if crontab.put(table, site.home, _lines(site)) == table else "add the crontab lines"


def _do(site: Installation) -> str:
    lines = _lines(site)
    said = "no crontab here"
    try:
        is_in = crontab.read() is not None
        if is_in:
            crontab.change(lambda table: crontab.put(table, site.home, lines))
    except crontab.CrontabRefused as error:
        is_in, said = False, error.reason
    if not is_in:
        site.next_steps.insert(0, f"{PANEL}\n{lines}")
        said += ": the lines for the panel are below"
    return f"{'in the crontab' if is_in else said}; {_try_out(site)}"


def _try_out(site: Installation) -> str:
    """The job once, with no more of an environment than cron gives. It may have much mail to deliver: it is never killed."""
    with tempfile.TemporaryFile() as said:
        job = subprocess.Popen(
            [python(), "-IS", site.path("cron", "deliver.py")],
            env={"PATH": "/usr/bin:/bin"},
            cwd=site.home,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = job.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            return f"a first run is still at work after {RUN_SECONDS} seconds, and goes on"
        said.seek(0)
        words = said.read().decode(errors="replace").strip()[-400:]
    if code:
        raise StepFailed(
            f"cron/deliver.py ended with {code}: {words}", f"The log in {site.home}/logs says more."
        )
    return "a first run went well"


def _undo(site: Installation) -> str:
    if crontab.read() is None:
        return "no crontab here: take the lines out in the panel"
    crontab.change(lambda table: crontab.take_out(table, site.home))
    return "our lines are out of the crontab"


CRON = Step("Cron", _plan, _do, _undo)
