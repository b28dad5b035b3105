"""Mailboxes: added by a user, proven by a link that is mailed to them, and taken away again.

The link's token is 256 random bits, good for one day and one use. Opening it changes nothing; pressing its button does.
"""

from __future__ import annotations

from postern.base.database import SYSTEM, UniqueViolation
from postern.base.errors import Busy, Conflict, NotFound
from postern.flow import notify, tokens, wake
from postern.mail.address import parse_address
from postern.mail.notice import Notice
from postern.store import domains, holds, mailbox_proofs, mailboxes, quotas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.mailbox_proofs import Proof
    from postern.store.mailboxes import Mailbox

PROOF_PATH = "/mailbox/"
NOTICES_AN_HOUR = 10


class DeadProof(NotFound):
    """The link proves nothing: used, replaced, too old, or never made."""

    def __init__(self) -> None:
        super().__init__(
            "This link does not work any more.",
            "It works once, for a day, and only the newest one does. Ask for another under Mailboxes.",
        )


def add(context: Context, user_id: int, typed: str, verified: bool = False) -> Mailbox:
    """Add a mailbox and mail it the link that proves it. `verified`: the operator vouches for it, so no link is needed.

    BadInput, Conflict, OverQuota, Busy.
    """
    address = parse_address(typed)
    with context.pool.connection() as db:
        with db.transaction(SYSTEM):
            # All domains are asked about, also those that this user may not see: mail to one of ours would come back here.
            ours = domains.find(db, address.domain) is not None
        if ours:
            raise Conflict(
                "This address is on a domain of this server, so its mail would come back here.",
                "Give the address where you really read mail.",
            )
        try:
            with db.transaction(user_id):
                quotas.check(db, context.config, user_id, "mailboxes")
                mailbox = mailboxes.add(db, context.ring, user_id, str(address), verified)
                if not verified:
                    _mail_proof(context, db, mailbox)
        except UniqueViolation:
            raise Conflict("You have this mailbox already.", "It stands in the list below.") from None
    if not verified:
        wake.drain(context)
    return mailbox


def send_proof(context: Context, mailbox: Mailbox) -> None:
    """Mail the link again; the one before is void. Busy when too many were asked for."""
    with context.pool.connection() as db, db.transaction(mailbox.user_id):
        _mail_proof(context, db, mailbox)
    wake.drain(context)


def _mail_proof(context: Context, db: Database, mailbox: Mailbox) -> None:
    if mailbox_proofs.notices_lately(db, mailbox.user_id) >= NOTICES_AN_HOUR:
        raise Busy("Too many mails were asked for.", "Try again in an hour.")
    token = tokens.new()
    if not mailbox_proofs.begin(db, context.ring, mailbox.id, token):
        raise Conflict("This mailbox is proven already.", "There is nothing to do.")
    notice = Notice(
        subject="Is this your mailbox?",
        paragraphs=(
            "Somebody with an account here wants mail of his aliases to be forwarded to this address.",
            "If that is you, confirm it. Nothing is forwarded before.",
        ),
        button=("Confirm this mailbox", context.config.url.rstrip("/") + PROOF_PATH + token),
        small_print="The link works once, for a day. If it was not you, do nothing: without the confirmation nothing happens.",
    )
    notify.post(context, db, mailbox.user_id, mailbox.id, notice, urgent=True)


def look(context: Context, token: str) -> Proof:
    """What the link would prove; nothing is used up. DeadProof."""
    if not tokens.is_one(token):
        raise DeadProof
    with context.pool.connection() as db, db.transaction(SYSTEM):
        # Nobody needs to be signed in where the mail is read.
        found = mailbox_proofs.find(db, context.ring, token)
    if found is None:
        raise DeadProof
    return found


def prove(context: Context, token: str) -> Proof:
    """Use the link up. DeadProof."""
    if not tokens.is_one(token):
        raise DeadProof
    with context.pool.connection() as db, db.transaction(SYSTEM):
        found = mailbox_proofs.use(db, context.ring, token)
    if found is None:
        raise DeadProof
    context.log.info("mailbox.proven", user=found.user_id)
    return found


def make_default(context: Context, mailbox: Mailbox) -> None:
    """New aliases forward to it. Conflict when it is not proven."""
    with context.pool.connection() as db, db.transaction(mailbox.user_id):
        if not mailboxes.set_default(db, mailbox):
            raise Conflict("This mailbox is not confirmed yet.", "Open the link that was mailed to it.")


def resume(context: Context, mailbox: Mailbox) -> int:
    """Forward to it again, beginning with what waited for it; returns how many deliveries that were."""
    with context.pool.connection() as db, db.transaction(mailbox.user_id):
        mailboxes.resume(db, mailbox.id)
        released = holds.resume(db, mailbox.id)
    if released:
        wake.drain(context)
    return released


def delete(context: Context, mailbox: Mailbox, heir_id: int | None = None) -> int:
    """Take it away; aliases that had it alone forward to the heir, or to the default one: returns how many.

    Conflict for the last one, and for an heir that is not among the others that are proven.
    """
    with context.pool.connection() as db, db.transaction(mailbox.user_id):
        others = [
            one
            for one in mailboxes.of_user(db, mailbox.user_id)
            if one.id != mailbox.id and one.verified_at is not None
        ]
        if heir_id is not None and all(one.id != heir_id for one in others):
            raise Conflict(
                "The mailbox that shall take its aliases is not there, or not confirmed.",
                "Choose another one.",
            )
        moved = 0
        if mailbox.verified_at is not None:
            if not others:
                raise Conflict(
                    "This is the only mailbox that you can sign in with.",
                    "Add and confirm another one first.",
                )
            heir = _heir(others, heir_id)
            moved = mailboxes.hand_over(db, mailbox.id, heir.id)
            mailboxes.hand_over_mail(db, mailbox.id, heir.id)
            holds.resume(db, heir.id)
            if mailbox.is_default:
                mailboxes.set_default(db, heir)
        mailboxes.delete(db, mailbox.id)
    return moved


def _heir(others: Sequence[Mailbox], chosen: int | None) -> Mailbox:
    """The chosen one of them, else the default one, else the first."""
    return max(others, key=lambda one: (one.id == chosen, one.is_default))
