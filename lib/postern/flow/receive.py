"""Receipt: taking a message in. The steps, and what happens when it dies between two of them, are in docs/queue.md.

verify ▶ admit ▶ stream and seal ▶ one transaction ▶ answer. Each step's product is a dataclass that the next one
asks for, so that an unverified message has no way into the queue. Here: the order of the steps, and the spool. The steps are
in flow/admission.py, flow/seal.py and flow/intake.py.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict

from postern.base import clock, database
from postern.base.database import SYSTEM, SchemaMissing
from postern.base.errors import ConfigError, Conflict, DatabaseUnavailable
from postern.base.limit_table import Rate
from postern.base.limiter import Rule
from postern.base.spool import Holder
from postern.flow import admission, bounce, intake, wake
from postern.flow.recipient import Bounce, Refused, resolve
from postern.flow.seal import Counted, seal, split
from postern.mail import envelope, header
from postern.mail.report import MAX_LOOKED_BYTES
from postern.store import webhook_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postern.flow.context import Context
    from postern.flow.intake import Taken
    from postern.flow.recipient import Taker
    from postern.flow.seal import Letter
    from postern.mail.envelope import Inbound, Verified
    from postern.mail.trust import Verdict


TO_ONE_ADDRESS = Rule("alias", Rate(300, 60, 200))
"""A flood to one alias comes back later; its sender's server, or Cloudflare's, keeps it meanwhile."""

AWAY = (DatabaseUnavailable, SchemaMissing, ConfigError)
"""The database cannot be used, for a while or until the operator mends something: the spool takes over."""

READY = "ready"
"""To a probe: the message would be taken."""


def receive(context: Context, inbound: Inbound, secrets: Sequence[bytes], body: Iterable[bytes]) -> str:
    """Take in one message that the Worker posted, and raise Unsigned or Malformed for what nobody of us did; else as take()."""
    return take(context, envelope.verify(inbound, secrets, clock.now()), body)


def take(context: Context, verified: Verified, body: Iterable[bytes], verdict: Verdict | None = None) -> str:
    """Take one message in; returns what was done with it: stored, duplicate, spooled or discarded. To a probe: ready.

    `body` yields the MIME bytes as they come. `verdict`: what is known of its author, where that does not stand in the stamp of
    POSTERN_AUTHSERV. Raises Malformed, Refused, Busy or TooFast, or Unsigned for a replay; then nothing is stored.
    """
    context.limiter.check(TO_ONE_ADDRESS, verified.envelope.rcpt_to.lower().encode())
    log = context.log.with_fields(webhook_id=verified.id)
    try:
        taker = admission.admit(context, verified)
    except AWAY as error:
        log.warning("receipt.database_away", reason=error.reason)
        if context.spool.has(verified.id):
            raise admission.replayed() from None
        taker = None
    if isinstance(taker, Bounce) and not verified.envelope.probe:
        return _take_bounce(context, verified, taker, body)
    size = verified.envelope.size
    if size > context.config.max_message_bytes and not isinstance(taker, Bounce):
        raise admission.oversize(context, verified, taker)
    context.spool.check_room(size)
    if isinstance(taker, Bounce) or verified.envelope.probe:
        return READY
    with contextlib.closing(Holder(context.spool.tmp)) as holder:
        letter = seal(context, verified, body, holder, verdict)
        taken = _store_or_spool(context, letter, holder, taker)
    log.info("receipt." + taken.receipt, message=str(letter.uid), size=letter.size, source=letter.source)
    if taken.smtp:
        raise Refused(taken.smtp)
    if taken.receipt == "stored":
        wake.drain(context)
    return taken.receipt


def _take_bounce(context: Context, verified: Verified, found: Bounce, body: Iterable[bytes]) -> str:
    """Only its beginning is kept, and only while it is read; nothing is noted before all of it was seen to be as signed."""
    counted = Counted(body, verified.envelope)
    block, rest = split(counted)
    beginning = bytearray()
    for piece in rest:
        beginning += piece[: MAX_LOOKED_BYTES - len(beginning)]
    counted.check()
    bounce.note(context, found, header.parse(block), [bytes(beginning)])
    return "discarded"


def _store_or_spool(context: Context, letter: Letter, holder: Holder, taker: Taker | None) -> Taken:
    """Make it durable: in the database, or in the spool while that is away."""
    if taker is not None:
        try:
            return database.retrying(lambda: _store(context, letter, holder))
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
        raise admission.replayed() from None
    return intake.Taken("spooled")


def note_place(webhook_id: str) -> str:
    """What the note of a spooled message is bound to."""
    return f"spool.note:{webhook_id}"


def _store(context: Context, letter: Letter, holder: Holder) -> Taken:
    """One transaction. Who takes it is asked anew: since admission it may have been switched off, or made."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if not webhook_ids.remember(db, letter.webhook_id):
            raise admission.replayed()
        taker = resolve(db, context.ring, letter.rcpt_to)
        assert not isinstance(taker, Bounce)  # the form of the address tells them apart
        return intake.take_in(context, db, letter, holder.chunks(), taker)
