"""Messages: the envelope in a row, the sealed MIME in rows of at most 64 KiB.

Chunks travel by binary COPY: a parameter of megabytes costs pg8000 ten times its size in memory (hex text).
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.base.spool import Holder


@dataclass(frozen=True)
class Message:
    """A row of `messages` with its alias's address (None: a notice); what is sealed stays so."""

    id: int
    uid: uuid.UUID
    user_id: int
    kind: str
    alias: str | None
    received_at: datetime
    source: str
    size: int
    mail_from_sealed: bytes
    stream_header: bytes
    chunk_count: int
    cleared_at: datetime | None
    summary_sealed: bytes | None

    def summary(self, ring: KeyRing) -> dict[str, str]:
        """Who wrote, and about what, for the pages; empty once the MIME is deleted."""
        return open_summary(ring, self.uid, self.summary_sealed)

    def mail_from(self, ring: KeyRing) -> str:
        """The envelope sender; empty for a bounce."""
        return ring.open(self.mail_from_sealed, f"messages.mail_from:{self.uid}").decode()


def body_place(uid: uuid.UUID) -> str:
    """What the sealed MIME of a message is bound to, in the database and in the spool."""
    return f"messages.body:{uid}"


def open_summary(ring: KeyRing, uid: uuid.UUID, sealed: bytes | None) -> dict[str, str]:
    """The summary from its sealed column."""
    if sealed is None:
        return {}
    import json

    found: dict[str, str] = json.loads(ring.open(sealed, f"messages.summary:{uid}"))
    return found


def _seal_summary(ring: KeyRing, uid: uuid.UUID, summary: dict[str, str] | None) -> bytes | None:
    if not summary:
        return None
    import json

    return ring.seal(json.dumps(summary).encode(), f"messages.summary:{uid}")


_ADD = """
INSERT INTO messages (uid, user_id, alias_id, kind, received_at, source, size, mail_from_sealed, stream_header, chunk_count,
                      held_why, verdict, summary_sealed)
VALUES (:uid, :user_id, :alias_id, :kind, to_timestamp(:received_at), :source, :size, :mail_from, :stream_header, :chunk_count,
        :held_why, :verdict, :summary)
RETURNING id
"""


def add(
    db: Database,
    ring: KeyRing,
    *,
    uid: uuid.UUID,
    user_id: int,
    alias_id: int | None,
    received_at: float,
    source: str,
    size: int,
    mail_from: str,
    stream_header: bytes,
    chunk_count: int,
    kind: str = "forward",
    held_why: str | None = None,
    verdict: str = "",
    summary: dict[str, str] | None = None,
) -> int:
    """Add the row; returns its id. The chunks come by add_chunks in the same transaction."""
    return int(
        db.value(
            _ADD,
            uid=uid,
            user_id=user_id,
            alias_id=alias_id,
            received_at=received_at,
            source=source,
            size=size,
            mail_from=ring.seal(mail_from.encode(), f"messages.mail_from:{uid}"),
            stream_header=stream_header,
            chunk_count=chunk_count,
            kind=kind,
            held_why=held_why,
            verdict=verdict,
            summary=_seal_summary(ring, uid, summary),
        )
    )


_ADD_CHUNKS = "COPY message_chunks (message_id, seq, data) FROM STDIN (FORMAT binary)"


def add_chunks(db: Database, message_id: int, chunks: Iterable[bytes]) -> None:
    """Write the sealed chunks, in order."""
    db.copy_in(_ADD_CHUNKS, _as_copy_rows(message_id, chunks))


# PostgreSQL manual, COPY, "Binary Format": signature, flags, length of header extension.
_COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_COPY_END = struct.pack(">h", -1)


def _as_copy_rows(message_id: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield _COPY_HEAD
    for seq, chunk in enumerate(chunks):
        yield struct.pack(">hiqiii", 3, 8, message_id, 4, seq, len(chunk)) + chunk
    yield _COPY_END


_CHOOSE = "SELECT set_config('postern.message_id', :id, true)"

# The join asks row level security: message_chunks has none of its own.
_READ_CHUNKS = """
COPY (SELECT c.data FROM messages m JOIN message_chunks c ON c.message_id = m.id
      WHERE m.id = current_setting('postern.message_id')::bigint ORDER BY c.seq) TO STDOUT (FORMAT binary)
"""


def read_chunks(db: Database, message_id: int, holder: Holder) -> None:
    """Read the sealed chunks, in order, into the holder."""
    db.run(_CHOOSE, id=str(message_id))
    db.copy_out(_READ_CHUNKS, _CopyRows(holder))


class _CopyRows:
    """Takes the binary COPY stream apart, however it is cut, and hands each chunk on.

    The server sends a row at a time, so one that comes whole is copied once and no more.
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._rest = bytearray()
        self._skip = len(_COPY_HEAD)

    def write(self, data: bytes, /) -> None:
        if not self._rest and not self._skip and len(data) == 6 + int.from_bytes(data[2:6], "big"):
            self._holder.add(data[6:])
            return
        self._rest += data
        if self._skip:
            if len(self._rest) < self._skip:
                return
            del self._rest[: self._skip]
            self._skip = 0
        while len(self._rest) >= 6:
            (size,) = struct.unpack_from(">i", self._rest, 2)
            if len(self._rest) < 6 + size:
                return
            self._holder.add(bytes(self._rest[6 : 6 + size]))
            del self._rest[: 6 + size]


_CHOOSE_ALL = "SELECT set_config('postern.message_ids', :ids, true)"

_READ_SMALL = """
COPY (SELECT m.id, c.data FROM messages m JOIN message_chunks c ON c.message_id = m.id
      WHERE m.id = ANY(CAST(current_setting('postern.message_ids') AS bigint[])) AND m.chunk_count = 1)
TO STDOUT (FORMAT binary)
"""


def read_small(db: Database, message_ids: Iterable[int]) -> dict[int, bytes]:
    """The sealed chunk of each of these messages that has one only."""
    db.run(_CHOOSE_ALL, ids="{" + ",".join(map(str, message_ids)) + "}")
    found = bytearray()
    db.copy_out(_READ_SMALL, _Gathered(found))
    chunks, at = {}, len(_COPY_HEAD)
    while struct.unpack_from(">h", found, at)[0] == 2:
        message_id, size = struct.unpack_from(">4xqi", found, at + 2)
        chunks[message_id] = bytes(found[at + 18 : at + 18 + size])
        at += 18 + size
    return chunks


class _Gathered:
    """Takes a whole COPY stream."""

    def __init__(self, found: bytearray) -> None:
        self._found = found

    def write(self, data: bytes, /) -> None:
        self._found += data


_EXISTS = "SELECT 1 FROM messages WHERE uid = :uid"


def exists(db: Database, uid: uuid.UUID) -> bool:
    """Whether this very message is stored: asked when a spooled one is imported."""
    return db.value(_EXISTS, uid=uid) is not None


_FIND = """
SELECT m.id, m.uid, m.user_id, m.kind, a.local || '@' || d.name AS alias, m.received_at, m.source, m.size,
       m.mail_from_sealed, m.stream_header, m.chunk_count, m.cleared_at, m.summary_sealed
FROM messages m LEFT JOIN aliases a ON a.id = m.alias_id LEFT JOIN domains d ON d.id = a.domain_id
WHERE m.id = :id
"""


def find(db: Database, message_id: int) -> Message | None:
    """The message of that id."""
    return db.row(Message, _FIND, id=message_id)


_CLEAR_ONE = """
WITH cleared AS (
    UPDATE messages m SET cleared_at = now(), summary_sealed = NULL
    WHERE m.id = :id AND m.cleared_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.message_id = m.id AND d.state IN ('queued', 'held', 'failed'))
    RETURNING m.id
)
DELETE FROM message_chunks c USING cleared WHERE c.message_id = cleared.id
"""


def clear_when_done(db: Database, message_id: int) -> None:
    """Delete the MIME when no delivery needs it any more."""
    db.run(_CLEAR_ONE, id=message_id)


_CLEAR_FAILED = """
WITH cleared AS (
    UPDATE messages m SET cleared_at = now(), summary_sealed = NULL
    WHERE m.cleared_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.id AND (
          d.state IN ('queued', 'held') OR d.state = 'failed' AND d.finished_at > now() - make_interval(days => :days)))
    RETURNING m.id
)
DELETE FROM message_chunks c USING cleared WHERE c.message_id = cleared.id
"""


def clear_failed(db: Database, days: int) -> int:
    """Delete the MIME of what failed longer ago than `days`, and whatever else no delivery needs; returns the chunks deleted.

    Else: the mailbox was deleted, or the last two deliveries were finished at once, each before it could see the other.
    """
    return db.count(_CLEAR_FAILED, days=days)


_FORGET = """
DELETE FROM messages m
WHERE m.received_at < now() - make_interval(days => :days) AND m.cleared_at < now() - make_interval(days => :days)
  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.id AND d.state IN ('queued', 'held'))
"""


def forget_old(db: Database, days: int) -> int:
    """Delete rows about messages finished longer ago than `days`, with their deliveries."""
    return db.count(_FORGET, days=days)
