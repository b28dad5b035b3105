"""What is sealed in the tables, as the catalog has it: every column whose name ends in `_sealed`, and the streams of messages.

A value's place is `table.column:` and the row's uid; where a table has no uid, PLACED_BY names the column instead
(docs/sealing.md). Statements that name a table are written by the server out of its own catalog, as in store/tables.py.
The key id stands in clear in bytes 2 to 9 of what is sealed, so rows are counted without a key.

Not here: opening and sealing (ops/rotation/reseal.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database

PLACED_BY = {"thread_ids": "ours"}
"""Table without a uid -> the column that its places end with."""


@dataclass(frozen=True)
class Column:
    """A sealed column. `place`: what its places begin with; `keys`: how many columns its primary key has."""

    table: str
    place: str
    keys: int
    counting: str
    first: str
    further: str
    exchanging: str


@dataclass(frozen=True)
class Value:
    """A sealed value. `key`: what its place ends with; `pk`: its row's primary key, in words."""

    key: str
    sealed: bytes
    pk: list[str]


_COLUMNS = """
SELECT CAST(c.relname AS text) AS "table", concat(c.relname, '.', regexp_replace(s.attname, '_sealed$', ''), ':') AS place,
       CAST(k.count AS integer) AS keys,
       format('SELECT encode(substring(%1$I FROM 2 FOR 8), ''hex'') AS key, count(*) AS rows FROM %2$I'
              ' WHERE %1$I IS NOT NULL GROUP BY 1', s.attname, c.relname) AS counting,
       format('SELECT CAST(%4$I AS text) AS key, %1$I AS sealed, ARRAY[%3$s] AS pk FROM %2$I'
              ' WHERE substring(%1$I FROM 2 FOR 8) <> :newest ORDER BY %5$s LIMIT :many',
              s.attname, c.relname, k.words, w.name, k.names) AS first,
       format('SELECT CAST(%4$I AS text) AS key, %1$I AS sealed, ARRAY[%3$s] AS pk FROM %2$I'
              ' WHERE substring(%1$I FROM 2 FOR 8) <> :newest AND (%5$s) > (%6$s) ORDER BY %5$s LIMIT :many',
              s.attname, c.relname, k.words, w.name, k.names, k.after) AS further,
       format('UPDATE %2$I t SET %1$I = decode(v.new, ''hex'') FROM unnest(CAST(:old AS text[]), CAST(:new AS text[]), %3$s)'
              ' AS v (old, new, %4$s) WHERE %5$s AND t.%1$I = decode(v.old, ''hex'')',
              s.attname, c.relname, k.arrays, k.numbered, k.same) AS exchanging
FROM pg_class c
JOIN pg_attribute s ON s.attrelid = c.oid AND s.attnum > 0 AND NOT s.attisdropped AND s.attname LIKE '%\\_sealed'
LEFT JOIN unnest(CAST(:tables AS text[]), CAST(:columns AS text[])) AS o (name, placed_by) ON o.name = c.relname
CROSS JOIN LATERAL (SELECT coalesce(o.placed_by, 'uid') AS name) w
CROSS JOIN LATERAL (
    SELECT count(*), string_agg(quote_ident(a.attname), ', ' ORDER BY p.place) AS names,
           string_agg(format('CAST(%I AS text)', a.attname), ', ' ORDER BY p.place) AS words,
           string_agg(format('CAST(:pk%s AS %s)', p.place, t.name), ', ' ORDER BY p.place) AS after,
           string_agg(format('CAST(:pk%s AS text[])', p.place), ', ' ORDER BY p.place) AS arrays,
           string_agg(format('pk%s', p.place), ', ' ORDER BY p.place) AS numbered,
           string_agg(format('t.%I = CAST(v.pk%s AS %s)', a.attname, p.place, t.name), ' AND ' ORDER BY p.place) AS same
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY p (attnum, place)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum
         CROSS JOIN LATERAL (SELECT format_type(a.atttypid, a.atttypmod) AS name) t
    WHERE i.indrelid = c.oid AND i.indisprimary) k
WHERE c.relnamespace = to_regnamespace(current_setting('search_path')) AND c.relkind = 'r'
ORDER BY CAST(c.relname AS text) COLLATE "C", CAST(s.attname AS text) COLLATE "C"
"""


def columns(db: Database) -> list[Column]:
    """Every sealed column."""
    return db.rows(Column, _COLUMNS, tables=list(PLACED_BY), columns=list(PLACED_BY.values()))


@dataclass(frozen=True)
class Count:
    """So many rows name this key: the eight bytes of its id, in hex."""

    key: str
    rows: int


_STREAM_COUNTS = """
SELECT encode(substring(stream_header FROM 2 FOR 8), 'hex') AS key, count(*) AS rows
FROM messages WHERE cleared_at IS NULL GROUP BY 1
"""


def rows_by_key(db: Database) -> dict[str, int]:
    """Key id -> values and streams under it. Of a message whose MIME is deleted the stream does not count: nothing is left
    to open."""
    found: dict[str, int] = {}
    every = columns(db)
    counts = [count for column in every for count in db.rows(Count, column.counting)]
    if any(column.table == "messages" for column in every):
        counts += db.rows(Count, _STREAM_COUNTS)
    for count in counts:
        key_id = bytes.fromhex(count.key).rstrip(b"\0").decode("latin-1")
        found[key_id] = found.get(key_id, 0) + count.rows
    return found


def not_under(db: Database, column: Column, newest: bytes, after: Sequence[str], many: int) -> list[Value]:
    """The next values under another key than this one (eight bytes), in the order of the primary key; `after`: the last row
    seen, or nothing at first."""
    if not after:
        return db.rows(Value, column.first, newest=newest, many=many)
    return db.rows(Value, column.further, newest=newest, many=many, **_numbered(after))


def exchange(db: Database, column: Column, old: Sequence[Value], new: Sequence[bytes]) -> int:
    """Put the new values where the old ones stand; returns how many did. A value that was changed meanwhile stays as it is."""
    keys = zip(*(value.pk for value in old))
    return db.count(
        column.exchanging,
        old=[value.sealed.hex() for value in old],
        new=[sealed.hex() for sealed in new],
        **_numbered([list(key) for key in keys]),
    )


def _numbered(values: Sequence[object]) -> dict[str, object]:
    return {f"pk{number}": value for number, value in enumerate(values, 1)}


@dataclass(frozen=True)
class Stream:
    """The sealed MIME of a message."""

    id: int
    uid: UUID
    stream_header: bytes
    chunk_count: int


BEFORE_ALL = Stream(0, UUID(int=0), b"", 0)
"""Where to begin: ids run from 1."""

_NEXT_STREAM = """
SELECT id, uid, stream_header, chunk_count FROM messages
WHERE id > :after AND cleared_at IS NULL AND substring(stream_header FROM 2 FOR 8) <> :newest ORDER BY id LIMIT 1
"""


def next_stream(db: Database, newest: bytes, after: int) -> Stream | None:
    """The first behind this id that is sealed under another key than this one (eight bytes)."""
    return db.row(Stream, _NEXT_STREAM, newest=newest, after=after)


_HOLD_DELIVERIES = """
SELECT coalesce(bool_or(held), false)
FROM (SELECT d.lease IS NOT NULL AND d.due_at > now() AS held FROM deliveries d
      WHERE d.message_id = :id AND d.state = 'queued' FOR UPDATE OF d) mine
"""

_HOLD_STREAM = """
SELECT id, uid, stream_header, chunk_count FROM messages
WHERE id = :id AND stream_header = :stream_header AND cleared_at IS NULL FOR UPDATE
"""


def hold(db: Database, stream: Stream) -> bool:
    """Keep drains off it until the end of the transaction. False: a drain is at it, or it is not as it was."""
    if db.value(_HOLD_DELIVERIES, id=stream.id):
        return False
    return db.row(Stream, _HOLD_STREAM, id=stream.id, stream_header=stream.stream_header) == stream


_CHUNK = "SELECT data FROM message_chunks WHERE message_id = :id AND seq = :seq"


def chunk(db: Database, stream: Stream, seq: int) -> bytes:
    """One of its chunks; empty where there is none."""
    found: bytes | None = db.value(_CHUNK, id=stream.id, seq=seq)
    return found or b""


_SET_CHUNK = "UPDATE message_chunks SET data = :data WHERE message_id = :id AND seq = :seq"


def set_chunk(db: Database, stream: Stream, seq: int, data: bytes) -> None:
    """Put another in its place."""
    db.run(_SET_CHUNK, id=stream.id, seq=seq, data=data)


_SET_HEADER = "UPDATE messages SET stream_header = :stream_header WHERE id = :id"


def set_header(db: Database, stream: Stream, stream_header: bytes) -> None:
    """All its chunks were exchanged."""
    db.run(_SET_HEADER, id=stream.id, stream_header=stream_header)
