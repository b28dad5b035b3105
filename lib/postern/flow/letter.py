"""What goes out: a claimed message with the header block that its kind wants, and its body.

Opens the sealed stream and hands the relay a stream of bytes. The plans are in flow/forward.py and flow/reply.py; a notice goes
as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from postern.base.database import SYSTEM
from postern.base.stream import open_stream
from postern.flow import canary, forward, notify
from postern.flow.recipient import bounce_tag
from postern.mail import envelope, header
from postern.store import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.base.spool import Holder
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed


@dataclass(frozen=True)
class Outgoing:
    """Envelope and content for the relay. `pieces` can be read once; `size` is what they add up to, about.

    `ended`: it is a canary that came back, and goes nowhere.
    """

    mail_from: str
    rcpt_to: str
    size: int
    pieces: Iterator[bytes]
    ended: bool = False


def prepare(context: Context, claimed: Claimed, holder: Holder) -> Outgoing:
    """Read, open and rewrite. SealBroken when it does not open; no transaction is left open."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        messages.read_chunks(db, claimed.message_id, holder)
    place = messages.body_place(claimed.message_uid)
    plain = open_stream(context.ring, place, claimed.stream_header, holder.chunks())
    block, body = header.split(plain)
    pieces: Iterator[bytes]
    ended = False
    if claimed.kind == "notice":
        rewritten, pieces = block, body
    elif claimed.kind == "reply":
        from postern.flow import reply

        rewritten, pieces = reply.content_of(context, claimed, header.parse(block), body)
    elif canary.ends(context, claimed, block):
        rewritten, pieces, ended = block, body, True
    else:
        rewritten, pieces = forward.header_of(context, claimed, header.parse(block)), body
    return Outgoing(
        mail_from=_envelope_sender(context, claimed),
        rcpt_to=claimed.address(context.ring),
        size=claimed.size - len(block) + len(rewritten),
        pieces=chain((rewritten,), pieces),
        ended=ended,
    )


def _envelope_sender(context: Context, claimed: Claimed) -> str:
    """Ours and traceable: a bounce to it names the delivery (VERP)."""
    domain = claimed.domain
    if domain is None:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            domain = notify.sender(context, db).rpartition("@")[2]
    local = envelope.bounce_local(claimed.id, bounce_tag(context.ring, claimed.id))
    return f"{local}@{domain}"
