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


_VERIFY = """
UPDATE mailboxes m
SET verified_at = now(), proof_index = NULL, proof_expires_at = NULL,
    is_default = NOT EXISTS (SELECT 1 FROM mailboxes o WHERE o.user_id = m.user_id AND o.is_default)
WHERE m.id = :id AND m.verified_at IS NULL
"""


def verify(db: Database, mailbox_id: int) -> bool:
    """Mark it as proven, and as the default one where there is none; a link mailed to it is void. False: it was so."""
    return db.count(_VERIFY, id=mailbox_id) == 1


_GET = """
SELECT id, uid, user_id, address_sealed, created_at, verified_at, is_default, paused_at
FROM mailboxes WHERE uid = :uid
"""


def get(db: Database, uid: uuid.UUID) -> Mailbox | None:
    """The mailbox of that uid, among those this tenant may see."""
    return db.row(Mailbox, _GET, uid=uid)


_BY_ID = """
SELECT id, uid, user_id, address_sealed, created_at, verified_at, is_default, paused_at
FROM mailboxes WHERE id = :id
"""


def by_id(db: Database, mailbox_id: int) -> Mailbox | None:
    """The mailbox of that id, among those this tenant may see."""
    return db.row(Mailbox, _BY_ID, id=mailbox_id)


_NO_DEFAULT = "UPDATE mailboxes SET is_default = false WHERE user_id = :user_id AND is_default"

_SET_DEFAULT = "UPDATE mailboxes SET is_default = true WHERE id = :id AND verified_at IS NOT NULL"


def set_default(db: Database, mailbox: Mailbox) -> bool:
    """New aliases forward to it from now on. False when it is not verified; then nothing may be kept of this transaction."""
    db.run(_NO_DEFAULT, user_id=mailbox.user_id)
    return db.count(_SET_DEFAULT, id=mailbox.id) == 1


_RESUME = "UPDATE mailboxes SET paused_at = NULL, resumed_at = now() WHERE id = :id AND paused_at IS NOT NULL"


def resume(db: Database, mailbox_id: int) -> bool:
    """Forward to it again; what came back so far counts no more. False when it was not paused."""
    return db.count(_RESUME, id=mailbox_id) == 1


_DELETE = "DELETE FROM mailboxes WHERE id = :id"


def delete(db: Database, mailbox_id: int) -> bool:
    """Delete it with what was queued to it. False when it is gone already."""
    return db.count(_DELETE, id=mailbox_id) == 1


_HAND_OVER = """
INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id)
SELECT am.alias_id, :heir_id, am.user_id FROM alias_mailboxes am
WHERE am.mailbox_id = :mailbox_id
  AND NOT EXISTS (SELECT 1 FROM alias_mailboxes other
                  WHERE other.alias_id = am.alias_id AND other.mailbox_id <> :mailbox_id)
ON CONFLICT DO NOTHING
"""


def hand_over(db: Database, mailbox_id: int, heir_id: int) -> int:
    """Aliases that forward to this mailbox alone forward to the heir, too; returns how many."""
    return db.count(_HAND_OVER, mailbox_id=mailbox_id, heir_id=heir_id)


_HAND_OVER_MAIL = """
UPDATE deliveries d SET mailbox_id = :heir_id
WHERE d.mailbox_id = :mailbox_id AND d.state IN ('queued', 'held', 'failed')
  AND NOT EXISTS (SELECT 1 FROM deliveries other WHERE other.message_id = d.message_id AND other.mailbox_id = :heir_id)
"""


def hand_over_mail(db: Database, mailbox_id: int, heir_id: int) -> int:
    """What was accepted for it and is not delivered yet goes to the heir; returns how many deliveries."""
    return db.count(_HAND_OVER_MAIL, mailbox_id=mailbox_id, heir_id=heir_id)


@dataclass(frozen=True)
class Use:
    """How much a mailbox is used: aliases that forward to it, and bounces of the last seven days."""

    mailbox_id: int
    aliases: int
    bounces: int


_USES = """
SELECT m.id AS mailbox_id,
       (SELECT count(*) FROM alias_mailboxes am JOIN aliases a ON a.id = am.alias_id
        WHERE am.mailbox_id = m.id AND a.deleted_at IS NULL) AS aliases,
       (SELECT count(*) FROM deliveries d
        WHERE d.mailbox_id = m.id AND d.bounced_at > now() - interval '7 days') AS bounces
FROM mailboxes m WHERE m.user_id = :user_id
"""


def uses(db: Database, user_id: int) -> dict[int, Use]:
    """By mailbox id."""
    return {one.mailbox_id: one for one in db.rows(Use, _USES, user_id=user_id)}


_OF_ADMINS = """
SELECT b.id, b.uid, b.user_id, b.address_sealed, b.created_at, b.verified_at, b.is_default, b.paused_at
FROM users u JOIN mailboxes b ON b.user_id = u.id AND b.is_default AND b.verified_at IS NOT NULL
WHERE u.role = 'admin' AND u.disabled_at IS NULL ORDER BY u.id
"""


def of_admins(db: Database) -> list[Mailbox]:
    """Where admins are written to: the default mailbox of each."""
    return db.rows(Mailbox, _OF_ADMINS)
