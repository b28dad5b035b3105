"""A forward: which address stands for whom in the header block that a mailbox gets.

Everybody named in it becomes a contact with a reverse address, so that no answer, not even one to all, leaves past us.
"""

from __future__ import annotations

import hmac
import re

from postern.base.database import SYSTEM
from postern.flow import loop
from postern.mail import rewrite, threads
from postern.mail.address import normalise
from postern.mail.links import Unsubscribe
from postern.store import aliases, contacts, preferences, thread_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.mail.address import Mailbox
    from postern.mail.header import HeaderBlock
    from postern.store.contacts import Contact
    from postern.store.deliveries import Claimed

BLOCK_PATH = "/block/"
_TAG_BYTES = 16
_TOKEN = re.compile(r"[0-9a-f]{64}")


def header_of(context: Context, claimed: Claimed, block: HeaderBlock, keeps_arc: bool) -> bytes:
    """The new header block. One transaction makes all contacts of this message."""
    alias_id, alias, domain = claimed.of_alias()
    author = rewrite.author_of(block)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        made = {
            one.address: _contact(db, context.ring, alias_id, one)
            for one in ([author, *rewrite.reply_to_of(block)] if author else [])
        }
        others = _others(db, context, claimed, block)
        for message_id in threads.own_of(block):
            thread_ids.note(db, context.ring, alias_id, message_id)
        back = thread_ids.originals(db, context.ring, alias_id, threads.ids_of(block))
        offers_block = preferences.of_user(db, claimed.user_id).offer_block
    reverse = [f"{contact.reverse_local}@{domain}" for contact in made.values()]
    url = block_url(context, made[author.address]) if author and offers_block else ""
    plan = rewrite.Forward(
        alias=alias,
        author=author,
        author_reverse=reverse[0] if author else None,
        reply_to=tuple(reverse[1:]),
        loop_mark=loop.mark(context.ring, loop.hops(context.ring, block) + 1),
        others=others,
        # A newsletter has a new unsubscribe address in each mail: those get no contact, and their links go.
        unsubscribe=Unsubscribe({}, url),
        dmarc=claimed.verdict,
        keeps_arc=keeps_arc,
    )
    return rewrite.forward(threads.changed(block, back), plan)


def _contact(db: Database, ring: KeyRing, alias_id: int, who: Mailbox) -> Contact:
    return contacts.ensure(db, ring, alias_id, who.address, who.name)


def _others(db: Database, context: Context, claimed: Claimed, block: HeaderBlock) -> dict[str, str]:
    """What stands for the others in To and Cc. The user's other aliases stay: mail to them comes back here anyhow."""
    alias_id, alias, domain = claimed.of_alias()
    found = rewrite.others_of(block, {normalise(alias)})
    own = aliases.own_among(db, claimed.user_id, [normalise(one.address) for one in found])
    others = {}
    for one in found:
        key = normalise(one.address)
        if key in own:
            others[key] = key
        else:
            others[key] = f"{_contact(db, context.ring, alias_id, one).reverse_local}@{domain}"
    return others


def block_url(context: Context, contact: Contact) -> str:
    """The link that blocks a contact in one click (RFC 8058). It works without a session, and as long as the contact lives."""
    return f"{context.config.url.rstrip('/')}{BLOCK_PATH}{contact.uid.hex}{_block_tag(context.ring, contact.uid)}"


def read_block_token(ring: KeyRing, token: str) -> UUID | None:
    """The uid of the contact that the token blocks; None when it is none of ours."""
    import uuid

    if not _TOKEN.fullmatch(token):
        return None
    uid = uuid.UUID(hex=token[:32])
    return uid if hmac.compare_digest(token, uid.hex + _block_tag(ring, uid)) else None


def _block_tag(ring: KeyRing, uid: UUID) -> str:
    return ring.tag("block", uid.bytes, _TAG_BYTES).hex()
