"""What goes out: a claimed message with the header block that its kind wants, and its body.

Opens the sealed stream and hands the relay a stream of bytes. The plans are in flow/forward.py and flow/reply.py; a notice goes
as it was written. What Postern signs (flow/sign.py) is opened twice: first for the hash of the body.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from itertools import chain

from postern.base.database import SYSTEM
from postern.base.errors import PosternError, SealBroken
from postern.base.stream import open_stream
from postern.flow import canary, forward, notify
from postern.flow.recipient import bounce_tag
from postern.mail import envelope, header
from postern.store import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postern.base.spool import Holder
    from postern.flow.context import Context
    from postern.flow.sign import Signer
    from postern.mail.arc import Plan
    from postern.mail.header import HeaderBlock
    from postern.store.deliveries import Claimed


MOST_READY_BYTES = 1024 * 1024
"""What the messages that are made ready beforehand may have together; each beyond is read when its turn comes."""


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


def prepare_small(context: Context, batch: Sequence[Claimed], signer: Signer) -> dict[int, Outgoing]:
    """Ready beforehand: the small forwards of a batch, as many as MOST_READY_BYTES hold, by delivery id.

    Two transactions serve all of them. Whatever is odd about one is left to prepare(), which says what it is.
    """
    try:
        return _prepare_small(context, batch, signer)
    except PosternError as error:
        context.log.warning("drain.one_by_one", reason=error.reason)
        return {}


def _prepare_small(context: Context, batch: Sequence[Claimed], signer: Signer) -> dict[int, Outgoing]:
    small, room = [], MOST_READY_BYTES
    for one in batch:
        room -= one.size
        if one.kind == "forward" and one.chunk_count == 1 and room >= 0 and not canary.may_end(context, one):
            small.append(one)
    if not small:
        return {}
    with context.pool.connection() as db, db.transaction(SYSTEM):
        chunks = messages.read_small(db, {one.message_id for one in small})
    opened = [(one, *parts) for one in small for parts in _opened(context, one, chunks.get(one.message_id))]
    forwards = [_forward(context, one, header.parse(block), signer) for one, block, _ in opened]
    headers = forward.headers_of(context, [mail for mail, _ in forwards])
    ready = {}
    for (one, block, body), rewritten, (_, plan) in zip(opened, headers, forwards):
        written = signer.signed(rewritten, partial(iter, (body,)), plan)
        ready[one.id] = _outgoing(context, one, len(block), written, iter((body,)))
    return ready


def _opened(context: Context, claimed: Claimed, chunk: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    """Header block and body; nothing, where it does not open or has no header that can be read."""
    with contextlib.suppress(SealBroken, header.HeaderTooLarge):
        place = messages.body_place(claimed.message_uid)
        plain = open_stream(context.ring, place, claimed.stream_header, [chunk] if chunk else [])
        block, body = header.split(plain)
        yield block, b"".join(body)


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
    return _outgoing(context, claimed, len(block), written, content.change(body), content.ended)


def _outgoing(
    context: Context,
    claimed: Claimed,
    header_size: int,
    written: bytes,
    body: Iterator[bytes],
    ended: bool = False,
) -> Outgoing:
    """`header_size`: of the header block that came; `written`: the one that goes out."""
    return Outgoing(
        mail_from=_envelope_sender(context, claimed),
        rcpt_to=claimed.address(context.ring),
        size=claimed.size - header_size + len(written),
        pieces=chain((written,), body),
        ended=ended,
    )


def _content(context: Context, claimed: Claimed, block: bytes, signer: Signer) -> _Content:
    if claimed.kind == "notice":
        return _Content(block)
    parsed = header.parse(block)
    if claimed.kind == "reply":
        from postern.flow import reply

        return _Content(*reply.content_of(context, claimed, parsed))
    if canary.may_end(context, claimed) and canary.ends(context, block):
        return _Content(block, ended=True)
    mail, plan = _forward(context, claimed, parsed, signer)
    return _Content(forward.headers_of(context, [mail])[0], plan=plan)


def _forward(
    context: Context, claimed: Claimed, block: HeaderBlock, signer: Signer
) -> tuple[forward.Mail, Plan | None]:
    plan = signer.arc_plan(claimed.of_alias()[2], block, context.config.authserv)
    return forward.Mail(claimed, block, keeps_arc=plan is not None and plan.keeps), plan


def _envelope_sender(context: Context, claimed: Claimed) -> str:
    """Ours and traceable: a bounce to it names the delivery (VERP)."""
    domain = claimed.domain
    if domain is None:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            domain = notify.sender(context, db).rpartition("@")[2]
    local = envelope.bounce_local(claimed.id, bounce_tag(context.ring, claimed.id))
    return f"{local}@{domain}"
