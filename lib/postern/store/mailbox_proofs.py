"""Proving a mailbox: the link that is mailed to it. The token itself is never stored."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import uuid

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

HOURS = 24


@dataclass(frozen=True)
class Proof:
    """Whose mailbox a token would prove; the address is still sealed."""

    mailbox_id: int
    uid: uuid.UUID
    user_id: int
    handle: str
    address_sealed: bytes


def _index(ring: KeyRing, token: str) -> bytes:
    return ring.index("mailbox proof", token.encode())


_BEGIN = """
UPDATE mailboxes SET proof_index = :index, proof_expires_at = now() + make_interval(hours => :hours)
WHERE id = :id AND verified_at IS NULL
"""


def begin(db: Database, ring: KeyRing, mailbox_id: int, token: str) -> bool:
    """Let this token prove the mailbox; the one before is void. False when it is proven already."""
    return db.count(_BEGIN, id=mailbox_id, index=_index(ring, token), hours=HOURS) == 1


# Of many that are asked for at once, each would count before any of them is written.
_ONE_BY_ONE = "SELECT 1 FROM users WHERE id = :user_id FOR NO KEY UPDATE"

_LATELY = """
SELECT count(*) FROM messages
WHERE user_id = :user_id AND kind = 'notice' AND received_at > now() - interval '1 hour'
"""


def notices_lately(db: Database, user_id: int) -> int:
    """Notices written to this user within the hour: nobody shall flood a stranger by naming his address here.

    Nobody has one written to him until the transaction ends.
    """
    db.run(_ONE_BY_ONE, user_id=user_id)
    return int(db.value(_LATELY, user_id=user_id))


_FIND = """
SELECT m.id AS mailbox_id, m.uid, m.user_id, u.handle, m.address_sealed
FROM mailboxes m JOIN users u ON u.id = m.user_id
WHERE m.proof_index = :index AND m.proof_expires_at > now() AND u.disabled_at IS NULL
"""


def find(db: Database, ring: KeyRing, token: str) -> Proof | None:
    """What the token would prove, or None when it is not good (any more)."""
    return db.row(Proof, _FIND, index=_index(ring, token))


_USE = """
UPDATE mailboxes m
SET verified_at = now(), proof_index = NULL, proof_expires_at = NULL,
    is_default = NOT EXISTS (SELECT 1 FROM mailboxes o WHERE o.user_id = m.user_id AND o.is_default)
FROM users u
WHERE m.proof_index = :index AND m.proof_expires_at > now() AND u.id = m.user_id AND u.disabled_at IS NULL
RETURNING m.id AS mailbox_id, m.uid, m.user_id, u.handle, m.address_sealed
"""


def use(db: Database, ring: KeyRing, token: str) -> Proof | None:
    """Use it up: the mailbox is proven, and the default one where there is none. None when it was not good (any more)."""
    return db.row(Proof, _USE, index=_index(ring, token))
