"""The queue as the operator sees it: counts, listings, retry and drop. What drains do is in store/deliveries.py."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Entry:
    """A delivery in a listing; a notice has no alias. The relay's words are still sealed."""

    id: int
    uid: uuid.UUID
    user_id: int
    handle: str
    alias: str
    message_id: int
    size: int
    state: str
    leased: bool
    attempts: int
    created_at: datetime
    due_at: datetime
    bounced_at: datetime | None
    said_code: int | None
    said_stage: str | None
    said_sealed: bytes | None

    def said(self, ring: KeyRing) -> str:
        """The relay's words; they may name the real address."""
        return ring.open(self.said_sealed, f"deliveries.said:{self.uid}").decode() if self.said_sealed else ""


# What was sent is most of the table, and the index of the rest leaves it out.
_LIST = """
SELECT q.id, q.uid, q.user_id, u.handle, coalesce(a.local || '@' || d.name, '') AS alias, q.message_id, m.size, q.state,
       q.lease IS NOT NULL AS leased, q.attempts, q.created_at, q.due_at, q.bounced_at,
       q.said_code, q.said_stage, q.said_sealed
FROM (
    (SELECT * FROM deliveries WHERE state <> 'sent' AND state = ANY(CAST(:states AS text[])) ORDER BY id LIMIT :many)
    UNION ALL
    (SELECT * FROM deliveries WHERE state = 'sent' AND 'sent' = ANY(CAST(:states AS text[])) ORDER BY id LIMIT :many)
) q JOIN messages m ON m.id = q.message_id JOIN users u ON u.id = q.user_id
     LEFT JOIN aliases a ON a.id = m.alias_id LEFT JOIN domains d ON d.id = a.domain_id
ORDER BY q.id LIMIT :many
"""


def entries(db: Database, states: list[str], many: int) -> list[Entry]:
    """Deliveries in these states, oldest first."""
    return db.rows(Entry, _LIST, states=states, many=many)


_FIND = """
SELECT q.id, q.uid, q.user_id, u.handle, coalesce(a.local || '@' || d.name, '') AS alias, q.message_id, m.size, q.state,
       q.lease IS NOT NULL AS leased, q.attempts, q.created_at, q.due_at, q.bounced_at,
       q.said_code, q.said_stage, q.said_sealed
FROM deliveries q JOIN messages m ON m.id = q.message_id JOIN users u ON u.id = q.user_id
     LEFT JOIN aliases a ON a.id = m.alias_id LEFT JOIN domains d ON d.id = a.domain_id
WHERE q.id = :id
"""


def find(db: Database, delivery_id: int) -> Entry | None:
    """One of them."""
    return db.row(Entry, _FIND, id=delivery_id)


_ID_OF = "SELECT id FROM deliveries WHERE uid = :uid"


def id_of(db: Database, uid: uuid.UUID) -> int | None:
    """The id of that delivery, among those this tenant may see."""
    found = db.value(_ID_OF, uid=uid)
    return None if found is None else int(found)


_RETRY = """
UPDATE deliveries q SET state = 'queued', lease = NULL, due_at = now(), finished_at = NULL, created_at = now(), attempts = 0
FROM messages m
WHERE q.id = :id AND m.id = q.message_id AND m.cleared_at IS NULL
  AND (q.state = 'failed' OR q.state = 'queued' AND q.lease IS NULL)
RETURNING q.user_id
"""


def retry(db: Database, delivery_id: int) -> int | None:
    """Make it due now, its days counted anew; the user it belongs to, or None when that cannot be done."""
    user_id = db.value(_RETRY, id=delivery_id)
    return None if user_id is None else int(user_id)


_DROP = """
UPDATE deliveries SET state = 'dropped', lease = NULL, finished_at = now()
WHERE id = :id AND (state IN ('failed', 'held') OR state = 'queued' AND (lease IS NULL OR due_at <= now()))
RETURNING user_id, message_id
"""


def drop(db: Database, delivery_id: int) -> tuple[int, int] | None:
    """Give it up; (user id, message id), or None when it is finished, gone, or in the hands of a drain."""
    found = db.run(_DROP, id=delivery_id)
    return (int(found[0][0]), int(found[0][1])) if found else None


@dataclass(frozen=True)
class Depth:
    """How full the queue is."""

    waiting: int
    due: int
    oldest_due_seconds: int


_DEPTH = """
SELECT count(*) AS waiting, count(*) FILTER (WHERE due_at <= now()) AS due,
       CAST(coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now())), 0) AS bigint)
       AS oldest_due_seconds
FROM deliveries WHERE state = 'queued'
"""


def depth(db: Database) -> Depth:
    """Counts of what is queued, and for how long the longest-due waits."""
    found = db.row(Depth, _DEPTH)
    assert found is not None
    return found
