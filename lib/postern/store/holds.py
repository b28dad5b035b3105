"""Holds: deliveries in quarantine, put there, let out or given up. Listing them for pages: store/held.py."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from postern.base.database import Database


@dataclass(frozen=True)
class Moved:
    """A delivery that was moved into `held`, or out of it."""

    id: int
    user_id: int
    message_id: int
    alias_id: int


# It was not tried, and its days in quarantine begin now. What DMARC had held keeps that reason: no resume lets it out.
_HOLD = """
WITH moved AS (
    UPDATE deliveries SET state = 'held', lease = NULL, attempts = attempts - 1, created_at = now()
    WHERE id = ANY(CAST(:ids AS bigint[])) AND lease = :lease AND state = 'queued'
    RETURNING id, user_id, message_id
), marked AS (
    UPDATE messages m SET held_why = 'paused' FROM moved WHERE m.id = moved.message_id AND m.held_why IS NULL
)
SELECT moved.id, moved.user_id, moved.message_id, m.alias_id
FROM moved JOIN messages m ON m.id = moved.message_id ORDER BY moved.id
"""


def hold(db: Database, lease: UUID, ids: Sequence[int]) -> list[Moved]:
    """queued -> held for leased deliveries whose mailbox is paused; those that were still ours."""
    return db.rows(Moved, _HOLD, lease=lease, ids=list(ids))


# There may be thousands, so their events are written by the same statement.
_RESUME = """
WITH moved AS (
    UPDATE deliveries q SET state = 'queued', due_at = now(), created_at = now()
    FROM mailboxes b, messages m
    WHERE q.state = 'held' AND b.id = q.mailbox_id AND b.paused_at IS NULL AND m.id = q.message_id AND m.held_why = 'paused'
      AND (CAST(:mailbox_id AS bigint) IS NULL OR b.id = :mailbox_id)
    RETURNING q.id, q.user_id, q.message_id, m.alias_id
)
INSERT INTO events (uid, user_id, kind, alias_id, message_id, delivery_id)
SELECT gen_random_uuid(), user_id, 'released', alias_id, message_id, id FROM moved
"""


def resume(db: Database, mailbox_id: int | None = None) -> int:
    """held -> queued, due now, for what waited for this mailbox (None: for any) and need not any more; returns how many."""
    return db.count(_RESUME, mailbox_id=mailbox_id)


_WAITS = """
SELECT 1 FROM deliveries q JOIN mailboxes b ON b.id = q.mailbox_id
WHERE q.id = :id AND q.state = 'held' AND b.paused_at IS NOT NULL
"""


def waits_for_mailbox(db: Database, delivery_id: int) -> bool:
    """Whether its mailbox is paused."""
    return db.value(_WAITS, id=delivery_id) is not None


# Its days are counted from now: what was held for long is not too old at its first try.
_RELEASE = """
UPDATE deliveries q SET state = 'queued', due_at = now(), created_at = now()
FROM messages m WHERE q.id = :id AND q.state = 'held' AND m.id = q.message_id
RETURNING q.id, q.user_id, q.message_id, m.alias_id
"""


def release(db: Database, delivery_id: int) -> Moved | None:
    """held -> queued, due now; None when it is not held (any more)."""
    return db.row(Moved, _RELEASE, id=delivery_id)


_DROP = """
UPDATE deliveries q SET state = 'dropped', finished_at = now()
FROM messages m WHERE q.id = :id AND q.state = 'held' AND m.id = q.message_id
RETURNING q.id, q.user_id, q.message_id, m.alias_id
"""


def drop(db: Database, delivery_id: int) -> Moved | None:
    """held -> dropped; None when it is not held (any more)."""
    return db.row(Moved, _DROP, id=delivery_id)


_EXPIRE = """
UPDATE deliveries q SET state = 'dropped', finished_at = now()
FROM messages m
WHERE m.id = q.message_id AND q.id IN (
    SELECT id FROM deliveries WHERE state = 'held' AND created_at < now() - make_interval(days => :days)
    ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
RETURNING q.id, q.user_id, q.message_id, m.alias_id
"""


def expire(db: Database, days: int) -> list[Moved]:
    """held -> dropped for what waited so many days; at most 500 at a time."""
    return db.rows(Moved, _EXPIRE, days=days)
