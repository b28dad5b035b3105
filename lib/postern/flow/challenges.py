"""Challenges for passkeys: random, ours, young, and answered once.

A challenge holds 15 random bytes, when it expires (5 bytes, Unix time), and a tag of 12 bytes over both and what it is for.
So to give one out writes nothing, and whoever looks at the sign-in page all day long fills no table; only an answer is noted.
"""

from __future__ import annotations

import hmac
import os

from postern.base import clock
from postern.base.errors import BadInput
from postern.store import passkey_challenges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing

SECONDS = 1800
"""The page may have been open for a while before somebody answers."""

_RANDOM, _TIME, _TAG = 15, 5, 12
SIZE = _RANDOM + _TIME + _TAG


class DeadChallenge(BadInput):
    """Not ours, too old, used before, or for somebody else."""

    def __init__(self) -> None:
        super().__init__("This page was open for too long, or was used before.", "Try once more.")


def new(ring: KeyRing, user_id: int | None = None) -> bytes:
    """One for this user to add a passkey; without a user, for somebody to sign in."""
    told = os.urandom(_RANDOM) + (int(clock.now()) + SECONDS).to_bytes(_TIME, "big")
    return told + _tag(ring, told, user_id)


def check(ring: KeyRing, challenge: bytes, user_id: int | None = None) -> None:
    """DeadChallenge unless it was given out for this, and not too long ago. Whether it was used: `use_up` tells."""
    told, tag = challenge[:-_TAG], challenge[-_TAG:]
    is_ours = len(challenge) == SIZE and hmac.compare_digest(tag, _tag(ring, told, user_id))
    if not is_ours or _expires(challenge) <= clock.now():
        raise DeadChallenge


def use_up(db: Database, ring: KeyRing, challenge: bytes, user_id: int | None = None) -> None:
    """Let nobody answer it again, in the transaction of what the answer does. DeadChallenge when somebody did."""
    if not passkey_challenges.use(db, ring, challenge, user_id, _expires(challenge)):
        raise DeadChallenge


def _tag(ring: KeyRing, told: bytes, user_id: int | None) -> bytes:
    purpose = b"sign in" if user_id is None else b"add %d" % user_id
    return ring.tag("passkey challenge", told + purpose, _TAG)


def _expires(challenge: bytes) -> int:
    return int.from_bytes(challenge[_RANDOM : _RANDOM + _TIME], "big")
