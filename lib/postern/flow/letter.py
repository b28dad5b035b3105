"""What goes out: a claimed message with the header block that its kind wants, and its body.

Opens the sealed stream and hands the relay a stream of bytes. The plans are in flow/forward.py and flow/reply.py; a notice goes
as it was written. What Postern signs (flow/sign.py) is opened twice: first for the hash of the body.
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
    from collections.abc import Callable, Iterator

    from postern.base.spool import Holder
    from postern.flow.context import Context
    from postern.flow.sign import Signer
    from postern.mail.arc import Plan
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


@dataclass(frozen=True)
class _Content:
    """The header block that goes out, and what makes the body of the body that came. `plan`: about ARC."""

    header: bytes
    change: Callable[[Iterator[bytes]], Iterator[bytes]] = iter
    plan: Plan | None = None
    ended: bool = False


def prepare(context: Context, claimed: Claimed, holder: Holder, signer: Signer) -> Outgoing:
    """Read, open, rewrite and sign. SealBroken when it does not open; no transaction is left open."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        messages.read_chunks(db, claimed.message_id, holder)
    place = messages.body_place(claimed.message_uid)

    def opened() -> tuple[bytes, Iterator[bytes]]:
        return header.split(open_stream(context.ring, place, claimed.stream_header, holder.chunks()))

    block, body = opened()
    content = _content(context, claimed, block, signer)
    written = content.header
    if not content.ended:
        written = signer.signed(written, lambda: content.change(opened()[1]), content.plan)
        if written is not content.header:
            body = opened()[1]
    return Outgoing(
        mail_from=_envelope_sender(context, claimed),
        rcpt_to=claimed.address(context.ring),
        size=claimed.size - len(block) + len(written),
        pieces=chain((written,), content.change(body)),
        ended=content.ended,
    )


def _content(context: Context, claimed: Claimed, block: bytes, signer: Signer) -> _Content:
    if claimed.kind == "notice":
        return _Content(block)
    parsed = header.parse(block)
    if claimed.kind == "reply":
        from postern.flow import reply

        return _Content(*reply.content_of(context, claimed, parsed))
    if canary.ends(context, claimed, block):
        return _Content(block, ended=True)
    plan = signer.arc_plan(claimed.of_alias()[2], parsed, context.config.authserv)
    keeps = plan is not None and plan.keeps
    return _Content(forward.header_of(context, claimed, parsed, keeps_arc=keeps), plan=plan)


def _envelope_sender(context: Context, claimed: Claimed) -> str:
    """Ours and traceable: a bounce to it names the delivery (VERP)."""
    domain = claimed.domain
    if domain is None:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            domain = notify.sender(context, db).rpartition("@")[2]
    local = envelope.bounce_local(claimed.id, bounce_tag(context.ring, claimed.id))
    return f"{local}@{domain}"
