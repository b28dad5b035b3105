"""A drain as cron and a receipt start it: one at a time on a home, spool first, woken again when something came meanwhile.

From its first claim to its last record it is inside the gate (base/gate.py), so nothing that the relay said is lost to an
upgrade; once that shuts the door, the drain begins no further delivery.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from dataclasses import asdict

from postern.base.database import SYSTEM
from postern.base.errors import PosternError
from postern.flow import wake
from postern.flow.deliver import Tally, drain
from postern.flow.import_spool import import_all
from postern.flow.prune import prune_when_due
from postern.store import jobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context


def home_id(context: Context) -> str:
    """A name for this home that tells nothing about it."""
    return hashlib.sha256(f"{socket.gethostname()}:{context.config.home}".encode()).hexdigest()[:12]


def run_drain(context: Context) -> Tally | None:
    """Drain until nothing new came while the lock was held. None: another drain holds it, and will see the mark."""
    tally = None
    lock = wake.lock_of(context)
    while lock.acquire():
        with lock:
            _unmark(context)
            tally = _run_once(context)
        if not os.path.exists(wake.mark_path(context)) or tally.stopped != "nothing is due":
            break
    return tally


def _unmark(context: Context) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(wake.mark_path(context))


def _run_once(context: Context) -> Tally:
    """One drain with its row in `jobs`, whatever happens to it."""
    me = home_id(context)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        jobs.begin(db, "drain", me)
    try:
        import_all(context)
        with context.pool.gate.enter():
            tally = drain(context)
            prune_when_due(context, me)
            _end(context, me, tally)
    except PosternError as error:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            jobs.end(db, "drain", me, ok=False, items=0, error=error.reason)
        raise
    if tally != Tally(stopped="nothing is due"):
        context.log.info("drain.end", **asdict(tally))
    return tally


def _end(context: Context, me: str, tally: Tally) -> None:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        jobs.end(db, "drain", me, ok=True, items=tally.sent)
