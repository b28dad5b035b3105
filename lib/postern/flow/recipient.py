"""Who takes mail for an address: an alias, one that makes itself, a contact behind a reverse address or named in a direct
one, our own bounce addresses, or nobody.

Nobody is a deliberate answer: the sender's server is told during SMTP, in words of RFC 3463. Here only the address speaks; what
the message says is judged in flow/policy.py.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from postern.base.errors import BadInput, PosternError
from postern.mail import direct as directs
from postern.mail import envelope
from postern.mail.address import is_bounce, is_reserved, is_reverse, normalise, parse_address
from postern.store import retired, targets
from postern.store.targets import Fly, Reverse, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

    Taker = Union[Target, Fly, Reverse, "Direct"]
    """Who takes a message for a user."""

NO_ALIAS = "5.1.1 no such alias"
TAKES_NONE = "5.2.1 this alias takes no mail"


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


@dataclass(frozen=True)
class Direct:
    """An alias, and to whom its user writes from it (mail/direct.py). `fits`: every server takes the address; `otherwise`:
    what takes the mail of others, where such an address may make itself."""

    target: Target
    address: str
    fits: bool
    otherwise: Fly | None

    @property
    def user_id(self) -> int:
        """Whose alias it is."""
        return self.target.user_id

    @property
    def alias_id(self) -> int:
        """The alias that shall be the sender."""
        return self.target.alias_id

    contact_id = None
    """Who it is for is nobody's contact before it is proven who wrote."""


def resolve(db: Database, ring: KeyRing, rcpt_to: str) -> Taker | Bounce:
    """What takes mail for this address. Refused when nothing does; an alias that is off is found all the same."""
    local, _, domain = normalise(rcpt_to).rpartition("@")
    found = targets.resolve(db, local, domain)
    if found is not None:
        return taking(found)
    if is_bounce(local):
        read = envelope.read_bounce_local(local)
        if read and hmac.compare_digest(read[1], bounce_tag(ring, read[0])):
            return Bounce(read[0])
    reverse = targets.reverse(db, local, domain) if is_reverse(local) else None
    if reverse is not None and reverse.alive and not reverse.shut:
        return reverse
    fly = _fly(db, ring, local, domain)
    found_taker = _direct(db, local, domain, fly) or fly
    if found_taker is None:
        raise Refused(NO_ALIAS)
    return found_taker


def _direct(db: Database, local: str, domain: str, otherwise: Fly | None) -> Direct | None:
    read = directs.read(local)
    target = targets.resolve(db, read[0], domain) if read else None
    if read is None or target is None or not target.alive or target.shut:
        return None
    return Direct(target, read[1], directs.fits(local), otherwise)


def taking(target: Target) -> Target:
    """The alias itself. Refused when it is deleted, its user's account is shut, or it leads to no verified mailbox."""
    if not target.alive:
        raise Refused(NO_ALIAS)
    if target.shut or not (target.mailboxes or target.paused):
        raise Refused(TAKES_NONE)
    return target


def _fly(db: Database, ring: KeyRing, local: str, domain: str) -> Fly | None:
    """The alias that the address may become. Never a reserved one, and none that somebody had."""
    try:
        parse_address(f"{local}@{domain}")
    except BadInput:
        return None
    if is_reserved(local) or retired.has(db, ring, f"{local}@{domain}"):
        return None
    return targets.fly(db, local, domain)


def bounce_tag(ring: KeyRing, delivery_id: int) -> bytes:
    """What makes the envelope sender of a delivery ours and nobody else's (VERP)."""
    return ring.tag("bounce", str(delivery_id).encode(), 8)
