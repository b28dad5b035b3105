"""GET /metrics: figures for Prometheus and the like (OpenMetrics 1.0), for who has POSTERN_METRICS_TOKEN.

Counts and times only. Without a token in the settings there is no such page.
"""

from __future__ import annotations

import hmac

from postern.base.database import SYSTEM
from postern.base.errors import NotFound
from postern.base.relay_place import places
from postern.store import canaries, findings, jobs, queue, relays, server
from postern.web.response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.web.request import Request

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Sample = tuple[str, float]
"""Labels as they stand between the braces, and the value."""


def show(context: Context, request: Request) -> Response:
    """GET /metrics."""
    token = context.config.metrics_token
    if not token:
        raise NotFound("There is no such page.", "Set POSTERN_METRICS_TOKEN to have it.")
    given = request.header("Authorization").partition(" ")
    if given[0].lower() != "bearer" or not hmac.compare_digest(given[2].strip().encode(), token.encode()):
        return Response(401, b"", "text/plain; charset=utf-8", (("WWW-Authenticate", "Bearer"),))
    with context.pool.connection() as db, db.transaction(SYSTEM):
        lines = [line for family in _families(context, db) for line in family]
    return Response(200, "\n".join([*lines, "# EOF", ""]).encode(), CONTENT_TYPE)


def _families(context: Context, db: Database) -> Iterator[list[str]]:
    depth = queue.depth(db)
    yield _gauge("queue_waiting", "Deliveries that are queued.", [("", depth.waiting)])
    yield _gauge("queue_due", "Deliveries that are due.", [("", depth.due)])
    yield _gauge("queue_oldest_seconds", "For how long the oldest is due.", [("", depth.oldest_due_seconds)])
    used = []
    for place in places(context.config):
        usage = relays.usage(db, place.name)
        which = f'relay="{place.number}",' if place.number > 1 else ""
        used += [(f'{which}window="hour"', usage.hour), (f'{which}window="day"', usage.day)]
    yield _gauge("relay_used", "Deliveries booked on the relay.", used)
    seen = server.look(db)
    yield _gauge("database_bytes", "Size of the database.", [("", seen.bytes)])
    yield _gauge("database_connections", "Connections of our role.", [("", seen.connections)])
    back = canaries.course(db).seconds
    yield _gauge("canary_seconds", "How long the last canary took.", [] if back is None else [("", back)])
    course = server.course(db)
    yield _gauge(
        "deliveries_day",
        "Deliveries of a day.",
        [('end="sent"', course.sent), ('end="bounced"', course.bounced)],
    )
    found = findings.all_findings(db)
    checks = [(f'check="{one.name}",home="{one.home}"', int(not one.bad)) for one in found]
    yield _gauge("check_ok", "1: the monitor finds it well.", checks)
    runs = [run for run in jobs.all_jobs(db) if run.ok_seconds is not None]
    ages = [(f'job="{run.job}",home="{run.home}"', run.ok_seconds or 0) for run in runs]
    yield _gauge("job_ok_age_seconds", "Since the job last went well.", ages)


def _gauge(name: str, text: str, samples: Iterable[Sample]) -> list[str]:
    full = f"postern_{name}"
    lines = [f"# TYPE {full} gauge", f"# HELP {full} {text}"]
    return lines + [
        f"{full}{{{labels}}} {value}" if labels else f"{full} {value}" for labels, value in samples
    ]
