"""API keys: how programs use an account. The key itself is never stored; one that is revoked is deleted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

READ, ALIASES, ALL = "read", "aliases", "all"
SCOPES = (READ, ALIASES, ALL)
"""As in the CHECK of schema/0008, a test compares them; each may do what those before it may."""


@dataclass(frozen=True)
class ApiKey:
    """A row of `api_keys` in a listing, its name still sealed. `expired`: it does not work any more."""

    uid: uuid.UUID
    head: str
    name_sealed: bytes
    scope: str
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    expired: bool

    def name(self, ring: KeyRing) -> str:
        """What its user calls it."""
        return ring.open(self.name_sealed, _place(self.uid)).decode()


@dataclass(frozen=True)
class Bearer:
    """Who asks: a key with its user. `used_lately`: its last use was noted within a minute."""

    id: int
    uid: uuid.UUID
    user_id: int
    handle: str
    name_sealed: bytes
    scope: str
    created_at: datetime
    expires_at: datetime | None
    used_lately: bool

    def name(self, ring: KeyRing) -> str:
        """What its user calls the key."""
        return ring.open(self.name_sealed, _place(self.uid)).decode()

    def may(self, scope: str) -> bool:
        """Whether the key's scope holds this one."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


def _place(uid: uuid.UUID) -> str:
    return f"api_keys.name:{uid}"


def _index(ring: KeyRing, key: str) -> bytes:
    return ring.index("api key", key.encode())


# Not FOR UPDATE: rows that name the user go on being written meanwhile.
_LOCK = "SELECT 1 FROM users WHERE id = :user_id FOR NO KEY UPDATE"

_ADD = """
INSERT INTO api_keys (uid, user_id, key_index, head, name_sealed, scope, expires_at)
SELECT :uid, :user_id, :index, :head, :name, :scope, now() + make_interval(days => CAST(:days AS integer))
WHERE (SELECT count(*) FROM api_keys
       WHERE user_id = :user_id AND (expires_at IS NULL OR expires_at > now())) < :most
"""


def add(
    db: Database,
    ring: KeyRing,
    user_id: int,
    key: str,
    head: str,
    name: str,
    scope: str,
    days: int | None,
    most: int,
) -> bool:
    """Let this key work: so many days, or (None) for ever. False when `most` of the user's work already."""
    uid = uuid.uuid4()
    db.run(_LOCK, user_id=user_id)
    added = db.count(
        _ADD,
        uid=uid,
        user_id=user_id,
        index=_index(ring, key),
        head=head,
        name=ring.seal(name.encode(), _place(uid)),
        scope=scope,
        days=days,
        most=most,
    )
    return added == 1


_FIND = """
SELECT k.id, k.uid, k.user_id, u.handle, k.name_sealed, k.scope, k.created_at, k.expires_at,
       coalesce(k.used_at > now() - interval '1 minute', false) AS used_lately
FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.key_index = :index AND k.kind = 'key' AND (k.expires_at IS NULL OR k.expires_at > now())
  AND u.disabled_at IS NULL AND u.confirmed_at IS NOT NULL
"""


def find(db: Database, ring: KeyRing, key: str) -> Bearer | None:
    """Whose key it is, while it works and its user is not disabled."""
    return db.row(Bearer, _FIND, index=_index(ring, key))


_TOUCH = """
UPDATE api_keys SET used_at = now()
WHERE id = :id AND (used_at IS NULL OR used_at <= now() - interval '1 minute')
"""


def touch(db: Database, key_id: int) -> bool:
    """Note that it is used. False when that was noted within a minute: a request need not cost a write."""
    return db.count(_TOUCH, id=key_id) == 1


_OF_USER = """
SELECT uid, head, name_sealed, scope, created_at, used_at, expires_at,
       coalesce(expires_at <= now(), false) AS expired
FROM api_keys WHERE user_id = :user_id ORDER BY id DESC
"""


def of_user(db: Database, user_id: int) -> list[ApiKey]:
    """A user's keys, newest first; those that expired stay in sight for a month."""
    return db.rows(ApiKey, _OF_USER, user_id=user_id)


_REVOKE = "DELETE FROM api_keys WHERE user_id = :user_id AND uid = :uid"


def revoke(db: Database, user_id: int, uid: uuid.UUID) -> bool:
    """From now on it does not work. False when it is not this user's, or gone."""
    return db.count(_REVOKE, user_id=user_id, uid=uid) == 1


_FORGET = "DELETE FROM api_keys WHERE expires_at < now() - interval '30 days'"


def forget_old(db: Database) -> int:
    """Drop those that expired a month ago."""
    return db.count(_FORGET)
