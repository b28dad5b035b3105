"""API keys and app passwords: how programs use an account. Only hashes are stored; one that is revoked is deleted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

READ, ALIASES, ALL = "read", "aliases", "all"
SCOPES = (READ, ALIASES, ALL)
"""As in the CHECK of schema/0008, a test compares them; each may do what those before it may."""

KEY, PASSWORD = "key", "password"
KINDS = (KEY, PASSWORD)
"""As in the CHECK of schema/0008: what a program sends with each request, and what an app sends once, to get such a key."""

BURST_SECONDS = 120
"""A key's requests cost seconds (mostly one), and this many may be spent at once."""


@dataclass(frozen=True)
class New:
    """One that shall be. `head`: its letters that stay in sight; `days`: how long it works, None: without end; `made_by`: the
    id of the app password that it is given for, and ends with; `until`: no longer than that, whatever `days` says."""

    secret: str = field(repr=False)
    head: str
    name: str
    scope: str
    days: int | None
    kind: str = KEY
    made_by: int | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class ApiKey:
    """A row of `api_keys`, its name still sealed. `expired`: it does not work any more. `made_by`: an app password's uid."""

    uid: uuid.UUID
    kind: str
    made_by: uuid.UUID | None
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
    """Who asks: a key with its user.

    `made_by`: the id of the app password that it was given for. `sudo`: its user gave an app password just now. `wait`:
    seconds until it may go on; 0: now.
    """

    id: int
    uid: uuid.UUID
    user_id: int
    handle: str
    name_sealed: bytes
    scope: str
    created_at: datetime
    expires_at: datetime | None
    made_by: int | None
    sudo: bool
    wait: int

    def name(self, ring: KeyRing) -> str:
        """What its user calls the key."""
        return ring.open(self.name_sealed, _place(self.uid)).decode()

    def may(self, scope: str) -> bool:
        """Whether the key's scope holds this one."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


@dataclass(frozen=True)
class Password:
    """An app password that was given just now."""

    id: int
    uid: uuid.UUID
    user_id: int
    handle: str
    name_sealed: bytes
    scope: str

    def name(self, ring: KeyRing) -> str:
        """What its user calls it."""
        return ring.open(self.name_sealed, _place(self.uid)).decode()


def _place(uid: uuid.UUID) -> str:
    return f"api_keys.name:{uid}"


def _index(ring: KeyRing, key: str) -> bytes:
    return ring.index("api key", key.encode())


# Not FOR UPDATE: rows that name the user go on being written meanwhile.
_LOCK = "SELECT 1 FROM users WHERE id = :user_id FOR NO KEY UPDATE"

_ADD = """
INSERT INTO api_keys (uid, user_id, kind, key_index, head, name_sealed, scope, made_by, expires_at)
SELECT :uid, :user_id, :what, :index, :head, :name, :scope, CAST(:made_by AS bigint),
       least(now() + make_interval(days => CAST(:days AS integer)), CAST(:until AS timestamptz),
             (SELECT expires_at FROM api_keys WHERE id = CAST(:made_by AS bigint)))
WHERE (SELECT count(*) FROM api_keys
       WHERE user_id = :user_id AND (expires_at IS NULL OR expires_at > now())) < :most
RETURNING uid, kind, (SELECT p.uid FROM api_keys p WHERE p.id = api_keys.made_by) AS made_by, head, name_sealed, scope,
          created_at, used_at, expires_at, false AS expired
"""


def add(db: Database, ring: KeyRing, user_id: int, new: New, most: int) -> ApiKey | None:
    """Let it work. None when `most` of the user's, of both kinds, work already."""
    uid = uuid.uuid4()
    db.run(_LOCK, user_id=user_id)
    return db.row(
        ApiKey,
        _ADD,
        uid=uid,
        user_id=user_id,
        what=new.kind,
        index=_index(ring, new.secret),
        head=new.head,
        name=ring.seal(new.name.encode(), _place(uid)),
        scope=new.scope,
        made_by=new.made_by,
        days=new.days,
        until=new.until,
        most=most,
    )


# A request pays `cost` seconds in advance, and may be BURST_SECONDS ahead of the clock (the generic cell rate algorithm). One
# that must wait writes nothing.
_USE = """
WITH found AS (
    SELECT k.id, k.uid, k.user_id, u.handle, k.name_sealed, k.scope, k.created_at, k.expires_at, k.made_by,
           coalesce(k.sudo_until > now(), false) AS sudo, greatest(k.due_at, now()) AS due_at,
           CAST(greatest(ceil(extract(epoch FROM k.due_at - now()) - :burst), 0) AS integer) AS wait
    FROM api_keys k JOIN users u ON u.id = k.user_id
    WHERE k.key_index = :index AND k.kind = 'key' AND (k.expires_at IS NULL OR k.expires_at > now())
      AND u.disabled_at IS NULL AND u.confirmed_at IS NOT NULL
    FOR NO KEY UPDATE OF k
), paid AS (
    UPDATE api_keys SET used_at = now(), due_at = found.due_at + make_interval(secs => :cost)
    FROM found WHERE api_keys.id = found.id AND found.wait = 0
)
SELECT id, uid, user_id, handle, name_sealed, scope, created_at, expires_at, made_by, sudo, coalesce(wait, 0) AS wait FROM found
"""


def use(db: Database, ring: KeyRing, key: str, cost: int) -> Bearer | None:
    """Whose key it is, while it works and its user is not disabled; its use is noted, and `cost` seconds are spent."""
    return db.row(Bearer, _USE, index=_index(ring, key), cost=cost, burst=BURST_SECONDS)


# Looked up by the password first: whether anybody has the handle or the address is asked only of who knows one.
_USE_BY_LOGIN = """
UPDATE api_keys k SET used_at = now() FROM users u
WHERE k.key_index = :index AND k.kind = 'password' AND (k.expires_at IS NULL OR k.expires_at > now())
  AND u.id = k.user_id AND u.disabled_at IS NULL AND u.confirmed_at IS NOT NULL
  AND (u.handle = :handle OR EXISTS (SELECT 1 FROM mailboxes m WHERE m.user_id = u.id AND m.address_index = :address
                                     AND m.verified_at IS NOT NULL))
RETURNING k.id, k.uid, k.user_id, u.handle, k.name_sealed, k.scope
"""


def use_password(
    db: Database, ring: KeyRing, handle: str, address_index: bytes, password: str
) -> Password | None:
    """Whose app password it is, while it works, if it came with his handle or a proven mailbox of his; its use is noted."""
    return db.row(Password, _USE_BY_LOGIN, index=_index(ring, password), handle=handle, address=address_index)


_BELONGS = """
UPDATE api_keys SET used_at = now()
WHERE key_index = :index AND kind = 'password' AND user_id = :user_id AND (expires_at IS NULL OR expires_at > now())
"""


def belongs(db: Database, ring: KeyRing, user_id: int, password: str) -> bool:
    """Whether it is an app password of this user that works; its use is noted."""
    return db.count(_BELONGS, index=_index(ring, password), user_id=user_id) == 1


_SUDO = """
UPDATE api_keys SET sudo_until = now() + make_interval(mins => CAST(:minutes AS integer)) WHERE id = :id AND kind = 'key'
"""


def sudo(db: Database, key_id: int, minutes: int) -> bool:
    """For so many minutes the key may do what needs the password again. False when it is gone."""
    return db.count(_SUDO, id=key_id, minutes=minutes) == 1


_OF_USER = """
SELECT k.uid, k.kind, p.uid AS made_by, k.head, k.name_sealed, k.scope, k.created_at, k.used_at, k.expires_at,
       coalesce(k.expires_at <= now(), false) AS expired
FROM api_keys k LEFT JOIN api_keys p ON p.id = k.made_by
WHERE k.user_id = :user_id ORDER BY k.id DESC
"""


def of_user(db: Database, user_id: int) -> list[ApiKey]:
    """A user's, of both kinds, newest first; those that expired stay in sight for a month."""
    return db.rows(ApiKey, _OF_USER, user_id=user_id)


_REVOKE = "DELETE FROM api_keys WHERE user_id = :user_id AND uid = :uid"


def revoke(db: Database, user_id: int, uid: uuid.UUID) -> bool:
    """From now on it does not work, nor the keys that it made. False when it is not this user's, or gone."""
    return db.count(_REVOKE, user_id=user_id, uid=uid) == 1


_FORGET = "DELETE FROM api_keys WHERE expires_at < now() - interval '30 days'"


def forget_old(db: Database) -> int:
    """Drop those that expired a month ago."""
    return db.count(_FORGET)
