"""Receipt: taking a message in. The steps, and what happens when it dies between two of them, are in docs/queue.md.

verify ▶ resolve ▶ stream and seal ▶ one transaction ▶ answer. Each step's product is a dataclass that the next one
asks for, so that an unverified message has no way into the queue.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import uuid
from dataclasses import asdict, dataclass

from postern.base import clock, database
from postern.base.database import SYSTEM, SchemaMissing
from postern.base.errors import Busy, ConfigError, Conflict, DatabaseUnavailable, PosternError
from postern.base.spool import Holder
from postern.base.stream import StreamSealer
from postern.flow import loop, wake
from postern.flow.recipient import Bounce, Refused, resolve
from postern.mail import envelope, header
from postern.mail.fingerprint import Fingerprint
from postern.store import deliveries, events, fingerprints, messages, webhook_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.mail.envelope import Inbound, Verified
    from postern.store.aliases import Target


AWAY = (DatabaseUnavailable, SchemaMissing, ConfigError)
"""The database cannot be used, for a while or until the operator mends something: the spool takes over."""


@dataclass(frozen=True)
class Letter:
    """A verified message whose sealed body is complete and matches the signed envelope. Only `seal` makes one."""

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


def receive(context: Context, inbound: Inbound, secrets: Sequence[bytes], body: Iterable[bytes]) -> str:
    """Take one message in; returns what was done with it: stored, duplicate, spooled or discarded.

    `body` yields the MIME bytes as they come. Raises Unsigned, Malformed, Refused or Busy; then nothing is stored.
    """
    verified = envelope.verify(inbound, secrets, clock.now())
    log = context.log.with_fields(webhook_id=verified.id)
    try:
        target = _admit(context, verified)
    except AWAY as error:
        log.warning("receipt.database_away", reason=error.reason)
        if context.spool.has(verified.id):
            raise _replayed() from None
        target = None
    if isinstance(target, Bounce):
        return _note_bounce(context, target)
    size = verified.envelope.size
    if size > context.config.max_message_bytes:
        raise _oversize(context, verified, target)
    context.spool.check_room(size)
    with contextlib.closing(Holder(context.spool.tmp)) as holder:
        letter = seal(context, verified, body, holder)
        receipt = _store_or_spool(context, letter, holder, target)
    log.info("receipt." + receipt, message=str(letter.uid), size=letter.size, source=letter.source)
    if receipt == "stored":
        wake.drain(context)
    return receipt


def _admit(context: Context, verified: Verified) -> Target | Bounce:
    """One short transaction before any body is read: is it new, and who takes it?"""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if webhook_ids.seen(db, verified.id):
            raise _replayed()
        return resolve(db, context.ring, verified.envelope.rcpt_to)


def _replayed() -> envelope.Unsigned:
    return envelope.Unsigned(
        "This webhook id was answered before.", "A new attempt must have a new webhook-id."
    )


def _note_bounce(context: Context, bounce: Bounce) -> str:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        user_id = deliveries.bounced(db, bounce.delivery_id)
        if user_id is not None:
            events.add(db, context.ring, user_id, "bounced", delivery_id=bounce.delivery_id)
    context.log.info("receipt.bounce", delivery=bounce.delivery_id)
    return "discarded"


def _oversize(context: Context, verified: Verified, target: Target | None) -> PosternError:
    """Too large: its user finds a notice, its sender is told. Without a database the sender tries again."""
    if target is None:
        return Busy("The database is away and the message is too large.", "The sender's server tries again.")
    sent = verified.envelope
    note: dict[str, object] = {
        "from": sent.mail_from,
        "size": sent.size,
        "limit": context.config.max_message_bytes,
    }
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if webhook_ids.remember(db, verified.id):
            events.add(db, context.ring, target.user_id, "oversize", alias_id=target.alias_id, note=note)
    return Refused(f"5.3.4 message larger than {context.config.max_message_bytes} bytes")


def seal(context: Context, verified: Verified, body: Iterable[bytes], holder: Holder) -> Letter:
    """Stream the body into the holder, sealed. Malformed when it is not what was signed; Refused when it loops."""
    sent = verified.envelope
    uid = uuid.uuid4()
    sealer = StreamSealer(context.ring, messages.body_place(uid))
    fingerprint = Fingerprint(sent.rcpt_to)
    counted = _Counted(body, sent.size)
    try:
        block, rest = header.split(counted)
    except header.HeaderTooLarge:
        raise Refused("5.6.0 header section too large") from None
    parsed = header.parse(block)
    if loop.is_looping(context.ring, parsed):
        raise Refused("5.4.6 mail loop detected")
    fingerprint.header(parsed)
    _hold(holder, sealer.update(block))
    for piece in rest:
        fingerprint.body(piece)
        _hold(holder, sealer.update(piece))
    holder.add(sealer.finish())
    counted.check(sent.sha256)
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
    )


def _hold(holder: Holder, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        holder.add(chunk)


class _Counted:
    """The body as it passes: its length and hash, and never more than was announced."""

    def __init__(self, pieces: Iterable[bytes], size: int) -> None:
        self._pieces = pieces
        self._size = size
        self._seen = 0
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._seen += len(piece)
            if self._seen > self._size:
                raise envelope.Malformed(
                    "The body is longer than its signed size.", "Send the message as it was signed."
                )
            self._hash.update(piece)
            yield piece

    def check(self, sha256: str) -> None:
        """Whether it was the whole of it, unaltered."""
        if self._seen != self._size or not hmac.compare_digest(self._hash.hexdigest(), sha256):
            raise envelope.Malformed(
                "The body does not match its signed size and hash.",
                "Send the message again, whole and unaltered.",
            )


def _store_or_spool(context: Context, letter: Letter, holder: Holder, target: Target | None) -> str:
    """Make it durable: in the database, or in the spool while that is away."""
    if target is not None:
        try:
            return database.retrying(lambda: _store(context, letter, holder, target))
        except AWAY as error:
            context.log.warning("receipt.database_away", reason=error.reason)
    note = json.dumps(
        {
            **asdict(letter),
            "uid": str(letter.uid),
            "fingerprint": letter.fingerprint.hex(),
            "stream_header": "",
        }
    )
    sealed_note = context.ring.seal(note.encode(), note_place(letter.webhook_id))
    try:
        context.spool.keep(letter.webhook_id, sealed_note, letter.stream_header, holder.chunks())
    except Conflict:
        raise _replayed() from None
    return "spooled"


def note_place(webhook_id: str) -> str:
    """What the note of a spooled message is bound to."""
    return f"spool.note:{webhook_id}"


def _store(context: Context, letter: Letter, holder: Holder, target: Target) -> str:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if not webhook_ids.remember(db, letter.webhook_id):
            raise _replayed()
        return "stored" if store(db, context.ring, letter, holder.chunks(), target) else "duplicate"


def store(db: Database, ring: KeyRing, letter: Letter, chunks: Iterable[bytes], target: Target) -> bool:
    """Queue it in the transaction that is open. False: the same mail was stored within the last 7 days."""
    if not fingerprints.remember(db, letter.fingerprint):
        return False
    message_id = messages.add(
        db,
        ring,
        uid=letter.uid,
        user_id=target.user_id,
        alias_id=target.alias_id,
        received_at=letter.received_at,
        source=letter.source,
        size=letter.size,
        mail_from=letter.mail_from,
        stream_header=letter.stream_header,
        chunk_count=letter.chunk_count,
    )
    messages.add_chunks(db, message_id, chunks)
    deliveries.add(db, target.user_id, message_id, target.mailboxes)
    events.add(db, ring, target.user_id, "received", alias_id=target.alias_id, message_id=message_id)
    return True
