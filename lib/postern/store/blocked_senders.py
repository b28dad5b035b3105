"""Blocked senders: addresses and domains from which no alias of a user takes mail. Of one alias: store/contacts.py."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from postern.mail.address import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

EMAIL, DOMAIN = "email", "domain"
KINDS = (EMAIL, DOMAIN)
"""As in the CHECK of schema/0013; a test compares them."""


@dataclass(frozen=True)
class BlockedSender:
    """A row of `blocked_senders`, its value still sealed. `blocked`: messages refused because of it."""

    id: int
    uid: uuid.UUID
    user_id: int
    kind: str
    value_sealed: bytes
    created_at: datetime
    blocked: int
    blocked_at: datetime | None

    def value(self, ring: KeyRing) -> str:
        """The address, or the domain."""
        return ring.open(self.value_sealed, _place(self.uid)).decode()


def _place(uid: uuid.UUID) -> str:
    return f"blocked_senders.value:{uid}"


def _index(ring: KeyRing, kind: str, value: str) -> bytes:
    return ring.index("blocked sender", f"{kind}:{value}".encode())


def _indexes(ring: KeyRing, address: str) -> list[bytes]:
    """Of the rows that hold this address."""
    key = normalise(address)
    return [_index(ring, EMAIL, key), _index(ring, DOMAIN, key.rpartition("@")[2])]


_ADD = """
INSERT INTO blocked_senders (uid, user_id, kind, value_sealed, value_index)
VALUES (:uid, :user_id, :what, :sealed, :index)
ON CONFLICT ON CONSTRAINT blocked_sender_once_per_user DO NOTHING
RETURNING id, uid, user_id, kind, value_sealed, created_at, blocked, blocked_at
"""


def add(db: Database, ring: KeyRing, user_id: int, kind: str, value: str) -> BlockedSender | None:
    """Block it; `value` is normalised. None when it is blocked already."""
    uid = uuid.uuid4()
    return db.row(
        BlockedSender,
        _ADD,
        uid=uid,
        user_id=user_id,
        what=kind,
        sealed=ring.seal(value.encode(), _place(uid)),
        index=_index(ring, kind, value),
    )


_OF_USER = """
SELECT id, uid, user_id, kind, value_sealed, created_at, blocked, blocked_at
FROM blocked_senders WHERE user_id = :user_id ORDER BY id DESC
"""


def of_user(db: Database, user_id: int) -> list[BlockedSender]:
    """All that a user has, newest first."""
    return db.rows(BlockedSender, _OF_USER, user_id=user_id)


# Not FOR UPDATE: rows that name the user go on being written meanwhile.
_LOCK = "SELECT 1 FROM users WHERE id = :user_id FOR NO KEY UPDATE"

_COUNT = "SELECT count(*) FROM blocked_senders WHERE user_id = :user_id"


def count(db: Database, user_id: int) -> int:
    """How many the user has. Nobody adds one for him until the transaction ends."""
    db.run(_LOCK, user_id=user_id)
    return int(db.value(_COUNT, user_id=user_id))


_HOLDS = "SELECT 1 FROM blocked_senders WHERE user_id = :user_id AND value_index = ANY(CAST(:indexes AS bytea[])) LIMIT 1"


def holds(db: Database, ring: KeyRing, user_id: int, address: str) -> bool:
    """Whether the user wants no mail from this address."""
    return db.value(_HOLDS, user_id=user_id, indexes=_indexes(ring, address)) is not None


_NOTE = """
UPDATE blocked_senders SET blocked = blocked + 1, blocked_at = now()
WHERE user_id = :user_id AND value_index = ANY(CAST(:indexes AS bytea[]))
"""


def note(db: Database, ring: KeyRing, user_id: int, address: str) -> None:
    """A message from this address was refused because of it."""
    db.run(_NOTE, user_id=user_id, indexes=_indexes(ring, address))


_DELETE = (
    "DELETE FROM blocked_senders WHERE user_id = :user_id AND uid = ANY(CAST(:uids AS uuid[])) RETURNING uid"
)


def delete(db: Database, user_id: int, uids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Take mail from them again; the uids of those that there were."""
    return [row[0] for row in db.run(_DELETE, user_id=user_id, uids=[str(uid) for uid in uids])]
