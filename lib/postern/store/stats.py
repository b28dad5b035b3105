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


@dataclass(frozen=True)
class Totals:
    """What a user has and has had. `aliases` holds deleted ones too, the next three do not; `shared`: those on shared domains.
    `bytes`: of mail since the month began (UTC)."""

    aliases: int
    on: int
    off: int
    pinned: int
    deleted: int
    shared: int
    forwarded: int
    blocked: int
    replied: int
    bytes: int


_TOTALS = """
SELECT count(*) AS aliases, count(*) FILTER (WHERE a.deleted_at IS NULL AND a.enabled) AS on,
       count(*) FILTER (WHERE a.deleted_at IS NULL AND NOT a.enabled) AS off,
       count(*) FILTER (WHERE a.deleted_at IS NULL AND a.pinned) AS pinned,
       count(*) FILTER (WHERE a.deleted_at IS NOT NULL) AS deleted,
       count(*) FILTER (WHERE a.deleted_at IS NULL AND a.enabled AND d.user_id IS NULL) AS shared,
       CAST(coalesce(sum(a.forwarded), 0) AS bigint) AS forwarded, CAST(coalesce(sum(a.blocked), 0) AS bigint) AS blocked,
       CAST(coalesce(sum(a.replied), 0) AS bigint) AS replied,
       (SELECT CAST(coalesce(sum(u.bytes), 0) AS bigint) FROM user_days u
        WHERE u.user_id = :user_id AND u.day >= date_trunc('month', now() AT TIME ZONE 'UTC')) AS bytes
FROM aliases a JOIN domains d ON d.id = a.domain_id WHERE a.user_id = :user_id
"""


def totals(db: Database, user_id: int) -> Totals:
    """Everything that is counted of this user."""
    found = db.row(Totals, _TOTALS, user_id=user_id)
    assert found is not None
    return found


_FORGET = "DELETE FROM alias_days WHERE day < CAST(now() AT TIME ZONE 'UTC' AS date) - 400"


def forget_old(db: Database) -> int:
    """Drop days that no plot reaches back to: more than a year ago. The totals stand in the aliases."""
    return db.count(_FORGET)
