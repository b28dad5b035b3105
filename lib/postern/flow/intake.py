"""Intake: a sealed letter becomes rows, in the transaction that is open; at receipt, and when a spooled one is imported.

Decided anew here (flow/policy.py): since admission the alias may have been switched off or the contact blocked. What is
booked and counted is locked last, so that nobody waits while the chunks are written.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.flow import admission, direct, policy
from postern.flow.policy import Decision
from postern.flow.recipient import Direct
from postern.store import (
    blocked_senders,
    contacts,
    counts,
    deliveries,
    events,
    fingerprints,
    messages,
    quotas,
)
from postern.store.targets import Fly, Reverse, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.flow.recipient import Taker
    from postern.flow.seal import Letter


@dataclass(frozen=True)
class Taken:
    """What became of it: stored, duplicate, discarded, or refused; then `smtp` is what the sender's server is told."""

    receipt: str
    smtp: str = ""


def take_in(
    context: Context,
    db: Database,
    letter: Letter,
    chunks: Iterable[bytes],
    taker: Taker,
    *,
    is_new: bool = True,
    spooled: bool = False,
) -> Taken:
    """Store it, or note why not. `is_new`: its webhook id was not answered before, so that nothing is noted twice.

    `spooled`: its sender was told already that we have it, so the day's quota holds nothing up.
    Busy when a quota is used up, Refused when nobody takes it any more: then nothing of this transaction may stay.
    """
    found = _settled(context, db, letter, taker, is_new)
    if isinstance(found, Taken):
        return found
    taker = found
    decision = policy.decide(db, context.ring, letter, taker)
    if decision.action in (policy.REFUSED, policy.DISCARDED):
        if is_new:
            policy.record(db, context.ring, letter.head.author or letter.mail_from, taker, decision)
        return Taken(decision.action, decision.smtp)
    if not fingerprints.remember(db, letter.fingerprint):
        return Taken("duplicate")
    message_id = _add_message(db, context.ring, letter, chunks, taker, decision)
    booked = quotas.book(db, context.config, taker.user_id, letter.size)
    if not booked and not spooled:
        raise admission.over_quota()
    if isinstance(taker, Reverse):
        _send_on(db, context.ring, message_id, taker)
    else:
        _forward(db, context.ring, letter, message_id, taker, decision)
    return Taken("stored")


def _settled(
    context: Context, db: Database, letter: Letter, taker: Taker, is_new: bool
) -> Taken | Target | Reverse:
    """What of an address was open before the message was there: whose mail it is, and whether an alias makes itself."""
    if isinstance(taker, Direct):
        settled = direct.settle(context, db, letter, taker)
        if isinstance(settled, Decision):
            if is_new:
                policy.record(db, context.ring, letter.head.author or letter.mail_from, taker, settled)
            return Taken(settled.action, settled.smtp)
        taker = settled
    if not isinstance(taker, Fly):
        return taker
    if blocked_senders.holds(db, context.ring, taker.user_id, letter.head.author):
        # For who is not wanted no alias makes itself.
        if is_new:
            blocked_senders.note(db, context.ring, taker.user_id, letter.head.author)
        return Taken(policy.SENDER_BLOCKED.action, policy.SENDER_BLOCKED.smtp)
    return policy.make_on_the_fly(context, db, taker)


def _add_message(
    db: Database,
    ring: KeyRing,
    letter: Letter,
    chunks: Iterable[bytes],
    taker: Target | Reverse,
    decision: Decision,
) -> int:
    head = letter.head
    message_id = messages.add(
        db,
        ring,
        uid=letter.uid,
        user_id=taker.user_id,
        alias_id=taker.alias_id,
        received_at=letter.received_at,
        source=letter.source,
        size=letter.size,
        mail_from=letter.mail_from,
        stream_header=letter.stream_header,
        chunk_count=letter.chunk_count,
        kind="reply" if isinstance(taker, Reverse) else "forward",
        held_why=decision.why or None,
        verdict=head.verdict,
        summary={"from": head.author or letter.mail_from, "name": head.name, "subject": head.subject},
    )
    messages.add_chunks(db, message_id, chunks)
    return message_id


def _send_on(db: Database, ring: KeyRing, message_id: int, reverse: Reverse) -> None:
    """A reply, to its contact."""
    user_id, alias_id, contact_id = reverse.user_id, reverse.alias_id, reverse.contact_id
    deliveries.add_reply(db, user_id, message_id, contact_id)
    events.add(db, ring, user_id, "replied", alias_id=alias_id, message_id=message_id, contact_id=contact_id)
    counts.replied(db, alias_id, contact_id)


def _forward(
    db: Database, ring: KeyRing, letter: Letter, message_id: int, target: Target, decision: Decision
) -> None:
    """To the mailboxes; or held for them. Mail that is held may be forged, so it makes no contact."""
    head, held = letter.head, decision.action == policy.HELD
    deliveries.add(db, target.user_id, message_id, target.mailboxes or target.paused, held=held)
    contact = None
    if head.author and held:
        contact = contacts.with_address(db, ring, target.alias_id, head.author)
    elif head.author:
        contact = contacts.ensure(db, ring, target.alias_id, head.author, head.name)
    contact_id = contact.id if contact else None
    events.add(
        db,
        ring,
        target.user_id,
        "held" if held else "received",
        alias_id=target.alias_id,
        message_id=message_id,
        contact_id=contact_id,
    )
    counts.forwarded(db, target.alias_id, contact_id)
