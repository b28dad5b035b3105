"""Mailboxes: the real addresses, sealed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from postern.mail.address import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Mailbox:
    """A row of `mailboxes`, its address still sealed."""

    id: int
    uid: uuid.UUID
    user_id: int
    address_sealed: bytes
    created_at: datetime
    verified_at: datetime | None
    is_default: bool
    paused_at: datetime | None

    def address(self, ring: KeyRing) -> str:
        """The real address."""
        return open_address(ring, self.uid, self.address_sealed)


def open_address(ring: KeyRing, uid: uuid.UUID, sealed: bytes) -> str:
    """The real address from its sealed column."""
    return ring.open(sealed, f"mailboxes.address:{uid}").decode()


def index(ring: KeyRing, address: str) -> bytes:
    """The look-up hash of an address."""
    return ring.index("mailbox", normalise(address).encode())


_ADD = """
INSERT INTO mailboxes (uid, user_id, address_sealed, address_index, verified_at, is_default)
SELECT :uid, :user_id, :sealed, :index, CASE WHEN :verified THEN now() END,
       :verified AND NOT EXISTS (SELECT 1 FROM mailboxes WHERE user_id = :user_id AND is_default)
RETURNING id, uid, user_id, address_sealed, created_at, verified_at, is_default, paused_at
"""


def add(db: Database, ring: KeyRing, user_id: int, address: str, verified: bool) -> Mailbox:
    """Add a mailbox; the first verified one is the default. UniqueViolation(mailbox_address_once_per_user): there is one."""
    uid = uuid.uuid4()
    mailbox = db.row(
        Mailbox,
        _ADD,
        uid=uid,
        user_id=user_id,
        sealed=ring.seal(address.encode(), f"mailboxes.address:{uid}"),
        index=index(ring, address),
        verified=verified,
    )
    assert mailbox is not None
    return mailbox


_OF_USER = """
SELECT id, uid, user_id, address_sealed, created_at, verified_at, is_default, paused_at
FROM mailboxes WHERE user_id = :user_id ORDER BY id
"""


def of_user(db: Database, user_id: int) -> list[Mailbox]:
    """A user's mailboxes, oldest first."""
    return db.rows(Mailbox, _OF_USER, user_id=user_id)


_DEFAULT = """
SELECT id, uid, user_id, address_sealed, created_at, verified_at, is_default, paused_at
FROM mailboxes WHERE user_id = :user_id AND verified_at IS NOT NULL ORDER BY is_default DESC, id LIMIT 1
"""


def default(db: Database, user_id: int) -> Mailbox | None:
    """Where new aliases of this user forward to: the default one, else the first that is verified."""
    return db.row(Mailbox, _DEFAULT, user_id=user_id)


_FIND = """
SELECT id, uid, user_id, address_sealed, created_at, verified_at, is_default, paused_at
FROM mailboxes WHERE user_id = :user_id AND address_index = :index
"""


def find(db: Database, ring: KeyRing, user_id: int, address: str) -> Mailbox | None:
    """The user's mailbox of that address."""
    return db.row(Mailbox, _FIND, user_id=user_id, index=index(ring, address))


_VERIFY = "UPDATE mailboxes SET verified_at = now() WHERE id = :id AND verified_at IS NULL"


def verify(db: Database, mailbox_id: int) -> bool:
    """Mark it as proven. False when it was already."""
    return db.count(_VERIFY, id=mailbox_id) == 1
