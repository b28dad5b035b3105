"""Sealing a message while it streams in, and noting on the way what its header says.

Not here: what is done with it (flow/policy.py, flow/intake.py).
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field

from postern.base import clock
from postern.base.stream import StreamSealer
from postern.flow import loop
from postern.flow.recipient import Refused
from postern.mail import envelope, header, parts, report, rewrite, trust, words
from postern.mail.fingerprint import Fingerprint
from postern.store import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postern.base.spool import Holder
    from postern.flow.context import Context
    from postern.mail.envelope import Envelope, Verified
    from postern.mail.header import HeaderBlock

MAX_SUBJECT = 200  # characters, for pages
MAX_NAME = 100
_MAX_SUBJECT = 4_000  # characters that are decoded

DMARC_WORDS = ("pass", "fail", "none")
"""As in the CHECK of schema/0006: what else was stamped counts as nothing."""


@dataclass(frozen=True)
class Head:
    """What the header says of who wrote it, cleaned; everything may be empty.

    `author`: the address in From; `verdict`: what DMARC said, of DMARC_WORDS; `authentic`: whether From is proven
    (mail/trust.py); `automatic`: whether a robot wrote it (RFC 3834).
    """

    author: str = ""
    name: str = ""
    subject: str = ""
    verdict: str = ""
    authentic: bool = False
    automatic: bool = False


@dataclass(frozen=True)
class Letter:
    """A verified message whose sealed body is complete and matches the signed envelope. Only `seal` makes one.

    `head` has a default: a message that an older program spooled comes without.
    """

    uid: uuid.UUID
    webhook_id: str
    mail_from: str
    rcpt_to: str
    source: str
    size: int
    received_at: float
    fingerprint: bytes
    stream_header: bytes
    chunk_count: int
    head: Head = field(default_factory=Head)


def seal(
    context: Context,
    verified: Verified,
    body: Iterable[bytes],
    holder: Holder,
    verdict: trust.Verdict | None = None,
) -> Letter:
    """Stream the body into the holder, sealed. `verdict`: instead of what the message's own stamps say.

    Malformed when it is not what was signed; Refused when it loops.
    """
    sent = verified.envelope
    uid = uuid.uuid4()
    sealer = StreamSealer(context.ring, messages.body_place(uid))
    fingerprint = Fingerprint(sent.rcpt_to)
    counted = Counted(body, sent)
    block, rest = split(counted)
    parsed = header.parse(block)
    if loop.is_looping(context.ring, parsed):
        raise Refused("5.4.6 mail loop detected")
    fingerprint.header(parsed)
    _hold(holder, sealer.update(block))
    for piece in rest:
        fingerprint.body(piece)
        _hold(holder, sealer.update(piece))
    holder.add(sealer.finish())
    counted.check()
    return Letter(
        uid=uid,
        webhook_id=verified.id,
        mail_from=sent.mail_from,
        rcpt_to=sent.rcpt_to,
        source=sent.source,
        size=sent.size,
        received_at=clock.now(),
        fingerprint=context.ring.index("fingerprint", fingerprint.digest()),
        stream_header=sealer.header,
        chunk_count=holder.count,
        head=_read(parsed, verdict or trust.read(parsed, context.config.authserv), sent),
    )


def _read(block: HeaderBlock, verdict: trust.Verdict, sent: Envelope) -> Head:
    author, sole = rewrite.author_of(block), trust.sole_author(block)
    subject = parts.value(block, b"Subject")[:_MAX_SUBJECT]
    return Head(
        author=author.address if author else "",
        name=words.clean(author.name, MAX_NAME) if author else "",
        subject=words.clean(words.decode(subject), MAX_SUBJECT),
        verdict=verdict.dmarc if verdict.dmarc in DMARC_WORDS else "",
        authentic=sole is not None and trust.is_authentic(verdict, sole.address),
        automatic=not sent.mail_from or report.is_automatic(block),
    )


def _hold(holder: Holder, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        holder.add(chunk)


def split(body: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Header block and the rest. Refused when the block is longer than any honest one."""
    try:
        return header.split(body)
    except header.HeaderTooLarge:
        raise Refused("5.6.0 header section too large") from None


class Counted:
    """The body as it passes: its length and hash, and never more than was announced."""

    def __init__(self, pieces: Iterable[bytes], sent: Envelope) -> None:
        self._pieces = pieces
        self._sent = sent
        self._seen = 0
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._seen += len(piece)
            if self._seen > self._sent.size:
                raise envelope.Malformed(
                    "The body is longer than its signed size.", "Send the message as it was signed."
                )
            self._hash.update(piece)
            yield piece

    def check(self) -> None:
        """Whether it was the whole of it, unaltered; by its size alone where the envelope has no hash."""
        whole = self._seen == self._sent.size
        digest = self._hash.hexdigest() if self._sent.sha256 else ""
        if not whole or not hmac.compare_digest(digest, self._sent.sha256):
            raise envelope.Malformed(
                "The body does not match its signed size and hash.",
                "Send the message again, whole and unaltered.",
            )
