"""Sessions: browsers that are signed in. The token itself is never stored.

A session ends after 30 days without use, and 90 days after its sign-in at the latest.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from postern.store import users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Session:
    """A row of `sessions` in a listing, its agent still sealed."""

    id: int
    uid: uuid.UUID
    agent_sealed: bytes
    created_at: datetime
    seen_at: datetime

    def agent(self, ring: KeyRing) -> str:
        """The browser in a few words."""
        return ring.open(self.agent_sealed, f"sessions.agent:{self.uid}").decode()


@dataclass(frozen=True)
class SignedIn:
    """Who asks: a session with its user. `welcomed`: the tour of the first visit is over.
    `seen_lately`: its last use was noted within ten minutes."""

    id: int
    user_id: int
    handle: str
    role: str
    user_since: datetime
    welcomed: bool
    token_index: bytes = field(repr=False)
    seen_lately: bool

    @property
    def is_admin(self) -> bool:
        """Whether the pages for admins are there."""
        return self.role == users.ADMIN


def _index(ring: KeyRing, token: str) -> bytes:
    return ring.index("session", token.encode())


_ADD = """
INSERT INTO sessions (uid, user_id, token_index, agent_sealed, expires_at)
VALUES (:uid, :user_id, :index, :agent, now() + interval '30 days')
"""


def add(db: Database, ring: KeyRing, user_id: int, token: str, agent: str) -> None:
    """Begin one."""
    uid = uuid.uuid4()
    sealed = ring.seal(agent.encode(), f"sessions.agent:{uid}")
    db.run(_ADD, uid=uid, user_id=user_id, index=_index(ring, token), agent=sealed)


_FIND = """
SELECT s.id, s.user_id, u.handle, u.role, u.created_at AS user_since, u.welcomed_at IS NOT NULL AS welcomed, s.token_index,
       s.seen_at > now() - interval '10 minutes' AS seen_lately
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.token_index = :index AND s.expires_at > now() AND u.disabled_at IS NULL
"""


def find(db: Database, ring: KeyRing, token: str) -> SignedIn | None:
    """The session of that token, while it lasts and its user is not disabled."""
    return db.row(SignedIn, _FIND, index=_index(ring, token))


_TOUCH = """
UPDATE sessions SET seen_at = now(), expires_at = least(now() + interval '30 days', created_at + interval '90 days')
WHERE id = :id AND seen_at <= now() - interval '10 minutes'
"""


def touch(db: Database, session_id: int) -> bool:
    """Note that it is used. False when that was noted within ten minutes: a page view need not cost a write."""
    return db.count(_TOUCH, id=session_id) == 1


_OF_USER = """
SELECT id, uid, agent_sealed, created_at, seen_at
FROM sessions WHERE user_id = :user_id AND expires_at > now() ORDER BY seen_at DESC, id DESC
"""


def of_user(db: Database, user_id: int) -> list[Session]:
    """A user's sessions, last used first."""
    return db.rows(Session, _OF_USER, user_id=user_id)


_END = "DELETE FROM sessions WHERE id = :id"


def end(db: Database, session_id: int) -> bool:
    """Sign one browser out. False when it was out already."""
    return db.count(_END, id=session_id) == 1


_END_ALL = "DELETE FROM sessions WHERE user_id = :user_id"


def end_all(db: Database, user_id: int) -> int:
    """Sign all of a user's browsers out; returns how many."""
    return db.count(_END_ALL, user_id=user_id)


_FORGET = """
DELETE FROM sessions s USING users u
WHERE u.id = s.user_id AND (s.expires_at <= now() OR u.disabled_at IS NOT NULL)
"""


def forget_old(db: Database) -> int:
    """Delete those that are over, or whose user is disabled: they shall not come back when the user does."""
    return db.count(_FORGET)


_END_OF_USER = "DELETE FROM sessions WHERE user_id = :user_id AND uid = :uid"


def end_of_user(db: Database, user_id: int, uid: uuid.UUID) -> bool:
    """End the session of that uid. False when it is not this user's, or gone."""
    return db.count(_END_OF_USER, user_id=user_id, uid=uid) == 1


_END_OTHERS = "DELETE FROM sessions WHERE user_id = :user_id AND id <> :kept"


def end_others(db: Database, user_id: int, kept: int) -> int:
    """End all of the user's but one; returns how many."""
    return db.count(_END_OTHERS, user_id=user_id, kept=kept)
