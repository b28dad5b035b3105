"""Counts: each message that an alias takes, refuses or sends is counted in its row, in its day, and with its contact."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database

_FORWARDED = """
WITH of_alias AS (
    UPDATE aliases SET forwarded = forwarded + 1, seen_at = now() WHERE id = :alias_id RETURNING id, user_id
), of_contact AS (
    UPDATE contacts SET received = received + 1, seen_at = now() WHERE id = CAST(:contact_id AS bigint)
)
INSERT INTO alias_days AS d (alias_id, user_id, day, forwarded)
SELECT id, user_id, CAST(now() AT TIME ZONE 'UTC' AS date), 1 FROM of_alias
ON CONFLICT (alias_id, day) DO UPDATE SET forwarded = d.forwarded + 1
"""

_BLOCKED = """
WITH of_alias AS (
    UPDATE aliases SET blocked = blocked + 1, seen_at = now() WHERE id = :alias_id RETURNING id, user_id
)
INSERT INTO alias_days AS d (alias_id, user_id, day, blocked)
SELECT id, user_id, CAST(now() AT TIME ZONE 'UTC' AS date), 1 FROM of_alias
ON CONFLICT (alias_id, day) DO UPDATE SET blocked = d.blocked + 1
"""

_REPLIED = """
WITH of_alias AS (
    UPDATE aliases SET replied = replied + 1, seen_at = now() WHERE id = :alias_id RETURNING id, user_id
), of_contact AS (
    UPDATE contacts SET sent = sent + 1, seen_at = now() WHERE id = CAST(:contact_id AS bigint)
)
INSERT INTO alias_days AS d (alias_id, user_id, day, replied)
SELECT id, user_id, CAST(now() AT TIME ZONE 'UTC' AS date), 1 FROM of_alias
ON CONFLICT (alias_id, day) DO UPDATE SET replied = d.replied + 1
"""


def forwarded(db: Database, alias_id: int, contact_id: int | None) -> None:
    """A message was taken in for its mailboxes."""
    db.run(_FORWARDED, alias_id=alias_id, contact_id=contact_id)


def blocked(db: Database, alias_id: int) -> None:
    """A message was refused."""
    db.run(_BLOCKED, alias_id=alias_id)


def replied(db: Database, alias_id: int, contact_id: int) -> None:
    """A message is sent from it."""
    db.run(_REPLIED, alias_id=alias_id, contact_id=contact_id)


_EVENTS_LATELY = """
SELECT count(*) FROM events WHERE alias_id = :alias_id AND kind = :kind AND at > now() - interval '1 hour'
"""


def events_lately(db: Database, alias_id: int, kind: str) -> int:
    """How many events of a kind this alias had within the hour."""
    return int(db.value(_EVENTS_LATELY, alias_id=alias_id, kind=kind))
