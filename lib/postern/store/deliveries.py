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
    """A delivery under a lease, with all that is needed to send it.

    A forward goes to a mailbox, a reply to a contact (contact_id), a notice to a mailbox; a notice has no alias and no domain.
    `paused`: it is a forward, and its mailbox takes none at present (store/holds.py). `offer_block`: its user wants a link in
    each mail that blocks whoever wrote it (store/preferences.py).
    """

    id: int
    uid: uuid.UUID
    user_id: int
    lease: uuid.UUID
    attempts: int
    age_seconds: int
    kind: str
    message_id: int
    message_uid: uuid.UUID
    size: int
    stream_header: bytes
    chunk_count: int
    verdict: str
    alias_id: int | None
    alias_uid: uuid.UUID | None
    alias: str | None
    domain: str | None
    name_sealed: bytes | None
    mailbox_id: int | None
    contact_id: int | None
    recipient_uid: uuid.UUID
    address_sealed: bytes
    paused: bool
    offer_block: bool

    def of_alias(self) -> tuple[int, str, str]:
        """Id, address and domain of its alias: every forward and every reply has one."""
        assert self.alias_id is not None
        assert self.alias is not None
        assert self.domain is not None
        return self.alias_id, self.alias, self.domain

    def address(self, ring: KeyRing) -> str:
        """Where it goes: a mailbox's or a contact's address."""
        column = "mailboxes" if self.contact_id is None else "contacts"
        return ring.open(self.address_sealed, f"{column}.address:{self.recipient_uid}").decode()

    def name(self, ring: KeyRing) -> str:
        """The alias's name for replies."""
        return (
            ring.open(self.name_sealed, f"aliases.name:{self.alias_uid}").decode() if self.name_sealed else ""
        )


@dataclass(frozen=True)
class Said:
    """What the relay answered last: reply code (0: none), stage of the talk, its words."""

    code: int
    stage: str
    words: str


_ADD = """
INSERT INTO deliveries (uid, user_id, message_id, mailbox_id, state, urgent)
SELECT u.uid, :user_id, :message_id, u.mailbox_id, CASE WHEN :held THEN 'held' ELSE 'queued' END, :urgent
FROM unnest(CAST(:uids AS uuid[]), CAST(:mailbox_ids AS bigint[])) AS u (uid, mailbox_id)
"""


def add(
    db: Database,
    user_id: int,
    message_id: int,
    mailbox_ids: Sequence[int],
    held: bool = False,
    urgent: bool = False,
) -> None:
    """Queue the message to each mailbox, due at once, or hold it. `urgent`: somebody waits for it before a page."""
    uids = [str(uuid.uuid4()) for _ in mailbox_ids]
    db.run(
        _ADD,
        user_id=user_id,
        message_id=message_id,
        uids=uids,
        mailbox_ids=list(mailbox_ids),
        held=held,
        urgent=urgent,
    )


_ADD_REPLY = """
INSERT INTO deliveries (uid, user_id, message_id, contact_id) VALUES (:uid, :user_id, :message_id, :contact_id)
"""


def add_reply(db: Database, user_id: int, message_id: int, contact_id: int) -> None:
    """Queue the message to a contact."""
    db.run(_ADD_REPLY, uid=uuid.uuid4(), user_id=user_id, message_id=message_id, contact_id=contact_id)


# Row level security lets the planner expect a single row, so a bitmap of all rows looks cheap where there are no statistics
# yet: of 200,000 queued deliveries a claim then reads all, for each user once. In order of the index it reads a few.
_IN_ORDER = "SET LOCAL enable_bitmapscan TO off"

# Users take turns: each one's first due delivery before anybody's second. `owners` hops from user to user through the index
# (user_id, due_at), and of each only the next few are read: a queue of 100,000 of one user costs as much as one of ten.
# Who is first within a turn is drawn by lot, anew each time: where a claim has room for fewer than there are users, the longest
# due would always be those of whoever has the longest queue.
# Of each of many users fewer are read: twice an even share, and one more.
# Two conditions are written so that no other index looks good to the planner, whatever its statistics say: BETWEEN leaves the
# order to the index (user_id, due_at) alone, and IS TRUE leaves ids to the primary key.
_CLAIM = """
WITH RECURSIVE owners AS (
    (SELECT user_id FROM deliveries WHERE state = 'queued' ORDER BY user_id, due_at LIMIT 1)
    UNION ALL
    SELECT (SELECT d.user_id FROM deliveries d WHERE d.state = 'queued' AND d.user_id > o.user_id
            ORDER BY d.user_id, d.due_at LIMIT 1)
    FROM owners o WHERE o.user_id IS NOT NULL
), lots AS (
    SELECT user_id, random() AS lot, CAST(1 + 2 * :many / count(*) OVER () AS integer) AS most
    FROM owners WHERE user_id IS NOT NULL
), turns AS (
    SELECT next.id, next.due_at, next.turn, o.lot
    FROM lots o CROSS JOIN LATERAL (
        SELECT first.id, first.due_at, row_number() OVER (ORDER BY first.due_at) AS turn
        FROM (SELECT d.id, d.due_at FROM deliveries d
              WHERE d.user_id BETWEEN o.user_id AND o.user_id AND d.state = 'queued' AND d.due_at <= now()
                AND NOT CAST(:urgent_only AS boolean)
              ORDER BY d.user_id, d.due_at LIMIT least(:many, o.most)) first) next
    UNION ALL
    (SELECT id, due_at, 0, 0 FROM deliveries WHERE state = 'queued' AND urgent AND due_at <= now() ORDER BY due_at LIMIT :many)
), chosen AS (
    SELECT t.id, row_number() OVER (ORDER BY min(t.turn), min(t.lot), min(t.due_at)) AS place
    FROM turns t GROUP BY t.id ORDER BY place LIMIT :many
), due AS (
    SELECT d.id, c.place FROM chosen c JOIN deliveries d ON d.id = c.id
    WHERE (d.state = 'queued' AND d.due_at <= now()) IS TRUE
    FOR UPDATE OF d SKIP LOCKED
), leased AS (
    UPDATE deliveries q
    SET lease = CAST(:lease AS uuid), due_at = now() + make_interval(secs => :lease_seconds), attempts = q.attempts + 1
    FROM due WHERE q.id = due.id RETURNING q.*, due.place
)
SELECT q.id, q.uid, q.user_id, q.lease, q.attempts, CAST(extract(epoch FROM now() - q.created_at) AS bigint) AS age_seconds,
       m.kind, m.id AS message_id, m.uid AS message_uid, m.size, m.stream_header, m.chunk_count, m.verdict,
       a.id AS alias_id, a.uid AS alias_uid, a.local || '@' || d.name AS alias, d.name AS domain, a.name_sealed,
       q.mailbox_id, q.contact_id, coalesce(b.uid, c.uid) AS recipient_uid,
       coalesce(b.address_sealed, c.address_sealed) AS address_sealed,
       m.kind = 'forward' AND b.paused_at IS NOT NULL AS paused, coalesce(p.offer_block, false) AS offer_block
FROM leased q JOIN messages m ON m.id = q.message_id
     LEFT JOIN aliases a ON a.id = m.alias_id LEFT JOIN domains d ON d.id = a.domain_id
     LEFT JOIN mailboxes b ON b.id = q.mailbox_id LEFT JOIN contacts c ON c.id = q.contact_id
     LEFT JOIN preferences p ON p.user_id = q.user_id
ORDER BY q.place
"""


def claim(db: Database, many: int, lease_seconds: int, urgent_only: bool = False) -> list[Claimed]:
    """Lease up to `many` due deliveries, in this order: urgent ones, then users by turns, each one's longest due first.

    Those that other drains look at are passed over.
    """
    db.run(_IN_ORDER)
    return db.rows(
        Claimed,
        _CLAIM,
        many=many,
        lease=uuid.uuid4(),
        lease_seconds=lease_seconds,
        urgent_only=urgent_only,
    )


_GIVE_BACK = """
UPDATE deliveries
SET lease = NULL, attempts = attempts - 1, due_at = now() + make_interval(secs => :wait_seconds)
WHERE id = ANY(CAST(:ids AS bigint[])) AND lease = :lease AND state = 'queued'
"""


def give_back(db: Database, lease: uuid.UUID, ids: Sequence[int], wait_seconds: int) -> int:
    """Return leased deliveries that were not tried, due after `wait_seconds`; returns how many were still ours."""
    return db.count(_GIVE_BACK, ids=list(ids), lease=lease, wait_seconds=wait_seconds)


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


def later(db: Database, ring: KeyRing, claimed: Claimed, said: Said, wait_seconds: int) -> bool:
    """Back to waiting for the next try."""
    return db.count(_LATER, wait_seconds=wait_seconds, **outcome(ring, claimed, said)) == 1


def failed(db: Database, ring: KeyRing, claimed: Claimed, said: Said) -> bool:
    """queued -> failed."""
    return db.count(_FAILED, **outcome(ring, claimed, said)) == 1


def outcome(ring: KeyRing, claimed: Claimed, said: Said) -> dict[str, object]:
    """The parameters of a move that an answer of the relay leads to."""
    sealed = ring.seal(said.words.encode(), f"deliveries.said:{claimed.uid}")
    return {"id": claimed.id, "lease": claimed.lease, "code": said.code, "stage": said.stage, "said": sealed}
