"""Receipt in this process, for tests of what it decides: posts to a Site (support/people.py), and what came of them."""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.database import SYSTEM
from postern.flow.receive import receive
from postern.flow.recipient import Refused
from postern.store import contacts, events
from postern.store.contacts import Contact
from support.mail import message
from support.people import Person, Site
from support.queue import inbound

AUTHSERV = "mx.cloudflare.net"
DMARC_FAIL = f"{AUTHSERV}; dmarc=fail header.from=shop.example policy.dmarc=reject"


def proven(domain: str) -> str:
    """Authentication-Results of mail that comes from this domain."""
    return f"{AUTHSERV}; dkim=pass header.d={domain}; dmarc=pass header.from={domain}"


def post(site: Site, rcpt_to: str, mime: bytes | None = None, mail_from: str = "bob@shop.example") -> str:
    """Post a message; the receipt, or what the sender's server is told."""
    mime = message() if mime is None else mime
    secret = site.instance.secret
    try:
        return receive(site.context, inbound(secret, mime, rcpt_to, mail_from), (secret,), [mime])
    except Refused as refused:
        return refused.smtp


@dataclass(frozen=True)
class Row:
    """A message as it stands in the queue."""

    kind: str
    held_why: str | None
    verdict: str
    state: str
    mailbox_id: int | None
    contact_id: int | None


def queue(site: Site, person: Person) -> list[Row]:
    """What that person has in the queue, oldest first."""
    found = site.run(
        "SELECT m.kind, m.held_why, m.verdict, d.state, d.mailbox_id, d.contact_id FROM messages m "
        "JOIN deliveries d ON d.message_id = m.id WHERE m.user_id = :id ORDER BY d.id",
        id=person.id,
    )
    return [Row(*row) for row in found]  # type: ignore[arg-type]


def told(site: Site, person: Person) -> list[tuple[str, dict[str, object]]]:
    """Kind and note of that person's events, oldest first."""
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        found = events.of_user(db, person.id, 1000)
    return [(event.kind, event.note(site.context.ring)) for event in reversed(found)]


def contact(site: Site, alias_id: int, address: str = "bob@shop.example") -> Contact:
    """The contact of an alias, made when it is not there."""
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        return contacts.ensure(db, site.context.ring, alias_id, address)


def counts(site: Site, alias_id: int) -> tuple[int, int, int]:
    """Forwarded, blocked, replied."""
    (row,) = site.run("SELECT forwarded, blocked, replied FROM aliases WHERE id = :id", id=alias_id)
    return int(str(row[0])), int(str(row[1])), int(str(row[2]))
