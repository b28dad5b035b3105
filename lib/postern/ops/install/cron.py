"""The cron step: our lines in the crontab, or shown for the panel; and one run of the job, as cron does it."""

from __future__ import annotations

import subprocess

from postern.ops.install import crontab
from postern.ops.install.doors import python
from postern.ops.install.installation import Installation, Step, StepFailed

RUN_SECONDS = 120


def _lines(site: Installation) -> str:
    return crontab.lines(site.top, site.home, python())


def _plan(site: Installation) -> str:
    table = crontab.read()
    if table is None:
        return f"show the crontab lines for the panel:\n{_lines(site)}"
    return "" if crontab.put(table, site.home, _lines(site)) == table else "add the crontab lines"


def _do(site: Installation) -> str:
    lines = _lines(site)
    if crontab.read() is None:
        site.next_steps.insert(
            0, f"Add this in the panel, under Cron Jobs (every minute, or as often as it lets you):\n{lines}"
        )
        said = "no crontab here: the line for the panel is below"
    else:
        crontab.change(lambda table: crontab.put(table, site.home, lines))
        said = "in the crontab"
    _try_out(site)
    return f"{said}; a first run went well"


def _try_out(site: Installation) -> None:
    """The job once, with no more of an environment than cron gives."""
    argv = [python(), "-IS", site.path("cron", "deliver.py")]
    done = subprocess.run(
        argv,
        env={"PATH": "/usr/bin:/bin"},
        cwd=site.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise StepFailed(
            f"cron/deliver.py ended with {done.returncode}: {done.stdout.strip()[-400:]}",
            f"The log in {site.home}/logs says more.",
        )


def _undo(site: Installation) -> str:
    if crontab.read() is None:
        return "no crontab here: take the lines out in the panel"
    crontab.change(lambda table: crontab.take_out(table, site.home))
    return "our lines are out of the crontab"


CRON = Step("Cron", _plan, _do, _undo)
