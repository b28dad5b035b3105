"""Holds: deliveries in quarantine, let out or given up. Listing them for pages: store/held.py."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database


@dataclass(frozen=True)
class Moved:
    """A delivery that was moved out of `held`."""

    id: int
    user_id: int
    message_id: int
    alias_id: int


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
