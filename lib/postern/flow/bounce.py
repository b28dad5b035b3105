"""Bounces: mail to the envelope sender of one of our deliveries. What it says is noted; it goes nowhere further.

A mailbox from which too much comes back is paused, and its owner told through another one. Whoever wrote to the alias hears
nothing: a bounce to a forged sender is spam.
Anybody who learns a bounce address can write a bounce to it, so each tells about its one delivery, once; and against a mailbox
counts only what names its address.
"""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import Busy
from postern.flow import notify, wake
from postern.mail import report
from postern.mail.notice import Notice
from postern.store import bounces, contacts, events, mailboxes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.flow.recipient import Bounce
    from postern.mail.header import HeaderBlock
    from postern.mail.report import Report
    from postern.store.bounces import Bounced


def note(context: Context, bounce: Bounce, block: HeaderBlock, pieces: Iterable[bytes]) -> None:
    """Write down what it says, when it says that something came back for good.

    Busy while the delivery is not recorded as sent: whoever reports keeps it and comes again, so that no bounce is lost
    between the relay's answer and its record.
    """
    beginning = report.beginning(pieces)
    found = report.read(block, [beginning])
    if found is None or not found.permanent:
        # A delay, an answering machine, or a person: nothing came back for good.
        context.log.info("bounce.ignored", delivery=bounce.delivery_id)
        return
    with context.pool.connection() as db, db.transaction(SYSTEM):
        bounced = bounces.find(db, bounce.delivery_id)
        if bounced is None:
            return
        if not bounced.sent:
            raise Busy("What came back is not recorded as sent yet.", "The reporter's server tries again.")
        named = _names_mailbox(context, db, bounced, found, beginning)
        told = _note(context, db, bounced, found, named)
    context.log.info("bounce.noted", delivery=bounced.id, status=found.status)
    if told:
        wake.drain(context)


def _names_mailbox(context: Context, db: Database, bounced: Bounced, found: Report, body: bytes) -> bool:
    """Was it written by somebody who knows where the mail went? Whoever wrote to the alias does not."""
    mailbox = mailboxes.by_id(db, bounced.mailbox_id) if bounced.mailbox_id is not None else None
    return mailbox is not None and report.names(found, body, mailbox.address(context.ring))


def _note(context: Context, db: Database, bounced: Bounced, found: Report, named: bool) -> bool:
    """Write it down, and tell its user where that helps. True: a notice was queued."""
    bounces.note(db, context.ring, bounced, found.status, found.diagnostic, named)
    events.add(
        db,
        context.ring,
        bounced.user_id,
        "bounced",
        alias_id=bounced.alias_id,
        message_id=bounced.message_id,
        delivery_id=bounced.id,
        contact_id=bounced.contact_id,
        note={"status": found.status, "said": found.diagnostic},
    )
    if bounced.kind == "reply":
        return tell_reply_failed(context, db, bounced.user_id, bounced.contact_id, found.diagnostic)
    if bounced.kind == "forward" and bounced.mailbox_id is not None:
        paused = bounces.pause_when_too_many(db, bounced.mailbox_id)
        return paused and _tell_paused(context, db, bounced.user_id, bounced.mailbox_id)
    return False


def tell_reply_failed(
    context: Context, db: Database, user_id: int, contact_id: int | None, said: str
) -> bool:
    """Whoever wrote a reply that did not arrive hears of it in the mailbox. True: a notice was queued."""
    mailbox = mailboxes.default(db, user_id)
    contact = contacts.by_id(db, contact_id) if contact_id is not None else None
    if mailbox is None or contact is None:
        return False
    notice = Notice(
        subject="Your reply did not arrive",
        paragraphs=(
            f"Your mail to {contact.address(context.ring)} could not be delivered.",
            f"The other server said: {said}" if said else "The other server gave no reason.",
        ),
        button=("See what failed", context.config.url.rstrip("/") + "/failed"),
        small_print="Postern tells only you; the other side learns nothing of this.",
    )
    return notify.tell(context, db, user_id, mailbox.id, notice)


def _tell_paused(context: Context, db: Database, user_id: int, mailbox_id: int) -> bool:
    """Tell it through another mailbox; without one it stands on the page of mailboxes."""
    mailbox = mailboxes.by_id(db, mailbox_id)
    assert mailbox is not None
    address = mailbox.address(context.ring)
    events.add(db, context.ring, user_id, "paused", note={"why": f"{address} sent back too much"})
    others = [
        one
        for one in mailboxes.of_user(db, user_id)
        if one.id != mailbox_id and one.verified_at is not None and one.paused_at is None
    ]
    if not others:
        return False
    notice = Notice(
        subject="A mailbox of yours is paused",
        paragraphs=(
            f"Too much of what was forwarded to {address} came back, so nothing is forwarded to it any more.",
            "Aliases that forward to it alone hold their mail in quarantine meanwhile; nothing is lost.",
        ),
        button=("Look at your mailboxes", context.config.url.rstrip("/") + "/mailboxes"),
        small_print="When the mailbox works again, press “Forward to it again” there.",
    )
    return notify.tell(context, db, user_id, others[0].id, notice)
