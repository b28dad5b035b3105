"""What goes out: the claimed message with its header block rewritten, its body untouched.

Opens the sealed stream, finds the correspondent, makes the contact, and hands the relay a stream of bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from postern.base.database import SYSTEM
from postern.base.spool import Holder
from postern.base.stream import open_stream
from postern.flow import loop
from postern.flow.recipient import bounce_tag
from postern.mail import envelope, header, rewrite
from postern.mail.address import Mailbox
from postern.store import contacts, messages
from postern.store.mailboxes import open_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.flow.context import Context
    from postern.mail.header import HeaderBlock
    from postern.store.deliveries import Claimed


@dataclass(frozen=True)
class Outgoing:
    """Envelope and content for the relay. `pieces` can be read once; `size` is what they add up to, about."""

    mail_from: str
    rcpt_to: str
    size: int
    pieces: Iterator[bytes]


def prepare(context: Context, claimed: Claimed, holder: Holder) -> Outgoing:
    """Read, open and rewrite. SealBroken when it does not open; no transaction is left open."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        messages.read_chunks(db, claimed.message_id, holder)
    place = messages.body_place(claimed.message_uid)
    plain = open_stream(context.ring, place, claimed.stream_header, holder.chunks())
    block, body = header.split(plain)
    parsed = header.parse(block)
    rewritten = rewrite.forward(parsed, _plan(context, claimed, parsed))
    return Outgoing(
        mail_from=_envelope_sender(context, claimed),
        rcpt_to=open_address(context.ring, claimed.mailbox_uid, claimed.address_sealed),
        size=claimed.size - len(block) + len(rewritten),
        pieces=chain((rewritten,), body),
    )


def _plan(context: Context, claimed: Claimed, block: HeaderBlock) -> rewrite.Forward:
    """Which address stands for whom. One transaction makes all contacts of this message."""
    author = rewrite.author_of(block)
    correspondents: list[Mailbox] = [author, *rewrite.reply_to_of(block)] if author else []
    reverse: list[str] = []
    if correspondents:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            for one in correspondents:
                contact = contacts.ensure(db, context.ring, claimed.alias_id, one.address)
                reverse.append(f"{contact.reverse_local}@{claimed.domain}")
    return rewrite.Forward(
        alias=claimed.alias,
        author=author,
        author_reverse=reverse[0] if author else None,
        reply_to=tuple(reverse[1:]),
        loop_mark=loop.mark(context.ring, loop.hops(context.ring, block) + 1),
    )


def _envelope_sender(context: Context, claimed: Claimed) -> str:
    """Ours and traceable: a bounce to it names the delivery (VERP)."""
    local = envelope.bounce_local(claimed.id, bounce_tag(context.ring, claimed.id))
    return f"{local}@{claimed.domain}"
