"""A lively account for the demo: aliases with a past, contacts, a domain of one's own, what failed, and a forged mail.

Whoever looks at it is an admin, so there are neighbours as well, and somebody is invited.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass

from postern.base import clock
from postern.base.database import SYSTEM
from postern.base.stream import StreamSealer
from postern.flow import own_domain, registration
from postern.store import (
    alias_list,
    aliases,
    contacts,
    deliveries,
    domains,
    events,
    mailboxes,
    messages,
    quotas,
    samples,
    users,
)
from postern.store.deliveries import Said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.contacts import Contact
    from postern.store.domains import Domain
    from postern.store.mailboxes import Mailbox

DAYS = 30
OWN_DOMAIN, CLAIMED = "jane.example", "doe.example"
SECOND_MAILBOX = "jane@office.example"


@dataclass(frozen=True)
class Past:
    """An alias, and what it was good for. `minutes`: how long ago its last mail came."""

    local: str
    note: str
    most_a_day: int
    sender: str
    name: str
    minutes: int
    origin: str = "custom"
    own: bool = False


_PASTS = (
    Past("school", "Parents' list", 5, "office@school.example", "School office", 2890),
    Past("merry.lantern48", "Raffle at the fair, now spam", 12, "win@prizes.example", "PRIZES!!!", 1507, "random"),
    Past("train", "Railway card", 3, "tickets@rail.example", "Railway", 1312),
    Past("k7mf3xw9qd", "Electricity", 1, "service@power.example", "Power", 611, "random"),
    Past("quiet.harbour35", "Flat hunting", 6, "agent@flats.example", "Flats & More", 387, "random"),
    Past("gym", "Gym, ends in March", 2, "hello@gym.example", "Iron & Co", 214),
    Past("plumber", "", 1, "anna@pipes.example", "Anna Pipes", 122, "fly", own=True),
    Past("amber.otter72", "Newsletter of the choir", 9, "news@choir.example", "The Choir", 43, "random"),
    Past("bakery", "The bakery on the corner", 4, "orders@bakery.example", "Bob Baker", 8),
)  # fmt: skip
"""Whose last mail is the oldest comes first: events are listed in the order in which they are written."""

_OFF, _PINNED, _FULL, _SHARED = "merry.lantern48", "bakery", "gym", "school"
"""Aliases: one that is off, one that stands first, one whose mail failed, one that forwards to both mailboxes."""

_NEIGHBOURS = (("tom", 3), ("zoe", 11))
"""Handle, messages of today."""

LOST = b"""\
From: Iron & Co <hello@gym.example>
Subject: Your invoice for November
Date: Sun, 22 Nov 2026 07:30:00 +0000
Message-ID: <invoice@gym.example>

Your invoice is attached.
""".replace(b"\n", b"\r\n")

FORGED = b"""\
Received: from unknown.example by cloudflare-email.net (demo); Mon, 23 Nov 2026 09:00:00 +0000
Authentication-Results: mx.cloudflare.net; dkim=fail header.d=bank.example; dmarc=fail header.from=bank.example
From: Your bank <security@bank.example>
Subject: Your account is locked
Date: Mon, 23 Nov 2026 09:00:00 +0000
Message-ID: <locked@bank.example>

Sign in here at once.
""".replace(b"\n", b"\r\n")


def fill(context: Context, handle: str) -> None:
    """Give this user's account a past of 30 days; always the same. It must have a mailbox, and there a shared domain."""
    chance = random.Random(2026)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        user = users.find(db, handle)
        name = domains.first_shared(db)
        assert user is not None
        assert name is not None
        users.welcomed(db, user.id)
        mailbox, shared = mailboxes.default(db, user.id), domains.find(db, name)
        assert mailbox is not None
        assert shared is not None
        second = mailboxes.add(db, context.ring, user.id, SECOND_MAILBOX, verified=True)
        own = domains.add(db, OWN_DOMAIN, user.id)
        domains.set_fly(db, own.id, True, 20)
        for past in _PASTS:
            alias = _alias(context, db, past, own if past.own else shared, mailbox)
            contact = contacts.ensure(db, context.ring, alias.id, past.sender, past.name)
            _past(db, alias.id, past.most_a_day, past.local == _OFF, chance)
            if past.local == _SHARED:
                aliases.forward_to(db, alias, second.id)
            if past.local == _FULL:
                _lose(context, db, alias, mailbox)
            else:
                _tell(context, db, alias, contact)
            samples.age(db, alias.id, past.minutes)
            samples.sole_contact(db, contact.id)
        found = {alias.local: alias.uid for alias in aliases.of_user(db, user.id)}
        alias_list.enable(db, [found[_OFF]], False)
        alias_list.pin(db, [found[_PINNED]], True)
        _add_neighbours(context, db)
        _add_figures(db, chance)
        registration.invite(context, db, handle, users.USER, "Ada, from the choir", days=7)
    own_domain.claim(context, user.id, CLAIMED)


def _alias(context: Context, db: Database, past: Past, domain: Domain, mailbox: Mailbox) -> Alias:
    assert mailbox.user_id is not None
    alias = aliases.add(db, mailbox.user_id, domain.id, past.local, past.origin)
    aliases.forward_to(db, alias, mailbox.id)
    aliases.describe(db, context.ring, alias, past.note, "")
    return alias


def _tell(context: Context, db: Database, alias: Alias, contact: Contact) -> None:
    for kind in ("received", "sent"):
        events.add(db, context.ring, alias.user_id, kind, alias_id=alias.id, contact_id=contact.id)


def _lose(context: Context, db: Database, alias: Alias, mailbox: Mailbox) -> None:
    """A message that the mailbox's server did not take; it can be tried again."""
    uid = uuid.uuid4()
    sealer = StreamSealer(context.ring, messages.body_place(uid))
    chunks = [*sealer.update(LOST), sealer.finish()]
    message_id = messages.add(
        db,
        context.ring,
        uid=uid,
        user_id=alias.user_id,
        alias_id=alias.id,
        received_at=clock.now(),
        source="demo",
        size=len(LOST),
        mail_from="hello@gym.example",
        stream_header=sealer.header,
        chunk_count=len(chunks),
        summary={"from": "hello@gym.example", "name": "Iron & Co", "subject": "Your invoice for November"},
    )
    messages.add_chunks(db, message_id, chunks)
    deliveries.add(db, alias.user_id, message_id, [mailbox.id])
    said = Said(552, "rcpt", "5.2.2 The mailbox is full")
    for claimed in deliveries.claim(db, 1, 60):
        deliveries.failed(db, context.ring, claimed, said)
    note: dict[str, object] = {"code": said.code, "said": said.words}
    events.add(db, context.ring, alias.user_id, "failed", alias_id=alias.id, message_id=message_id, note=note)


def _add_figures(db: Database, chance: random.Random) -> None:
    """The operator's: more mail by day than at night, little that fails, and a database that grows."""
    several = range(4 * DAYS)
    taken = [chance.randint(10, 60) if back % 4 < 3 else chance.randint(0, 9) for back in several]
    samples.figures(db, "received", taken)
    samples.figures(db, "sent", [many + chance.randint(0, 6) for many in taken])
    samples.figures(db, "failed", [chance.randint(0, 1) * chance.randint(0, 2) for _ in several])
    samples.figures(db, "bounced", [chance.randint(0, 9) // 9 for _ in several])
    samples.figures(db, "waiting", [chance.randint(0, 8) for _ in several])
    samples.figures(db, "oldest", [chance.randint(0, 300) for _ in several])
    samples.figures(db, "canary", [chance.randint(4, 90) for _ in several])
    samples.figures(db, "database", [48_000_000 - back * 150_000 for back in several])


def _add_neighbours(context: Context, db: Database) -> None:
    for handle, many in _NEIGHBOURS:
        neighbour = users.add(db, handle)
        mailboxes.add(db, context.ring, neighbour.id, f"{handle}@home.example", verified=True)
        for _ in range(many):
            quotas.book(db, context.config, neighbour.id, 31_000)


def _past(db: Database, alias_id: int, most: int, is_off: bool, chance: random.Random) -> None:
    for back in range(DAYS):
        many = chance.randint(0, most)
        if is_off and back < DAYS // 2:
            samples.day(db, alias_id, back, 0, many, 0)
        else:
            samples.day(db, alias_id, back, many, 0, chance.randint(0, 1) if many > 2 else 0)
