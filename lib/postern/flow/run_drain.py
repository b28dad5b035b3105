"""A drain as cron and a receipt start it: spool first, once more when something came meanwhile."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict

from postern.flow import wake
from postern.flow.deliver import drain
from postern.flow.drained import Tally
from postern.flow.import_spool import import_all
from postern.flow.job_run import Done
from postern.flow.outlet import NOTHING_DUE
from postern.flow.prune import prune_when_overdue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.stop import Stop
    from postern.flow.context import Context


def work(context: Context, stop: Stop) -> Done:
    """The job `deliver`."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(wake.mark_path(context))
    import_all(context, stop)
    tally = drain(context, stop)
    if not stop.why():
        prune_when_overdue(context)
    if tally != Tally(stopped=NOTHING_DUE):
        context.log.info("drain.end", **asdict(tally))
    said = f"{tally.sent} sent, {tally.later} later, {tally.failed} failed; stopped because {tally.stopped}."
    return Done(
        tally.sent, said, lambda: tally.stopped == NOTHING_DUE and os.path.exists(wake.mark_path(context))
    )
