"""Invitations: links by which somebody may open an account, once. The token itself is never stored.

The account is made when the form is sent, and the invitation is used up when the address is proven: who mistyped it can send
the form again. Rows are the program's own work: nobody is signed in yet.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Invitation:
    """A row of `invitations`."""

    id: int
    uid: UUID
    made_by: str
    role: str
    note: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_by: int | None


def _index(ring: KeyRing, token: str) -> bytes:
    return ring.index("invitation", token.encode())


_ADD = """
INSERT INTO invitations (token_index, made_by, role, note, expires_at)
VALUES (:index, :made_by, :role, :note, now() + make_interval(days => :days))
RETURNING id, uid, made_by, role, note, created_at, expires_at, used_at, used_by
"""


def add(db: Database, ring: KeyRing, token: str, made_by: str, role: str, note: str, days: int) -> Invitation:
    """Let this token open an account."""
    made = db.row(
        Invitation, _ADD, index=_index(ring, token), made_by=made_by, role=role, note=note, days=days
    )
    assert made is not None
    return made


_FIND = """
SELECT id, uid, made_by, role, note, created_at, expires_at, used_at, used_by FROM invitations
WHERE token_index = :index AND used_at IS NULL AND expires_at > now() FOR UPDATE
"""


def find(db: Database, ring: KeyRing, token: str) -> Invitation | None:
    """What the token stands for, locked, while it is good."""
    return db.row(Invitation, _FIND, index=_index(ring, token))


_TAKE = "UPDATE invitations SET used_by = :user_id WHERE id = :id"


def take(db: Database, invitation_id: int, user_id: int) -> None:
    """This user came by it, and has still to prove the address."""
    db.run(_TAKE, id=invitation_id, user_id=user_id)


_ALL = """
SELECT id, uid, made_by, role, note, created_at, expires_at, used_at, used_by FROM invitations ORDER BY id DESC
"""


def all_invitations(db: Database) -> list[Invitation]:
    """Every invitation, newest first."""
    return db.rows(Invitation, _ALL)


_REVOKE = """
DELETE FROM invitations WHERE uid = :uid AND used_at IS NULL
RETURNING id, uid, made_by, role, note, created_at, expires_at, used_at, used_by
"""


def revoke(db: Database, uid: UUID) -> Invitation | None:
    """Void it. None when there is none, or it was used."""
    return db.row(Invitation, _REVOKE, uid=uid)


_FORGET = "DELETE FROM invitations WHERE used_at IS NULL AND expires_at < now() - interval '30 days'"


def forget_old(db: Database) -> int:
    """Drop those that nobody took."""
    return db.count(_FORGET)
