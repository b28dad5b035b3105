"""Mail to a direct address, alias+user=host@domain: its user's own leaves as the alias, by the rules of reverse addresses.

Whoever else writes to one reaches what takes such an address otherwise, or nobody.
"""

from __future__ import annotations

from postern.flow import notify, policy
from postern.flow.policy import NOT_YOURS, REFUSED, Decision
from postern.mail.notice import Notice
from postern.store import contacts, counts, domains, mailboxes
from postern.store.targets import Reverse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.flow.recipient import Direct
    from postern.flow.seal import Letter
    from postern.store.contacts import Contact
    from postern.store.targets import Fly

    Settled = Union[Reverse, Fly, Decision]

HERE = Decision(
    REFUSED, "it is for an address on a domain of this server, write to it from your mailbox", NOT_YOURS
)
TOO_LONG = "the part before the @ is longer than servers take, use the reverse address that was mailed to you"


def settle(context: Context, db: Database, letter: Letter, direct: Direct) -> Settled:
    """The contact, made when it is new; what takes the mail of others; or why nothing does, with all that is told."""
    others = direct.otherwise
    if others is not None and not policy.is_own(db, context.ring, letter, direct.user_id):
        return others
    decision = policy.may_write(db, context.ring, letter, direct.user_id, direct.target.enabled)
    if decision != policy.MAY_WRITE:
        return decision
    here = domains.find(db, direct.address.rpartition("@")[2])
    if here is not None and here.user_id in (None, direct.user_id):  # users do not learn of one another's
        return HERE
    contact = contacts.ensure(db, context.ring, direct.alias_id, direct.address)
    blocked = contact.blocked_at is not None
    if not direct.fits:
        return _too_long(context, db, letter, direct, contact)
    return Reverse(contact.id, direct.alias_id, direct.user_id, True, True, False, blocked)


def _too_long(context: Context, db: Database, letter: Letter, direct: Direct, contact: Contact) -> Decision:
    """Its writer is told which address does; once an hour by mail, for a program may try again and again."""
    domain = letter.rcpt_to.rpartition("@")[2].lower()
    reverse = f"{contact.reverse_local}@{domain}"
    mailbox = mailboxes.default(db, direct.user_id)
    if mailbox is not None and not counts.events_lately(db, direct.alias_id, "refused"):
        notify.tell(context, db, direct.user_id, mailbox.id, _notice(direct.address, reverse))
    return Decision(REFUSED, TOO_LONG, f"5.1.3 part before the @ too long, write to {reverse} instead")


def _notice(address: str, reverse: str) -> Notice:
    return Notice(
        subject="Your mail did not go out",
        paragraphs=(
            f"You wrote to {address} by an address that names it, and that is too long: servers take 64 letters before the @.",
            f"Send your mail to this address instead; it stays the same for ever: {reverse}",
        ),
        small_print="Postern tells only you; the other side learns nothing of this.",
    )
