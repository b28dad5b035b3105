"""E-mail addresses: what people type, the key for looking one up, and the forms that our own addresses have.

The forms: a reverse address is `re-` and 16 of a-z2-7 (80 random bits); a bounce address is `bn-` and up to 40 of
a-z2-7 (envelope.py makes them). No alias may have either form, nor a name of RESERVED.
Addresses in header fields are read and written by address_list.py; its names are offered here too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from postern.base.errors import BadInput
from postern.mail.address_list import MAX_ADDRESS_BYTES, Mailbox, format_mailbox, parse_list
from postern.mail.domain import to_ascii

__all__ = [
    "RESERVED",
    "Address",
    "Mailbox",
    "format_mailbox",
    "is_bounce",
    "is_reserved",
    "is_reverse",
    "normalise",
    "parse_address",
    "parse_list",
]

MAX_LOCAL = 64  # RFC 5321 4.5.3.1.1

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_REVERSE = re.compile(r"re-[a-z2-7]{16}")
_BOUNCE = re.compile(r"bn-[a-z2-7]{1,40}")

# Written without "-", "_" and ".", which is_reserved() ignores.
RESERVED = frozenset(
    (
        # RFC 2142: those that speak for the domain. Not its business names (info, sales, news): people use them for aliases.
        *("postmaster", "abuse", "hostmaster", "webmaster", "security", "noc"),
        *("usenet", "uucp", "ftp", "www"),
        # Who reads mail to these can have a certificate for the domain (CA/Browser Forum baseline requirements 3.2.2.4.4).
        *("admin", "administrator"),
        # Senders of machines: an answer to them would be taken for one to us.
        *("mailerdaemon", "noreply", "donotreply", "bounce", "bounces", "nobody", "daemon", "root"),
    )
)


@dataclass(frozen=True)
class Address:
    """A well-formed address: the local part as typed (ASCII), the domain in lower case and A-labels."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_address(text: str) -> Address:
    """The one address that somebody typed. BadInput says what is wrong with it, without repeating it."""
    local, at, name = text.strip().rpartition("@")
    if not at:
        raise _wrong("It has no @.")
    if not _DOT_ATOM.fullmatch(local):
        raise _wrong("The part before the @ is empty, or holds characters that are not allowed there.")
    if len(local) > MAX_LOCAL:
        raise _wrong(f"The part before the @ is longer than {MAX_LOCAL} characters.")
    domain = to_ascii(name)
    if domain is None or "." not in domain or domain.rpartition(".")[2].isdigit():
        raise _wrong("The part after the @ is not a domain name with a dot in it.")
    if len(local) + 1 + len(domain) > MAX_ADDRESS_BYTES:
        raise _wrong(f"It is longer than {MAX_ADDRESS_BYTES} characters.")
    return Address(local, domain)


def _wrong(why: str) -> BadInput:
    return BadInput(f"This is not an e-mail address. {why}", "Give one plain address, like jane@example.com.")


def normalise(address: str) -> str:
    """The key under which an address is looked up. Never raises; what is no address is only lowered."""
    return _normalised(address) if len(address) <= MAX_ADDRESS_BYTES else _normalised.__wrapped__(address)


# One message asks for the same few again and again.
@lru_cache(maxsize=256)
def _normalised(address: str) -> str:
    text = address.encode("utf-8", "replace").decode("utf-8").strip()
    local, at, name = text.rpartition("@")
    if not at:
        return _lower(text)
    # RFC 5321 4.1.2: "jane"@example.com is jane@example.com.
    inner = local[1:-1] if len(local) > 2 and local[0] == local[-1] == '"' else ""
    if _DOT_ATOM.fullmatch(inner):
        local = inner
    return f"{_lower(local)}@{to_ascii(name) or _lower(name)}"


def _lower(text: str) -> str:
    # RFC 6532 3.1: one spelling for letters that can be composed in two ways.
    return unicodedata.normalize("NFC", text.lower())


def is_reverse(local: str) -> bool:
    """Has it the form of a reverse address?"""
    return _has_form(_REVERSE, local)


def is_bounce(local: str) -> bool:
    """Has it the form of a bounce address?"""
    return _has_form(_BOUNCE, local)


def _has_form(form: re.Pattern[str], local: str) -> bool:
    # lower() makes ASCII letters out of a few others, such as the Kelvin sign.
    return local.isascii() and form.fullmatch(local.lower()) is not None


def is_reserved(local: str) -> bool:
    """May no alias be called this? What follows a "+" does not count."""
    base = local.lower().partition("+")[0]
    return is_reverse(base) or is_bounce(base) or base.translate({ord(c): None for c in "-_."}) in RESERVED
