"""A forward: which address stands for whom in the header block that a mailbox gets.

Everybody named in it becomes a contact with a reverse address, so that no answer, not even one to all, leaves past us.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from postern.base.database import SYSTEM
from postern.flow import loop
from postern.mail import rewrite, threads
from postern.mail.address import normalise
from postern.mail.links import Unsubscribe
from postern.store import aliases, contacts, thread_ids
from postern.store.contacts import Wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
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


@dataclass(frozen=True)
class Mail:
    """What is forwarded, with its header block. `keeps_arc`: its ARC fields stay (mail/arc.py)."""

    claimed: Claimed
    block: HeaderBlock
    keeps_arc: bool


def headers_of(context: Context, mails: Sequence[Mail]) -> list[bytes]:
    """The new header block of each. What they need of the database is asked for all of them together."""
    ring = context.ring
    with context.pool.connection() as db, db.transaction(SYSTEM):
        named = [_Named.in_mail(db, mail) for mail in mails]
        made = iter(contacts.ensure_all(db, ring, [one for mail in named for one in mail.wanted]))
        stands_for = [dict(zip(mail.addresses, made)) for mail in named]
        ids = [(one.alias_id, one.mail.block) for one in named]
        thread_ids.note(db, ring, [(alias, own) for alias, block in ids for own in threads.own_of(block)])
        back = thread_ids.originals(
            db, ring, [(alias, known) for alias, block in ids for known in threads.ids_of(block)]
        )
    return [_rewritten(context, mail, found, back) for mail, found in zip(named, stands_for)]


@dataclass(frozen=True)
class _Named:
    """Who is named in a mail: the author, who else answers go to, and the others in To and Cc.

    `own`: those of the others that are the user's other aliases, for which nothing stands but themselves.
    """

    mail: Mail
    alias_id: int
    author: Mailbox | None
    reply_to: list[Mailbox]
    others: list[Mailbox]
    own: set[str]

    @classmethod
    def in_mail(cls, db: Database, mail: Mail) -> _Named:
        claimed, block = mail.claimed, mail.block
        alias_id, alias, _ = claimed.of_alias()
        author = rewrite.author_of(block)
        found = rewrite.others_of(block, {normalise(alias)})
        # Mail to the user's other aliases comes back here anyhow.
        own = aliases.own_among(db, claimed.user_id, [normalise(one.address) for one in found])
        others = [one for one in found if normalise(one.address) not in own]
        return cls(mail, alias_id, author, rewrite.reply_to_of(block) if author else [], others, own)

    @property
    def people(self) -> list[Mailbox]:
        """All who need a contact, those first that the name of a contact is taken from last."""
        return [*([self.author] if self.author else []), *self.reply_to, *self.others]

    @property
    def addresses(self) -> list[str]:
        return [normalise(one.address) for one in self.people]

    @property
    def wanted(self) -> list[Wanted]:
        return [Wanted(self.alias_id, one.address, one.name) for one in self.people]


def _rewritten(
    context: Context, named: _Named, found: dict[str, Contact], back: dict[tuple[int, bytes], bytes]
) -> bytes:
    mail = named.mail
    _, alias, domain = mail.claimed.of_alias()

    def reverse(one: Mailbox) -> str:
        return f"{found[normalise(one.address)].reverse_local}@{domain}"

    author = named.author
    url = ""
    if author and mail.claimed.offer_block:
        url = block_url(context, found[normalise(author.address)])
    answers = dict.fromkeys(reverse(one) for one in named.reply_to)
    plan = rewrite.Forward(
        alias=alias,
        author=author,
        author_reverse=reverse(author) if author else None,
        reply_to=tuple(answers),
        loop_mark=loop.mark(context.ring, loop.hops(context.ring, mail.block) + 1),
        others={
            **{key: key for key in named.own},
            **{normalise(one.address): reverse(one) for one in named.others},
        },
        # A newsletter has a new unsubscribe address in each mail: those get no contact, and their links go.
        unsubscribe=Unsubscribe({}, url),
        dmarc=mail.claimed.verdict,
        keeps_arc=mail.keeps_arc,
    )
    ours = {known: original for (alias_id, known), original in back.items() if alias_id == named.alias_id}
    return rewrite.forward(threads.changed(mail.block, ours), plan)


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
