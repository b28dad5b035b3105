"""Who takes mail for an address: an alias, our own bounce addresses, or nobody.

Nobody is a deliberate answer: the sender's server is told during SMTP, in words of RFC 3463.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from postern.base.errors import PosternError
from postern.mail import envelope
from postern.mail.address import is_bounce, is_reverse, normalise
from postern.store import aliases, contacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.store.aliases import Target


class Refused(PosternError):
    """Deliberate and final: the sender's server is told during SMTP. `smtp` is what it sees (RFC 3463 code, words)."""

    exit_code = 67
    http_status = 422

    def __init__(self, smtp: str) -> None:
        super().__init__(
            f"The message was refused: {smtp}.", "Nothing to do: the sender's server tells the sender."
        )
        self.smtp = smtp


@dataclass(frozen=True)
class Bounce:
    """Mail to the envelope sender of one of our deliveries."""

    delivery_id: int


def resolve(db: Database, ring: KeyRing, rcpt_to: str) -> Target | Bounce:
    """What takes mail for this address. Refused when nothing does."""
    local, _, domain = normalise(rcpt_to).rpartition("@")
    target = aliases.resolve(db, local, domain)
    if target is not None:
        if not target.takes_mail or not target.mailboxes:
            raise Refused("5.2.1 this alias takes no mail")
        return target
    if is_bounce(local):
        found = envelope.read_bounce_local(local)
        if found and hmac.compare_digest(found[1], bounce_tag(ring, found[0])):
            return Bounce(found[0])
    if is_reverse(local) and contacts.by_reverse(db, local, domain):
        raise Refused("5.7.1 this address takes no replies yet")
    raise Refused("5.1.1 no such alias")


def bounce_tag(ring: KeyRing, delivery_id: int) -> bytes:
    """What makes the envelope sender of a delivery ours and nobody else's (VERP)."""
    return ring.tag("bounce", str(delivery_id).encode(), 8)
