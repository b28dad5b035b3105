"""What a client may put behind the prefix that its user typed: a suffix with a signature, good for ten minutes.

    suffix.seconds.tag      `.otter72@alias.example.1795486444.4f0c…`: the Unix time at which it ends, and an HMAC in hex

The tag binds it to its user; that the domain may be used is looked up again when the alias is made.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from postern.base import clock
from postern.base.errors import BadInput, PosternError
from postern.mail import names
from postern.store import domains, preferences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing

SECONDS = 600
_TAG_BYTES = 16


@dataclass(frozen=True)
class Suffix:
    """One that is offered. `custom`: its domain is the user's own."""

    text: str
    signed: str
    custom: bool


class Expired(PosternError):
    """The suffix was good, and its time is over (RFC 9110 15.5.13: what the client went by holds no more)."""

    http_status = 412

    def __init__(self) -> None:
        super().__init__("Alias creation time is expired, please retry.", "Ask for the options again.")


def offered(db: Database, ring: KeyRing, user_id: int) -> list[Suffix]:
    """The user's own domains first, among them and among the shared ones the preferred first.

    On a shared domain what people call their aliases soon is taken, so an ending that nobody guesses is offered before none.
    """
    preferred = preferences.of_user(db, user_id).default_domain_id
    usable = sorted(
        domains.usable(db, user_id), key=lambda one: (one.user_id is None, one.id != preferred, one.id)
    )
    ends = clock.now() + SECONDS
    found: list[Suffix] = []
    for domain in usable:
        endings = (names.new_ending(), "") if domain.user_id is None else ("",)
        for ending in endings:
            text = f"{ending}@{domain.name}"
            found.append(Suffix(text, _sign(ring, user_id, text, int(ends)), domain.user_id is not None))
    return found


def read(ring: KeyRing, user_id: int, signed: str) -> tuple[str, str]:
    """The ending and the domain of one that was offered to this user. Expired, BadInput."""
    rest, _, tag = signed.strip().rpartition(".")
    text, _, ends = rest.rpartition(".")
    if not (ends.isascii() and ends.isdigit() and len(ends) < 15) or not hmac.compare_digest(
        _sign(ring, user_id, text, int(ends)).encode(), f"{rest}.{tag}".encode()
    ):
        raise BadInput("Tampered suffix.", "Take one of those that the options offer.")
    if int(ends) < clock.now():
        raise Expired
    ending, _, domain = text.rpartition("@")
    return ending, domain


def _sign(ring: KeyRing, user_id: int, text: str, ends: int) -> str:
    tag = ring.tag("alias suffix", f"{user_id} {ends} {text}".encode(), _TAG_BYTES)
    return f"{text}.{ends}.{tag.hex()}"
