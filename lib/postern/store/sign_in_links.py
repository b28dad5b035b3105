"""Sign-in links: one a user, good for one sign-in. The token itself is never stored."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing


def _index(ring: KeyRing, token: str) -> bytes:
    return ring.index("sign-in link", token.encode())


_MAKE = """
INSERT INTO sign_in_links (user_id, token_index, expires_at)
VALUES (:user_id, :index, now() + make_interval(hours => :hours))
ON CONFLICT ON CONSTRAINT sign_in_link_once_per_user
DO UPDATE SET token_index = excluded.token_index, created_at = now(), expires_at = excluded.expires_at
"""


def make(db: Database, ring: KeyRing, user_id: int, token: str, hours: int) -> None:
    """Let this token sign the user in. The one before is void."""
    db.run(_MAKE, user_id=user_id, index=_index(ring, token), hours=hours)


_HANDLE = """
SELECT u.handle FROM sign_in_links l JOIN users u ON u.id = l.user_id
WHERE l.token_index = :index AND l.expires_at > now() AND u.disabled_at IS NULL
"""


def handle(db: Database, ring: KeyRing, token: str) -> str | None:
    """Whom it would sign in, or None when it is not good (any more)."""
    found = db.value(_HANDLE, index=_index(ring, token))
    return None if found is None else str(found)


_USE = """
DELETE FROM sign_in_links l USING users u
WHERE l.token_index = :index AND l.expires_at > now() AND u.id = l.user_id AND u.disabled_at IS NULL
RETURNING l.user_id
"""


def use(db: Database, ring: KeyRing, token: str) -> int | None:
    """Use it up; the user it signs in. Of two who use it at once, one gets None: the row lock decides."""
    found = db.value(_USE, index=_index(ring, token))
    return None if found is None else int(found)


_FORGET = """
DELETE FROM sign_in_links l USING users u
WHERE u.id = l.user_id AND (l.expires_at <= now() OR u.disabled_at IS NOT NULL)
"""


def forget_old(db: Database) -> int:
    """Delete those that sign nobody in."""
    return db.count(_FORGET)
