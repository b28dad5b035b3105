"""GET /health: 200 when mail flows, 503 when it does not; JSON with each check (SH-21).

Asks the database and the disk. The relay is told as last seen, not dialled anew. No addresses, no secrets, no names.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from postern.base import clock
from postern.base.database import SYSTEM
from postern.base.errors import PosternError
from postern.base.gate import running
from postern.base.relay_place import places
from postern.store import jobs, queue, relays
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.relays import Relay
    from postern.web.request import Request
    from postern.web.response import Response


@dataclass(frozen=True)
class Check:
    """One thing looked at. `detail` is for people, and holds nothing private."""

    name: str
    ok: bool
    detail: str
    ms: float = 0


def look(context: Context) -> list[Check]:
    """Every check, each with how long its group took."""
    checks = []
    for group in (_from_database, _disk, _spool):
        began = clock.elapsed()
        found = group(context)
        took = round((clock.elapsed() - began) * 1000, 1)
        checks += [replace(check, ms=took) for check in found]
    return checks


def show(context: Context, request: Request) -> Response:
    """Look, and answer."""
    from datetime import datetime, timezone

    checks = look(context)
    healthy = all(check.ok for check in checks)
    at = datetime.fromtimestamp(clock.now(), timezone.utc).isoformat(timespec="seconds")
    told = [{"name": c.name, "status": _word(c.ok), "detail": c.detail, "ms": c.ms} for c in checks]
    answer = {"status": _word(healthy), "release": running(), "time": at, "checks": told}
    return responses.json(200 if healthy else 503, answer)


def ready(context: Context, _: Request) -> Response:
    """GET /health/ready: whether this process can do its work: its database is there, with the tables of this program."""
    try:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            queue.depth(db)
    except PosternError as error:
        context.log.error("health.not_ready", reason=error.reason)
        return responses.json(503, {"status": "fail"}, ("Retry-After", "60"))
    return responses.json(200, {"status": "ok"})


def _word(ok: bool) -> str:
    return "ok" if ok else "fail"


def _from_database(context: Context) -> list[Check]:
    """Everything that one connection tells; without it, what it would have told is unknown."""
    try:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            found = [_queue(context, db), _drain(context, db), _relay(context, db)]
    except PosternError as error:
        context.log.error("health.database", reason=error.reason)
        return [Check("database", False, "cannot be used; the log says why")]
    return [Check("database", True, "answers"), *found]


def _queue(context: Context, db: Database) -> Check:
    depth = queue.depth(db)
    ok = depth.oldest_due_seconds <= context.config.health_queue_seconds
    return Check(
        "queue", ok, f"{depth.waiting} waiting, {depth.due} due, oldest due for {depth.oldest_due_seconds} s"
    )


def _drain(context: Context, db: Database) -> Check:
    run = jobs.last(db, "deliver")
    if run is None:
        return Check("drain", False, "never ran: set up the cron job")
    recent = run.started_seconds <= context.config.health_drain_seconds
    ended = "running" if run.ended_seconds is None else "went well" if run.ok else "failed; the log says why"
    return Check("drain", recent and run.ok is not False, f"started {run.started_seconds} s ago, {ended}")


def _relay(context: Context, db: Database) -> Check:
    """Mail flows as long as one of them can be used."""
    seen = [_one_relay(relays.find(db, place.name)) for place in places(context.config)]
    if len(seen) == 1:
        return Check("relay", *seen[0])
    words = "; ".join(f"{number}: {detail}" for number, (_, detail) in enumerate(seen, 1))
    return Check("relay", any(ok for ok, _ in seen), words)


def _one_relay(relay: Relay | None) -> tuple[bool, str]:
    if relay is None or (relay.ok_at is None and relay.trouble_at is None):
        return True, "not used yet"
    if relay.in_trouble:
        return False, f"in trouble, paused for {relay.paused_seconds} s; the log says why"
    return True, "took the last message"


def _disk(context: Context) -> list[Check]:
    stat = os.statvfs(context.config.home)
    free = stat.f_bavail * stat.f_frsize
    return [Check("disk", free >= context.config.disk_free_bytes, f"{free // 1_000_000} MB free")]


def _spool(context: Context) -> list[Check]:
    waiting, kept = len(context.spool.waiting()), context.spool.kept_count()
    age = round(clock.now() - context.spool.oldest())
    ok = kept == 0 and age <= context.config.health_queue_seconds
    return [Check("spool", ok, f"{waiting} waiting for {age} s, {kept} kept for the operator")]
