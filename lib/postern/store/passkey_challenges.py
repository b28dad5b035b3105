"""Challenges that were answered: none is answered twice. Those that are not leave nothing here (flow/challenges.py)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing

_USE = """
INSERT INTO passkey_challenges (challenge_index, user_id, expires_at) VALUES (:index, :user_id, to_timestamp(:expires))
ON CONFLICT DO NOTHING
"""


def use(db: Database, ring: KeyRing, challenge: bytes, user_id: int | None, expires: int) -> bool:
    """Use it up; `expires` in Unix time. False when it was used before: of two who use it at once, one waits for the other."""
    index = ring.index("passkey challenge", challenge)
    return db.count(_USE, index=index, user_id=user_id, expires=expires) == 1


_FORGET = "DELETE FROM passkey_challenges WHERE expires_at < now() - interval '1 day'"


def forget_old(db: Database) -> int:
    """Drop those that are too old to be used again, even where two clocks do not agree."""
    return db.count(_FORGET)
