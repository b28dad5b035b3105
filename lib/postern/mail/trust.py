"""What the trusted receiver found out about a message: Authentication-Results (RFC 8601).

Anybody can write such a field, so only one is read: the first one with the receiver's own name (authserv-id) that stands above
the second Received, and only where the first Received is the receiver's own. From the second on, all comes from the sender.
RFC 8601 5 asks the receiver to remove fields that pretend to be its own: where it neither stamps a message nor does that,
nothing here can tell a forged one from a true one (docs/webhook.md).
Whatever breaks the grammar (mail/stamp.py) makes the verdict UNKNOWN.
Not here: what follows from a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.mail import words
from postern.mail.address import Mailbox, normalise, parse_list
from postern.mail.address_list import MAX_LIST_BYTES
from postern.mail.domain import to_ascii
from postern.mail.stamp import Malformed, Reader, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.mail.header import Field, HeaderBlock

MAX_FIELD_BYTES = 16 * 1024
"""Real ones stay below 2 KiB. A longer one is not believed."""

_RECEIVED_BY = {"mx.cloudflare.net": "cloudflare-email.net"}
"""Authserv-id -> who stands behind `by` in its Received, where it is neither the same nor a host of that domain."""


@dataclass(frozen=True)
class Verdict:
    """`dmarc`: the result as a word (pass, fail, none …), or empty; `header_from`: the domain that it is about, if said.

    `dkim`: the domains whose signatures passed; `spf`: the envelope sender's domain when it passed. All in A-labels.
    """

    dmarc: str = ""
    dkim: tuple[str, ...] = ()
    spf: str = ""
    header_from: str = ""


UNKNOWN = Verdict()


@dataclass(frozen=True)
class Stamp:
    """The one field of the receiver's that is believed, and what it says."""

    field: Field
    results: tuple[Result, ...]


def read(block: HeaderBlock, authserv: str) -> Verdict:
    """What the receiver called `authserv` says. Never raises."""
    found = stamp(block, authserv)
    return _verdict(list(found.results)) if found else UNKNOWN


def stamp(block: HeaderBlock, authserv: str) -> Stamp | None:
    """The receiver's field. None when there is none, or when it is not to be believed."""
    for field in zone(block, authserv):
        if field.name.lower() != b"authentication-results":
            continue
        value = field.value
        reader = Reader(words.to_text(value[:MAX_FIELD_BYTES]))
        try:
            if reader.authserv_id().lower() != authserv.lower():
                continue
            return None if len(value) > MAX_FIELD_BYTES else Stamp(field, tuple(reader.results()))
        except Malformed:
            if reader.named.lower() == authserv.lower():
                return None
    return None


def zone(block: HeaderBlock, authserv: str) -> list[Field]:
    """The fields above what the sender sent. None where the receiver's Received is not on top."""
    fields = list(block.fields)
    received = [place for place, field in enumerate(fields) if field.name.lower() == b"received"]
    if not received or not _is_by(fields[received[0]], authserv):
        return []
    return fields[: received[1] if len(received) > 1 else None]


def signs_for(signer: str, authserv: str) -> bool:
    """Is this domain (the d= of a seal) the receiver's own?"""
    name = authserv.lower()
    return signer == _RECEIVED_BY.get(name) or _covers(signer, name)


def _is_by(received: Field, authserv: str) -> bool:
    """Did the receiver write it?"""
    try:
        host = Reader(words.to_text(received.value[:MAX_FIELD_BYTES])).by()
    except Malformed:
        return False
    name = authserv.lower()
    return host in (name, _RECEIVED_BY.get(name)) or host.endswith("." + name)


def is_authentic(verdict: Verdict, address: str) -> bool:
    """Was the mail sent with the consent of the domain of `address`, which stands in From (sole_author)?

    DMARC passed for this domain; or it did not fail, and a signature of the domain or of one above it passed.
    """
    domain = _domain(address) if "@" in address else ""
    if not domain or failed(verdict):
        return False
    if verdict.dmarc == "pass" and verdict.header_from in ("", domain):
        return True
    return any(_covers(signer, domain) for signer in verdict.dkim)


def failed(verdict: Verdict) -> bool:
    """Does DMARC say that From is forged? Not so when nothing is known."""
    return verdict.dmarc == "fail"


def sole_author(block: HeaderBlock) -> Mailbox | None:
    """The one address in From. None when there are several: nobody can say which of them was checked."""
    fields = block.all(b"From")
    if len(fields) != 1 or len(fields[0].value) > MAX_LIST_BYTES:
        return None
    found = parse_list(fields[0].value)
    return found[0] if len(found) == 1 else None


def _covers(signer: str, domain: str) -> bool:
    """Is it the domain or stands above it? One label alone speaks for nobody."""
    return "." in signer and (domain == signer or domain.endswith("." + signer))


def _domain(value: str) -> str:
    """The domain of an address, or of `@domain`, or the domain itself; empty when it is none."""
    return to_ascii(normalise(value.strip("<>")).rpartition("@")[2]) or ""


def _verdict(results: list[Result]) -> Verdict:
    dmarc, header_from = _dmarc([one for one in results if one.method == "dmarc"])
    passed = [one for one in results if one.result == "pass"]
    signers = [_signer(one) for one in passed if one.method == "dkim"]
    # A result about smtp.helo says nothing about the envelope sender.
    senders = [one.properties.get("smtp.mailfrom", "") for one in passed if one.method == "spf"]
    spf = next(filter(None, map(_domain, senders)), "")
    return Verdict(dmarc, tuple(dict.fromkeys(filter(None, signers))), spf, header_from)


def _dmarc(results: list[Result]) -> tuple[str, str]:
    """(result, domain). Several that differ: a fail counts, else nothing."""
    said = {(one.result, _domain(one.properties.get("header.from", ""))) for one in results}
    if len(said) == 1:
        return said.pop()
    return ("fail" if any(result == "fail" for result, _ in said) else "", "")


def _signer(result: Result) -> str:
    # RFC 6376 3.5: the domain of i= is that of d= or lies below it.
    found = result.properties.get("header.d") or result.properties.get("header.i", "")
    return _domain(found)
