"""What waits in quarantine and what failed, as their user's pages list it. Moving it: store/holds.py, store/queue.py."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from postern.store.bounces import open_words
from postern.store.messages import open_summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Held:
    """A message in quarantine. `deliveries`: ids of those that wait."""

    uid: uuid.UUID
    alias: str
    held_why: str
    size: int
    received_at: datetime
    days_left: int
    summary_sealed: bytes | None
    deliveries: list[int]

    def summary(self, ring: KeyRing) -> dict[str, str]:
        """from, name and subject, as the sender wrote them."""
        return open_summary(ring, self.uid, self.summary_sealed)


_HELD = """
SELECT m.uid, a.local || '@' || d.name AS alias, coalesce(m.held_why, '') AS held_why, m.size, m.received_at,
       greatest(0, :days - CAST(floor(extract(epoch FROM now() - min(q.created_at)) / 86400) AS integer)) AS days_left,
       m.summary_sealed, array_agg(q.id ORDER BY q.id) AS deliveries
FROM deliveries q JOIN messages m ON m.id = q.message_id
     JOIN aliases a ON a.id = m.alias_id JOIN domains d ON d.id = a.domain_id
WHERE q.user_id = :user_id AND q.state = 'held'
GROUP BY m.id, a.id, d.id ORDER BY m.id DESC LIMIT :many
"""


def held(db: Database, user_id: int, days: int, many: int) -> list[Held]:
    """What waits, newest first. `days`: how long it may wait in all."""
    return db.rows(Held, _HELD, user_id=user_id, days=days, many=many)


_WAITING = """
SELECT q.id FROM deliveries q JOIN messages m ON m.id = q.message_id WHERE m.uid = :uid AND q.state = 'held' ORDER BY q.id
"""


def waiting(db: Database, uid: uuid.UUID) -> list[int]:
    """Ids of the deliveries of that message that wait, among those this tenant may see."""
    return [int(found[0]) for found in db.run(_WAITING, uid=uid)]


@dataclass(frozen=True)
class Failed:
    """A delivery that failed, or came back after it was sent; a reply's contact or a forward's mailbox is still sealed."""

    uid: uuid.UUID
    message_uid: uuid.UUID
    state: str
    kind: str
    alias: str | None
    attempts: int
    at: datetime
    has_mail: bool
    mailbox_uid: uuid.UUID | None
    contact_uid: uuid.UUID | None
    address_sealed: bytes
    summary_sealed: bytes | None
    said_code: int | None
    said_sealed: bytes | None
    bounced_status: str | None
    bounced_sealed: bytes | None

    def address(self, ring: KeyRing) -> str:
        """Where it should have gone."""
        column, uid = ("mailboxes", self.mailbox_uid) if self.mailbox_uid else ("contacts", self.contact_uid)
        return ring.open(self.address_sealed, f"{column}.address:{uid}").decode()

    def said(self, ring: KeyRing) -> str:
        """What the other server said: in the bounce, or to the relay."""
        if self.bounced_sealed:
            return open_words(ring, self.uid, self.bounced_sealed)
        return ring.open(self.said_sealed, f"deliveries.said:{self.uid}").decode() if self.said_sealed else ""

    def summary(self, ring: KeyRing) -> dict[str, str]:
        """from, name and subject; empty once the MIME is deleted."""
        return open_summary(ring, self.message_uid, self.summary_sealed)


_FAILED = """
SELECT q.uid, m.uid AS message_uid, q.state, m.kind, a.local || '@' || d.name AS alias, q.attempts,
       coalesce(q.bounced_at, q.finished_at, q.created_at) AS at, m.cleared_at IS NULL AS has_mail,
       b.uid AS mailbox_uid, c.uid AS contact_uid, coalesce(b.address_sealed, c.address_sealed) AS address_sealed,
       m.summary_sealed, q.said_code, q.said_sealed, q.bounced_status, q.bounced_sealed
FROM deliveries q JOIN messages m ON m.id = q.message_id
     LEFT JOIN aliases a ON a.id = m.alias_id LEFT JOIN domains d ON d.id = a.domain_id
     LEFT JOIN mailboxes b ON b.id = q.mailbox_id LEFT JOIN contacts c ON c.id = q.contact_id
WHERE q.user_id = :user_id AND (q.state = 'failed' OR q.bounced_at IS NOT NULL) AND m.kind <> 'notice'
ORDER BY q.id DESC LIMIT :many
"""


def failed(db: Database, user_id: int, many: int) -> list[Failed]:
    """What failed or came back, newest first."""
    return db.rows(Failed, _FAILED, user_id=user_id, many=many)


_FAILED_ID = "SELECT id FROM deliveries WHERE uid = :uid AND state = 'failed'"


def failed_id(db: Database, uid: uuid.UUID) -> int | None:
    """The id of a failed delivery, among those this tenant may see."""
    found = db.value(_FAILED_ID, uid=uid)
    return None if found is None else int(found)


_KEPT = "SELECT id FROM messages WHERE uid = :uid AND cleared_at IS NULL"


def kept_message(db: Database, uid: uuid.UUID) -> int | None:
    """The id of a message whose MIME is kept, among those this tenant may see."""
    found = db.value(_KEPT, uid=uid)
    return None if found is None else int(found)
