"""Recovery codes: on paper, for the day when no mailbox can be read. Each signs its user in once. Only hashes are stored."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


def _index(ring: KeyRing, code: str) -> bytes:
    return ring.index("recovery code", code.encode())


_LOCK = "SELECT id FROM users WHERE id = :user_id FOR UPDATE"

_REPLACE = """
WITH void AS (DELETE FROM recovery_codes WHERE user_id = :user_id)
INSERT INTO recovery_codes (user_id, code_index) SELECT :user_id, unnest(CAST(:indexes AS bytea[]))
"""


def replace(db: Database, ring: KeyRing, user_id: int, codes: Sequence[str]) -> None:
    """Let these sign the user in; those before are void. Of two who do it at once, the second one's stay."""
    db.run(_LOCK, user_id=user_id)
    db.run(_REPLACE, user_id=user_id, indexes=[_index(ring, code) for code in codes])


_LEFT = "SELECT count(*) FROM recovery_codes WHERE user_id = :user_id AND used_at IS NULL"


def left(db: Database, user_id: int) -> int:
    """How many still sign the user in."""
    return int(db.value(_LEFT, user_id=user_id))


_USE = """
UPDATE recovery_codes r SET used_at = now() FROM users u
WHERE r.code_index = :index AND r.used_at IS NULL AND u.id = r.user_id AND u.handle = :handle
  AND u.disabled_at IS NULL AND u.confirmed_at IS NOT NULL
RETURNING r.user_id
"""


def use(db: Database, ring: KeyRing, handle: str, code: str) -> int | None:
    """Use it up; the user it signs in. Of two who use it at once, one gets None: the row lock decides."""
    found = db.value(_USE, index=_index(ring, code), handle=handle)
    return None if found is None else int(found)
