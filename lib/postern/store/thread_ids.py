"""Message ids that contacts of an alias know: their own as they are, and those of replies under another name.

The Message-ID of a reply names the user's mail server; the contact sees one of ours, and an answer to it is led back.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

DAYS = 400
"""A thread that rests longer falls apart into two in the reader's list; nothing else happens."""


@dataclass(frozen=True)
class ThreadId:
    """A row of `thread_ids`, its original still sealed."""

    ours: str | None
    original_index: bytes
    original_sealed: bytes | None

    def original(self, ring: KeyRing) -> bytes:
        """The user's own, of a row that has one."""
        assert self.original_sealed is not None
        return ring.open(self.original_sealed, f"thread_ids.original:{self.ours}")


def _index(ring: KeyRing, original: bytes) -> bytes:
    return ring.index("thread", original)


_ADD = """
INSERT INTO thread_ids (alias_id, original_index, user_id, ours, original_sealed)
SELECT a.id, :index, a.user_id, :ours, :sealed FROM aliases a WHERE a.id = :alias_id
ON CONFLICT (alias_id, original_index) DO NOTHING
"""

_FIND = """
SELECT ours, original_index, original_sealed FROM thread_ids
WHERE alias_id = :alias_id AND original_index = ANY(CAST(:indexes AS bytea[]))
"""


def ensure(db: Database, ring: KeyRing, alias_id: int, domain: str, original: bytes) -> bytes:
    """What this alias's contacts see for the user's Message-ID; the same each time."""
    found = known(db, ring, alias_id, [original])
    if original not in found:
        ours = f"<{base64.b32encode(os.urandom(15)).decode().lower()}@{domain}>"
        sealed = ring.seal(original, f"thread_ids.original:{ours}")
        db.run(_ADD, alias_id=alias_id, index=_index(ring, original), ours=ours, sealed=sealed)
        found = known(db, ring, alias_id, [original])
    assert original in found, "the alias is another tenant's"
    return found[original]


# In order, so that two drains that note the same ones wait for each other and not in a circle.
_NOTE = """
INSERT INTO thread_ids (alias_id, original_index, user_id)
SELECT a.id, n.original_index, a.user_id
FROM unnest(CAST(:alias_ids AS bigint[]), CAST(:indexes AS bytea[])) AS n (alias_id, original_index)
     JOIN aliases a ON a.id = n.alias_id
ORDER BY a.id, n.original_index
ON CONFLICT (alias_id, original_index) DO NOTHING
"""


def note(db: Database, ring: KeyRing, written: Sequence[tuple[int, bytes]]) -> None:
    """Contacts of these aliases wrote messages of these ids."""
    if written:
        alias_ids, indexes = [one[0] for one in written], [_index(ring, one[1]) for one in written]
        db.run(_NOTE, alias_ids=alias_ids, indexes=indexes)


def known(db: Database, ring: KeyRing, alias_id: int, originals: Sequence[bytes]) -> dict[bytes, bytes]:
    """Of these ids those that contacts of the alias know: to how they know them."""
    by_index = {_index(ring, one): one for one in originals}
    rows = db.rows(ThreadId, _FIND, alias_id=alias_id, indexes=list(by_index))
    found = {by_index[row.original_index]: row.ours for row in rows}
    return {one: one if ours is None else ours.encode() for one, ours in found.items()}


_BACK = """
SELECT t.alias_id, t.ours, t.original_index, t.original_sealed
FROM unnest(CAST(:alias_ids AS bigint[]), CAST(:ours AS text[])) AS w (alias_id, ours)
     JOIN thread_ids t ON t.alias_id = w.alias_id AND t.ours = w.ours
"""


@dataclass(frozen=True)
class _OfAlias(ThreadId):
    alias_id: int


def originals(
    db: Database, ring: KeyRing, ours: Sequence[tuple[int, bytes]]
) -> dict[tuple[int, bytes], bytes]:
    """Of these ids, each with its alias, those that are ours: to the original."""
    if not ours:
        return {}
    alias_ids, texts = [one[0] for one in ours], [one[1].decode("ascii", "replace") for one in ours]
    rows = db.rows(_OfAlias, _BACK, alias_ids=alias_ids, ours=texts)
    return {(row.alias_id, row.ours.encode()): row.original(ring) for row in rows if row.ours is not None}


_FORGET = "DELETE FROM thread_ids WHERE created_at < now() - make_interval(days => :days)"


def forget_old(db: Database) -> int:
    """Drop those of threads that rest."""
    return db.count(_FORGET, days=DAYS)
