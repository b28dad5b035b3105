"""A message as its user may keep it: the sealed MIME, opened as it is read."""

from __future__ import annotations

from postern.base.errors import NotFound
from postern.base.spool import Holder
from postern.base.stream import open_stream
from postern.store import held, messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from postern.flow.context import Context


def open_message(context: Context, user_id: int, uid: UUID) -> tuple[int, Iterator[bytes]]:
    """Its size, and its bytes in pieces. NotFound when it is not this user's, or its MIME is deleted."""
    holder = Holder(context.spool.tmp)
    with context.pool.connection() as db, db.transaction(user_id):
        message_id = held.kept_message(db, uid)
        message = messages.find(db, message_id) if message_id is not None else None
        if message is None:
            holder.close()
            raise NotFound("This mail is not kept (any more).", "Load the page again.")
        messages.read_chunks(db, message.id, holder)
    place = messages.body_place(message.uid)
    return message.size, _closing(
        holder, open_stream(context.ring, place, message.stream_header, holder.chunks())
    )


def _closing(holder: Holder, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        holder.close()
