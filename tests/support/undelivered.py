"""Mail of somebody that did not arrive: held, failed, or come back."""

from __future__ import annotations

from uuid import UUID, uuid4

from postern.base.database import SYSTEM
from postern.store import deliveries
from postern.store.aliases import Alias
from support.mail import message
from support.people import Site
from support.receipt import DMARC_FAIL, post

SAID = "550 5.1.1 <no such user> here"


def forged(subject: str = "Your invoice", size: int = 0) -> bytes:
    """What DMARC says no to."""
    head = f"Received: from x by cloudflare-email.net; now\r\nAuthentication-Results: {DMARC_FAIL}\r\n"
    fields = f"From: The Bank <bank@shop.example>\r\nSubject: {subject}\r\nMessage-ID: <{uuid4()}@shop.example>\r\n"
    return (head + fields + "\r\nPay now.\r\n").encode() + b"x" * size


def hold(pages: Site, alias: Alias, **given: object) -> UUID:
    """A held message; its uid."""
    assert post(pages, alias.address, forged(**given)) == "stored"  # type: ignore[arg-type]
    ((uid,),) = pages.run(
        "SELECT uid FROM messages WHERE alias_id = :id ORDER BY id DESC LIMIT 1", id=alias.id
    )
    return UUID(str(uid))


def fail(pages: Site, alias: Alias) -> UUID:
    """A failed delivery; its uid."""
    assert post(pages, alias.address, message(f"<{uuid4()}@x.example>")) == "stored"
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        mine = "UPDATE deliveries SET due_at = now() WHERE user_id = :id AND state = 'queued'"
        db.run(mine, id=alias.user_id)
        claimed = next(one for one in deliveries.claim(db, 500, 900) if one.user_id == alias.user_id)
        assert deliveries.failed(db, pages.context.ring, claimed, deliveries.Said(550, "rcpt", SAID))
    return claimed.uid


def bounce(pages: Site, alias: Alias) -> UUID:
    """A delivery that was sent and came back; its uid."""
    uid = fail(pages, alias)
    pages.run(
        "UPDATE deliveries SET state = 'sent', bounced_at = now(), bounced_status = '5.2.2' WHERE uid = :uid",
        uid=uid,
    )
    return uid
