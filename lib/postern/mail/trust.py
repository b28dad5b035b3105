"""What the trusted receiver found out about a message: Authentication-Results (RFC 8601).

Anybody can write such a field, so only one is read: the first one with the receiver's own name (authserv-id) that stands above
the second Received. The first Received is the receiver's own; from the second on, all comes from the sender. RFC 8601 5 asks
the receiver to remove fields that pretend to be its own: nothing here can tell one from a true one where it does not.
Values from outside (a quoted local part, a comment) stand in the field too, so it is read by its grammar; whatever breaks
that makes the verdict UNKNOWN. Kinder than the grammar: a value may hold any character that ends no word.
Not here: what follows from a verdict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.mail import words
from postern.mail.address import Mailbox, normalise, parse_list
from postern.mail.address_list import MAX_LIST_BYTES
from postern.mail.domain import to_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.mail.header import Field, HeaderBlock

MAX_FIELD_BYTES = 16 * 1024
"""Real ones stay below 2 KiB. A longer one is not believed."""

_BLANK = re.compile(r"\s+")
_COMMENT_MARK = re.compile(r"[()]|\\.", re.DOTALL)
_KEYWORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
_DIGITS = re.compile(r"[0-9]{1,9}")
_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BARE = re.compile(r"[^\s;()\"\\\x00-\x1f\x7f]+")


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
class _Result:
    """`method=result`, and its properties by `ptype.property`; of two with one name the first."""

    method: str
    result: str
    properties: dict[str, str]


class _Malformed(Exception):
    """Not of the grammar."""


def read(block: HeaderBlock, authserv: str) -> Verdict:
    """What the receiver called `authserv` says. Never raises."""
    for field in _above_second_received(block):
        value = field.value
        reader = _Reader(words.to_text(value[:MAX_FIELD_BYTES]))
        try:
            if reader.authserv_id().lower() != authserv.lower():
                continue
            return UNKNOWN if len(value) > MAX_FIELD_BYTES else _verdict(reader.results())
        except _Malformed:
            if reader.named.lower() == authserv.lower():
                return UNKNOWN
    return UNKNOWN


def _above_second_received(block: HeaderBlock) -> Iterator[Field]:
    """The fields Authentication-Results that the sender cannot have written below its own trace."""
    received = 0
    for field in block.fields:
        name = field.name.lower()
        received += name == b"received"
        if received == 2:
            return
        if name == b"authentication-results":
            yield field


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


def _verdict(results: list[_Result]) -> Verdict:
    dmarc, header_from = _dmarc([one for one in results if one.method == "dmarc"])
    passed = [one for one in results if one.result == "pass"]
    signers = [_signer(one) for one in passed if one.method == "dkim"]
    # A result about smtp.helo says nothing about the envelope sender.
    senders = [one.properties.get("smtp.mailfrom", "") for one in passed if one.method == "spf"]
    spf = next(filter(None, map(_domain, senders)), "")
    return Verdict(dmarc, tuple(dict.fromkeys(filter(None, signers))), spf, header_from)


def _dmarc(results: list[_Result]) -> tuple[str, str]:
    """(result, domain). Several that differ: a fail counts, else nothing."""
    said = {(one.result, _domain(one.properties.get("header.from", ""))) for one in results}
    if len(said) == 1:
        return said.pop()
    return ("fail" if any(result == "fail" for result, _ in said) else "", "")


def _signer(result: _Result) -> str:
    # RFC 6376 3.5: the domain of i= is that of d= or lies below it.
    found = result.properties.get("header.d") or result.properties.get("header.i", "")
    return _domain(found)


class _Reader:
    """Reads one field by the ABNF of RFC 8601 2.2. _Malformed where that ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.named = ""  # the authserv-id, once read

    def authserv_id(self) -> str:
        """The first word. _Malformed also for a version other than 1, which nobody has defined."""
        self.named = self._value()
        if self._version() not in ("", "1"):
            raise _Malformed
        return self.named

    def results(self) -> list[_Result]:
        """All behind the authserv-id."""
        found = []
        while not self._is_at_end():
            if not self._take(";"):
                raise _Malformed
            result = self._result()
            if result is not None:
                found.append(result)
        return found

    def _result(self) -> _Result | None:
        """What stands behind a semicolon; None for nothing, for "none", and for a method's version that is not known."""
        if self._ends_here():
            return None
        method = self._keyword()
        if method == "none" and self._ends_here():
            return None
        known = not self._take("/") or self._version() == "1"
        if not self._take("="):
            raise _Malformed
        result = _Result(method, self._keyword(), {})
        while not self._ends_here():
            name, value = self._property()
            result.properties.setdefault(name, value)
        return result if known else None

    def _property(self) -> tuple[str, str]:
        """`reason=value` or `ptype.property=value`. Some write others without the dot, such as action=."""
        name = self._keyword()
        if self._take("."):
            name += "." + self._keyword()
        if not self._take("="):
            raise _Malformed
        return name, "" if self._ends_here() else self._value()

    def _version(self) -> str:
        self._skip()
        return self._find(_DIGITS)

    def _keyword(self) -> str:
        self._skip()
        found = self._find(_KEYWORD)
        if not found:
            raise _Malformed
        return found.lower()

    def _value(self) -> str:
        """A word; parts of it may be quoted, as in "jane doe"@example.com."""
        self._skip()
        parts = []
        while True:
            quoted = _QUOTED.match(self.text, self.at)
            if quoted:
                self.at = quoted.end()
                parts.append(_ESCAPED.sub(r"\1", quoted[1]))
                continue
            bare = self._find(_BARE)
            if not bare:
                break
            parts.append(bare)
        if not parts:
            raise _Malformed
        return "".join(parts)

    def _find(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match[0] if match else ""

    def _take(self, special: str) -> bool:
        self._skip()
        found = self.text.startswith(special, self.at)
        self.at += found
        return found

    def _ends_here(self) -> bool:
        self._skip()
        return self.text[self.at : self.at + 1] in ("", ";")

    def _is_at_end(self) -> bool:
        self._skip()
        return self.at == len(self.text)

    def _skip(self) -> None:
        """Blanks and comments (CFWS)."""
        self._find(_BLANK)
        while self.text.startswith("(", self.at):
            self._skip_comment()
            self._find(_BLANK)

    def _skip_comment(self) -> None:
        depth = 0
        for mark in _COMMENT_MARK.finditer(self.text, self.at):
            depth += {"(": 1, ")": -1}.get(mark[0], 0)
            if depth == 0:
                self.at = mark.end()
                return
        raise _Malformed
