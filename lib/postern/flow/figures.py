"""The job `stats`: figures of each hour, for the plots of the page Figures."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.flow.job_run import Done
from postern.store import canaries, figures, queue, server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.stop import Stop
    from postern.flow.context import Context


def work(context: Context, _: Stop) -> Done:
    """One transaction: counting and the mark how far it went belong together."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        counted = figures.count_events(db)
        depth = queue.depth(db)
        figures.note(db, "waiting", depth.waiting)
        figures.note(db, "oldest", depth.oldest_due_seconds)
        figures.note(db, "database", server.look(db).bytes)
        back = canaries.slowest(db)
        if back is not None:
            figures.note(db, "canary", back)
    return Done(counted, f"{counted} figures of past hours.")
