"""Sealing anew what is under an older key, in small batches, while mail flows.

Each batch is a transaction of its own, so it can be stopped, killed and begun again at any point: what is done is done. A
value is exchanged only where it still stands as it was read; a message only while no drain is at it. So nothing that others
write meanwhile is undone, and who reads sees the old or the new one, both of which open.

Not here: which key is the newest (ring_file.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from postern.base.database import SYSTEM, retrying
from postern.base.errors import SealBroken
from postern.base.stream import StreamSealer, open_stream
from postern.store import messages, seals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.seals import Column, Stream, Value

    T = TypeVar("T")
    Told = Callable[[int], None]

BATCH = 100
"""Values exchanged in one transaction: its rows are locked for some milliseconds."""

LARGE = {"imports": 1}
"""Tables with megabytes in a value."""


@dataclass
class Tally:
    """Values and streams sealed anew, those that do not open, and messages that a drain was at."""

    values: int = 0
    streams: int = 0
    broken: int = 0
    busy: int = 0


def everything(context: Context, told: Told) -> Tally:
    """All that is not under the newest key; `told`: how many so far, after each batch."""
    tally = Tally()
    for column in _in_transaction(context, seals.columns):
        _values(context, column, tally, told)
    _streams(context, tally, told)
    context.log.info("keys.resealed", **vars(tally))
    return tally


def _values(context: Context, column: Column, tally: Tally, told: Told) -> None:
    after: list[str] = []
    while True:
        found, done, broken = _in_transaction(context, partial(_batch, context, column, after))
        if not found:
            return
        after = found[-1].pk
        tally.values += done
        tally.broken += broken
        told(tally.values + tally.streams)


def _batch(context: Context, column: Column, after: list[str], db: Database) -> tuple[list[Value], int, int]:
    """Exchange the next few; what was looked at, how many were exchanged, and how many do not open."""
    found = seals.not_under(db, column, context.ring.newest, after, LARGE.get(column.table, BATCH))
    old, new = [], []
    for value in found:
        place = column.place + value.key
        try:
            plain = context.ring.open(value.sealed, place)
        except SealBroken as error:
            context.log.error("keys.broken", reason=error.reason, remedy=error.remedy)
            continue
        old.append(value)
        new.append(context.ring.seal(plain, place))
    return found, seals.exchange(db, column, old, new) if old else 0, len(found) - len(old)


def _streams(context: Context, tally: Tally, told: Told) -> None:
    stream = _in_transaction(context, partial(_next, context, seals.BEFORE_ALL))
    while stream is not None:
        try:
            done = _in_transaction(context, partial(_stream, context, stream))
            tally.streams += done
            tally.busy += not done
        except SealBroken as error:
            tally.broken += 1
            context.log.error("keys.broken", reason=error.reason, remedy=error.remedy)
        told(tally.values + tally.streams)
        stream = _in_transaction(context, partial(_next, context, stream))


def _next(context: Context, after: Stream, db: Database) -> Stream | None:
    return seals.next_stream(db, context.ring.newest, after.id)


def _stream(context: Context, stream: Stream, db: Database) -> bool:
    """Chunk by chunk: the new ones are as long as the old ones. False: it must wait."""
    if not seals.hold(db, stream):
        return False
    place = messages.body_place(stream.uid)
    sealer = StreamSealer(context.ring, place)
    seq = 0
    for piece in open_stream(context.ring, place, stream.stream_header, _chunks(db, stream)):
        for chunk in sealer.update(piece):
            seals.set_chunk(db, stream, seq, chunk)
            seq += 1
    seals.set_chunk(db, stream, seq, sealer.finish())
    seals.set_header(db, stream, sealer.header)
    return True


def _chunks(db: Database, stream: Stream) -> Iterator[bytes]:
    for seq in range(stream.chunk_count):
        yield seals.chunk(db, stream, seq)


def _in_transaction(context: Context, work: Callable[[Database], T]) -> T:
    def once() -> T:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            return work(db)

    return retrying(once)
