"""A reply: mail from a user's mailbox that leaves as the alias. What the contact gets names the mailbox nowhere.

Who may write to a reverse address is decided at receipt (flow/policy.py); what is kept of the mail, in mail/reply.py and
mail/scrub.py.
"""

from __future__ import annotations

from functools import partial

from postern.base.database import SYSTEM
from postern.flow import loop
from postern.mail import direct, scrub
from postern.mail import reply as replies
from postern.mail.address import Mailbox, is_reverse, normalise
from postern.store import aliases, contacts, mailboxes, thread_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.mail.header import HeaderBlock
    from postern.store.contacts import Contact
    from postern.store.deliveries import Claimed


def content_of(
    context: Context, claimed: Claimed, block: HeaderBlock
) -> tuple[bytes, Callable[[Iterable[bytes]], Iterator[bytes]]]:
    """The new header block, and what makes of the body that which goes to the contact."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        plan = _plan(context, db, claimed, block)
    replacements = dict.fromkeys(plan.own, plan.alias)
    replacements.update((reverse, contact.address) for reverse, contact in plan.contacts.items())
    return replies.reply(block, plan), partial(scrub.scrub, block, others=replacements)


def _plan(context: Context, db: Database, claimed: Claimed, block: HeaderBlock) -> replies.Reply:
    alias_id, alias, domain = claimed.of_alias()
    ring = context.ring
    ids = replies.message_ids(block)
    known = thread_ids.known(db, ring, alias_id, ids.others)
    message_id = thread_ids.ensure(db, ring, alias_id, domain, ids.own or _nameless(claimed))
    return replies.Reply(
        alias=alias,
        name=claimed.name(ring),
        own=tuple(one.address(ring) for one in mailboxes.of_user(db, claimed.user_id)),
        contacts=_contacts(context, db, claimed, block),
        message_id=message_id,
        ids=known,
        loop_mark=loop.mark(ring, loop.hops(ring, block) + 1),
    )


def _nameless(claimed: Claimed) -> bytes:
    """For mail without a Message-ID: the same at each try of this message."""
    return b"<" + claimed.message_uid.hex.encode() + b"@nameless.invalid>"


def _contacts(context: Context, db: Database, claimed: Claimed, block: HeaderBlock) -> dict[str, Mailbox]:
    """Who is behind the reverse and the direct addresses in To and Cc, as far as they are this user's contacts."""
    found = {}
    for one in replies.addresses(block):
        key = normalise(one.address)
        local, _, domain = key.rpartition("@")
        if is_reverse(local):
            contact = contacts.by_reverse(db, local, domain)
        else:
            contact = _named(context, db, local, domain)
        if contact is not None and contact.user_id == claimed.user_id:
            found[key] = Mailbox(contact.name(context.ring), contact.address(context.ring))
    return found


def _named(context: Context, db: Database, local: str, domain: str) -> Contact | None:
    """The contact that a direct address names: it is one as soon as something was sent to it."""
    read = direct.read(local)
    alias = aliases.find(db, read[0], domain) if read else None
    return contacts.with_address(db, context.ring, alias.id, read[1]) if read and alias else None
