"""Fingerprints of mail stored lately: the same mail sent twice is queued once (wire.md, "Same mail twice")."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database

_REMEMBER = """
INSERT INTO fingerprints AS f (fingerprint) VALUES (:fingerprint)
ON CONFLICT (fingerprint) DO UPDATE SET seen_at = now() WHERE f.seen_at < now() - interval '7 days'
"""


def remember(db: Database, fingerprint: bytes) -> bool:
    """Note it in the transaction that stores the message. False: stored within the last 7 days.

    Two at once: the second waits here for the first one's commit.
    """
    return db.count(_REMEMBER, fingerprint=fingerprint) == 1


_FORGET = "DELETE FROM fingerprints WHERE seen_at < now() - interval '7 days'"


def forget_old(db: Database) -> int:
    """Drop those past their time."""
    return db.count(_FORGET)
