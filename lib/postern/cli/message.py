"""postern message …"""

from __future__ import annotations

import contextlib
import sys

from postern.base.errors import NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.store.messages import Message


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "message", "received mail")
    show = common.verb(
        verbs,
        "show",
        "show a message's envelope; with --raw its MIME",
        "postern message show 12 --raw > 12.eml",
    )
    show.add_argument("id", type=common.whole_number)
    show.add_argument("--raw", action="store_true", help="write the opened MIME to standard output")
    common.json_flag(show)
    show.set_defaults(run=show_message)


def show_message(args: argparse.Namespace) -> None:
    """postern message show"""
    from postern.store import messages

    with common.as_operator() as (context, db):
        message = messages.find(db, args.id)
        if message is None:
            raise NotFound(f"There is no message {args.id}.", "Take the number from: postern queue list")
        if args.raw:
            _write_raw(context, db, message)
            return
    row: dict[str, object] = {
        "id": message.id,
        "alias": message.alias,
        "from": message.mail_from(context.ring) or "<>",
        "size": message.size,
        "source": message.source,
        "received": message.received_at,
        "deleted": message.cleared_at,
    }
    common.show([row], args.json, "")


def _write_raw(context: Context, db: Database, message: Message) -> None:
    """The opened MIME, as it came, to standard output."""
    from postern.base.spool import Holder
    from postern.base.stream import open_stream
    from postern.store import messages

    if message.cleared_at is not None:
        raise NotFound(f"The MIME of message {message.id} was deleted when it was done.", "Leave out --raw.")
    with contextlib.closing(Holder(context.spool.tmp)) as holder:
        messages.read_chunks(db, message.id, holder)
        place = messages.body_place(message.uid)
        for piece in open_stream(context.ring, place, message.stream_header, holder.chunks()):
            sys.stdout.buffer.write(piece)
