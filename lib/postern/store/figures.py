"""Figures of each hour, for plots: events counted, and how things stood."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date

    from postern.base.database import Database

EVENTS = ("received", "sent", "failed", "bounced")
"""Kinds of events that are counted."""

_COUNT = """
INSERT INTO figures (name, at, value)
SELECT kind, date_trunc('hour', at), count(*) FROM events
WHERE kind = ANY(CAST(:kinds AS text[])) AND at < date_trunc('hour', now())
  AND at >= greatest(date_trunc('hour', now()) - interval '2 days',
                     (SELECT coalesce(max(f.at) + interval '1 hour', '-infinity') FROM figures f WHERE f.name = 'waiting'))
GROUP BY 1, 2 ON CONFLICT DO NOTHING
"""


def count_events(db: Database) -> int:
    """Count the events of the hours that are over, from the last hour that was counted on; at most two days back."""
    return db.count(_COUNT, kinds=list(EVENTS))


_NOTE = """
INSERT INTO figures (name, at, value) VALUES (:name, date_trunc('hour', now()) - interval '1 hour', :value)
ON CONFLICT (name, at) DO UPDATE SET value = excluded.value
"""


def note(db: Database, name: str, value: int) -> None:
    """How it stands, for the hour that is over."""
    db.run(_NOTE, name=name, value=value)


@dataclass(frozen=True)
class Day:
    """A figure's day: all of it, and its highest hour."""

    day: date
    name: str
    total: int
    most: int


_DAYS = """
SELECT CAST(days.day AS date) AS day, names.name, CAST(coalesce(sum(f.value), 0) AS bigint) AS total,
       coalesce(max(f.value), 0) AS most
FROM generate_series(CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:many AS integer) + 1,
                     CAST(now() AT TIME ZONE 'UTC' AS date), interval '1 day') AS days (day)
     CROSS JOIN unnest(CAST(:names AS text[])) AS names (name)
     LEFT JOIN figures f ON f.name = names.name AND CAST(f.at AT TIME ZONE 'UTC' AS date) = CAST(days.day AS date)
GROUP BY 1, 2 ORDER BY 1, 2
"""


def days(db: Database, names: list[str], many: int) -> list[Day]:
    """The last `many` days (UTC) of these figures, today last; days without any among them."""
    return db.rows(Day, _DAYS, names=names, many=many)


_FORGET = "DELETE FROM figures WHERE at < now() - interval '35 days'"


def forget_old(db: Database) -> int:
    """Drop what no plot reaches back to."""
    return db.count(_FORGET)
