"""Digests: whose is due, and what happened to their mail meanwhile. A day is one of UTC."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date

    from postern.base.database import Database


@dataclass(frozen=True)
class Due:
    """A digest that is due: of the days from `since` on, and before `until`."""

    user_id: int
    digest: str
    since: date
    until: date


_DUE = """
SELECT p.user_id, p.digest, p.digest_from AS since, today.day AS until
FROM preferences p JOIN users u ON u.id = p.user_id AND u.disabled_at IS NULL
     CROSS JOIN (SELECT CAST(now() AT TIME ZONE 'UTC' AS date) AS day) AS today
WHERE p.digest = 'daily' AND p.digest_from < today.day OR p.digest = 'weekly' AND p.digest_from <= today.day - 7
ORDER BY p.user_id
"""


def due(db: Database) -> list[Due]:
    """Of all users this tenant may see, those whose period is over."""
    return db.rows(Due, _DUE)


_CLAIM = """
UPDATE preferences SET digest_from = :until WHERE user_id = :user_id AND digest = :digest AND digest_from = :since
"""


def claim(db: Database, one: Due) -> bool:
    """Its days are told, if this transaction commits. False: another home told them, or its user chose otherwise."""
    return db.count(_CLAIM, until=one.until, user_id=one.user_id, digest=one.digest, since=one.since) == 1


@dataclass(frozen=True)
class Tally:
    """Messages of a digest's days. `failed`: those that came back are among them."""

    forwarded: int
    replied: int
    blocked: int
    held: int
    failed: int


_TALLY = """
SELECT d.forwarded, d.replied, d.blocked, e.held, e.failed
FROM (SELECT CAST(coalesce(sum(forwarded), 0) AS bigint) AS forwarded, CAST(coalesce(sum(replied), 0) AS bigint) AS replied,
             CAST(coalesce(sum(blocked), 0) AS bigint) AS blocked
      FROM alias_days WHERE user_id = :user_id AND day >= :since AND day < :until) AS d
     CROSS JOIN
     (SELECT count(*) FILTER (WHERE kind = 'held') AS held, count(*) FILTER (WHERE kind IN ('failed', 'bounced')) AS failed
      FROM events WHERE user_id = :user_id AND at >= CAST(:since AS timestamp) AT TIME ZONE 'UTC'
                        AND at < CAST(:until AS timestamp) AT TIME ZONE 'UTC') AS e
"""


def tally(db: Database, one: Due) -> Tally:
    """What happened."""
    found = db.row(Tally, _TALLY, user_id=one.user_id, since=one.since, until=one.until)
    assert found is not None
    return found


@dataclass(frozen=True)
class Busy:
    """An alias and how many messages it took in."""

    address: str
    forwarded: int


_BUSIEST = """
SELECT a.local || '@' || d.name AS address, CAST(sum(s.forwarded) AS bigint) AS forwarded
FROM alias_days s JOIN aliases a ON a.id = s.alias_id JOIN domains d ON d.id = a.domain_id
WHERE s.user_id = :user_id AND s.day >= :since AND s.day < :until
GROUP BY a.id, d.id HAVING sum(s.forwarded) > 0 ORDER BY 2 DESC, a.id LIMIT :many
"""


def busiest(db: Database, one: Due, many: int) -> list[Busy]:
    """The aliases that took in most."""
    return db.rows(Busy, _BUSIEST, user_id=one.user_id, since=one.since, until=one.until, many=many)
