"""Passkeys: what is kept of a WebAuthn credential. What one proves is verified elsewhere (the room webauthn)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.webauthn.registration import Credential


@dataclass(frozen=True)
class Passkey:
    """A row of `passkeys` in a listing, its name still sealed. `transports`: words with blanks between."""

    id: int
    uid: uuid.UUID
    credential_id: bytes = field(repr=False)
    transports: str
    backed_up: bool
    name_sealed: bytes
    created_at: datetime
    used_at: datetime | None

    def name(self, ring: KeyRing) -> str:
        """What its user calls it."""
        return ring.open(self.name_sealed, f"passkeys.name:{self.uid}").decode()


@dataclass(frozen=True)
class Signer:
    """A passkey that is about to sign its user in: `public_key` is a COSE_Key, `user_uid` is what it knows its user by."""

    id: int
    user_id: int
    user_uid: uuid.UUID
    handle: str
    public_key: bytes = field(repr=False)
    sign_count: int


def _sealed(ring: KeyRing, uid: uuid.UUID, name: str) -> bytes:
    return ring.seal(name.encode(), f"passkeys.name:{uid}")


_ADD = """
INSERT INTO passkeys (uid, user_id, credential_id, public_key, sign_count, transports, backed_up, name_sealed)
VALUES (:uid, :user_id, :credential_id, :public_key, :sign_count, :transports, :backed_up, :name)
"""


def add(db: Database, ring: KeyRing, user_id: int, name: str, made: Credential) -> None:
    """Keep a new one. UniqueViolation(passkey_credential_once) when it is kept already, by anybody."""
    uid = uuid.uuid4()
    db.run(
        _ADD,
        uid=uid,
        user_id=user_id,
        credential_id=made.id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=" ".join(made.transports),
        backed_up=made.backed_up,
        name=_sealed(ring, uid, name),
    )


_OF_USER = """
SELECT id, uid, credential_id, transports, backed_up, name_sealed, created_at, used_at
FROM passkeys WHERE user_id = :user_id ORDER BY id
"""


def of_user(db: Database, user_id: int) -> list[Passkey]:
    """A user's passkeys, oldest first."""
    return db.rows(Passkey, _OF_USER, user_id=user_id)


_GET = """
SELECT id, uid, credential_id, transports, backed_up, name_sealed, created_at, used_at FROM passkeys WHERE uid = :uid
"""


def get(db: Database, uid: uuid.UUID) -> Passkey | None:
    """The passkey of that uid, among those this tenant may see."""
    return db.row(Passkey, _GET, uid=uid)


_SIGNER = """
SELECT p.id, p.user_id, u.uid AS user_uid, u.handle, p.public_key, p.sign_count
FROM passkeys p JOIN users u ON u.id = p.user_id
WHERE p.credential_id = :credential_id AND u.disabled_at IS NULL AND u.confirmed_at IS NOT NULL
FOR UPDATE OF p
"""


def signer(db: Database, credential_id: bytes) -> Signer | None:
    """The passkey that a browser names, locked: its counter is compared and moved by one sign-in at a time."""
    return db.row(Signer, _SIGNER, credential_id=credential_id)


_USED = "UPDATE passkeys SET used_at = now(), sign_count = :sign_count, backed_up = :backed_up WHERE id = :id"


def used(db: Database, passkey_id: int, sign_count: int, backed_up: bool) -> None:
    """It signed its user in."""
    db.run(_USED, id=passkey_id, sign_count=sign_count, backed_up=backed_up)


_RENAME = "UPDATE passkeys SET name_sealed = :name WHERE uid = :uid"


def rename(db: Database, ring: KeyRing, uid: uuid.UUID, name: str) -> bool:
    """Call it so. False when it is gone."""
    return db.count(_RENAME, uid=uid, name=_sealed(ring, uid, name)) == 1


_REMOVE = "DELETE FROM passkeys WHERE uid = :uid"


def remove(db: Database, uid: uuid.UUID) -> bool:
    """It signs nobody in any more. False when it is gone already."""
    return db.count(_REMOVE, uid=uid) == 1
