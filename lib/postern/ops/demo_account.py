"""A lively account for the demo: aliases with a past, contacts, and a forged mail in quarantine."""

from __future__ import annotations

import random

from postern.base.database import SYSTEM
from postern.store import alias_list, aliases, contacts, domains, events, mailboxes, samples, users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context

DAYS = 30

_ALIASES = (
    ("bakery", "The bakery on the corner", 4, "orders@bakery.example", "Bob Baker"),
    ("amber.otter72", "Newsletter of the choir", 9, "news@choir.example", "The Choir"),
    ("gym", "Gym, ends in March", 2, "hello@gym.example", "Iron & Co"),
    ("quiet.harbour35", "Flat hunting", 6, "agent@flats.example", "Flats & More"),
    ("k7mf3xw9qd", "Electricity", 1, "service@power.example", "Power"),
    ("train", "Railway card", 3, "tickets@rail.example", "Railway"),
    ("merry.lantern48", "Raffle at the fair, now spam", 12, "win@prizes.example", "PRIZES!!!"),
    ("school", "Parents' list", 5, "office@school.example", "School office"),
)
"""Local part, note, mails a day at most, who writes."""

_OFF, _PINNED = "merry.lantern48", "bakery"

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
    """Give this user's account a past of 30 days; always the same."""
    chance = random.Random(2026)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        user = users.find(db, handle)
        domain = domains.first_shared(db)
        assert user is not None
        assert domain is not None
        users.welcomed(db, user.id)
        mailbox, shared = mailboxes.default(db, user.id), domains.find(db, domain)
        assert mailbox is not None
        assert shared is not None
        for local, note, most, sender, name in _ALIASES:
            alias = aliases.add(db, user.id, shared.id, local, "random" if "." in local else "custom")
            aliases.forward_to(db, alias, mailbox.id)
            aliases.describe(db, context.ring, alias, note, "")
            contact = contacts.ensure(db, context.ring, alias.id, sender, name)
            _past(db, alias.id, most, local == _OFF, chance)
            for kind in ("received", "sent"):
                events.add(
                    db,
                    context.ring,
                    user.id,
                    kind,
                    alias_id=alias.id,
                    contact_id=contact.id,
                    note={"from": sender},
                )
        own = {alias.local: alias.uid for alias in aliases.of_user(db, user.id)}
        alias_list.enable(db, [own[_OFF]], False)
        alias_list.pin(db, [own[_PINNED]], True)


def _past(db: Database, alias_id: int, most: int, is_off: bool, chance: random.Random) -> None:
    for back in range(DAYS):
        many = chance.randint(0, most)
        if is_off and back < DAYS // 2:
            samples.day(db, alias_id, back, 0, many, 0)
        else:
            samples.day(db, alias_id, back, many, 0, chance.randint(0, 1) if many > 2 else 0)
