"""Deliveries: the queue. Each move between the states of docs/queue.md is one statement here.

Every move out of a lease names the lease: a drain whose lease ran out changes nothing and is told so (False).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

STATES = ("queued", "held", "sent", "failed", "dropped")
"""As in the CHECK of schema/0006; a test compares them."""


@dataclass(frozen=True)
class Claimed:
    """A delivery under a lease, with all that is needed to send it."""

    id: int
    uid: uuid.UUID
    user_id: int
    lease: uuid.UUID
    attempts: int
    age_seconds: int
    message_id: int
    message_uid: uuid.UUID
    size: int
    stream_header: bytes
    chunk_count: int
    alias_id: int
    alias: str
    domain: str
    mailbox_id: int
    mailbox_uid: uuid.UUID
    address_sealed: bytes


@dataclass(frozen=True)
class Said:
    """What the relay answered last: reply code (0: none), stage of the talk, its words."""

    code: int
    stage: str
    words: str


_ADD = """
INSERT INTO deliveries (uid, user_id, message_id, mailbox_id)
SELECT u.uid, :user_id, :message_id, u.mailbox_id
FROM unnest(CAST(:uids AS uuid[]), CAST(:mailbox_ids AS bigint[])) AS u (uid, mailbox_id)
"""


def add(db: Database, user_id: int, message_id: int, mailbox_ids: Sequence[int]) -> None:
    """Queue the message to each mailbox, due at once."""
    uids = [str(uuid.uuid4()) for _ in mailbox_ids]
    db.run(_ADD, user_id=user_id, message_id=message_id, uids=uids, mailbox_ids=list(mailbox_ids))


_CLAIM = """
WITH due AS (
    SELECT id FROM deliveries WHERE state = 'queued' AND due_at <= now()
    ORDER BY due_at LIMIT :many FOR UPDATE SKIP LOCKED
)
UPDATE deliveries q
SET lease = CAST(:lease AS uuid), due_at = now() + make_interval(secs => :lease_seconds), attempts = q.attempts + 1
FROM due, messages m, aliases a, domains d, mailboxes b
WHERE q.id = due.id AND m.id = q.message_id AND a.id = m.alias_id AND d.id = a.domain_id AND b.id = q.mailbox_id
RETURNING q.id, q.uid, q.user_id, q.lease, q.attempts,
          CAST(extract(epoch FROM now() - q.created_at) AS bigint) AS age_seconds,
          m.id AS message_id, m.uid AS message_uid, m.size, m.stream_header, m.chunk_count,
          a.id AS alias_id, a.local || '@' || d.name AS alias, d.name AS domain,
          b.id AS mailbox_id, b.uid AS mailbox_uid, b.address_sealed
"""


def claim(db: Database, many: int, lease_seconds: int) -> list[Claimed]:
    """Lease up to `many` due deliveries, longest due first; those that other drains look at are passed over."""
    found = db.rows(Claimed, _CLAIM, many=many, lease=uuid.uuid4(), lease_seconds=lease_seconds)
    return sorted(found, key=lambda claimed: claimed.id)


_GIVE_BACK = """
UPDATE deliveries
SET lease = NULL, attempts = attempts - 1, due_at = now() + make_interval(secs => :wait_seconds)
WHERE id = ANY(CAST(:ids AS bigint[])) AND lease = :lease AND state = 'queued'
"""


def give_back(db: Database, lease: uuid.UUID, ids: Sequence[int], wait_seconds: int) -> int:
    """Return leased deliveries that were not tried, due after `wait_seconds`; returns how many were still ours."""
    return db.count(_GIVE_BACK, ids=list(ids), lease=lease, wait_seconds=wait_seconds)


_SENT = """
UPDATE deliveries
SET state = 'sent', lease = NULL, finished_at = now(), said_code = :code, said_stage = :stage, said_sealed = :said
WHERE id = :id AND lease = :lease AND state = 'queued'
"""

_LATER = """
UPDATE deliveries
SET lease = NULL, due_at = now() + make_interval(secs => :wait_seconds),
    said_code = :code, said_stage = :stage, said_sealed = :said
WHERE id = :id AND lease = :lease AND state = 'queued'
"""

_FAILED = """
UPDATE deliveries
SET state = 'failed', lease = NULL, finished_at = now(), said_code = :code, said_stage = :stage, said_sealed = :said
WHERE id = :id AND lease = :lease AND state = 'queued'
"""


def sent(db: Database, ring: KeyRing, claimed: Claimed, said: Said) -> bool:
    """queued -> sent."""
    return db.count(_SENT, **_outcome(ring, claimed, said)) == 1


def later(db: Database, ring: KeyRing, claimed: Claimed, said: Said, wait_seconds: int) -> bool:
    """Back to waiting for the next try."""
    return db.count(_LATER, wait_seconds=wait_seconds, **_outcome(ring, claimed, said)) == 1


def failed(db: Database, ring: KeyRing, claimed: Claimed, said: Said) -> bool:
    """queued -> failed."""
    return db.count(_FAILED, **_outcome(ring, claimed, said)) == 1


def _outcome(ring: KeyRing, claimed: Claimed, said: Said) -> dict[str, object]:
    sealed = ring.seal(said.words.encode(), f"deliveries.said:{claimed.uid}")
    return {"id": claimed.id, "lease": claimed.lease, "code": said.code, "stage": said.stage, "said": sealed}


_BOUNCED = """
UPDATE deliveries SET bounced_at = now() WHERE id = :id AND bounced_at IS NULL RETURNING user_id
"""


def bounced(db: Database, delivery_id: int) -> int | None:
    """Note that a bounce came back for it; the user it belongs to, or None when it is gone or noted already."""
    user_id = db.value(_BOUNCED, id=delivery_id)
    return None if user_id is None else int(user_id)
