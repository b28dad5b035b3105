"""Counts over days and aliases, for plots. A day is one of UTC."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date

    from postern.base.database import Database


@dataclass(frozen=True)
class Day:
    """Messages of a day."""

    day: date
    forwarded: int
    blocked: int
    replied: int


_DAYS = """
SELECT CAST(days.day AS date) AS day, CAST(coalesce(sum(a.forwarded), 0) AS bigint) AS forwarded,
       CAST(coalesce(sum(a.blocked), 0) AS bigint) AS blocked, CAST(coalesce(sum(a.replied), 0) AS bigint) AS replied
FROM generate_series(CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:many AS integer) + 1,
                     CAST(now() AT TIME ZONE 'UTC' AS date), interval '1 day') AS days (day)
     LEFT JOIN alias_days a ON a.user_id = :user_id AND a.day = CAST(days.day AS date)
GROUP BY days.day ORDER BY days.day
"""


def days(db: Database, user_id: int, many: int) -> list[Day]:
    """The last `many` days, today last; days without mail among them."""
    return db.rows(Day, _DAYS, user_id=user_id, many=many)


@dataclass(frozen=True)
class Top:
    """An alias and what it took in of late."""

    address: str
    forwarded: int


_TOP = """
SELECT a.local || '@' || d.name AS address, CAST(sum(s.forwarded) AS bigint) AS forwarded
FROM alias_days s JOIN aliases a ON a.id = s.alias_id JOIN domains d ON d.id = a.domain_id
WHERE s.user_id = :user_id AND s.day > CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:days AS integer)
GROUP BY a.id, d.id HAVING sum(s.forwarded) > 0 ORDER BY 2 DESC, a.id LIMIT :many
"""


def top(db: Database, user_id: int, days: int, many: int) -> list[Top]:
    """The aliases that took in most within so many days."""
    return db.rows(Top, _TOP, user_id=user_id, days=days, many=many)


_FORGET = "DELETE FROM alias_days WHERE day < CAST(now() AT TIME ZONE 'UTC' AS date) - 400"


def forget_old(db: Database) -> int:
    """Drop days that no plot reaches back to: more than a year ago. The totals stand in the aliases."""
    return db.count(_FORGET)
