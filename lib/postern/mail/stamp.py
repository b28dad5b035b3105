"""The grammar of what a receiver writes on top of a message: Authentication-Results (RFC 8601 2.2) and Received (RFC 5321 4.4).

Values from outside (a quoted local part, a comment) stand in the fields too, so they are read by their grammar; whatever breaks
that is Malformed. Kinder than the grammar: a value may hold any character that ends no word.
Not here: whose fields count (mail/trust.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLANK = re.compile(r"\s+")
_COMMENT_MARK = re.compile(r"[()]|\\.", re.DOTALL)
_KEYWORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
_DIGITS = re.compile(r"[0-9]{1,9}")
_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BARE = re.compile(r"[^\s;()\"\\\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Result:
    """`method=result`, and its properties by `ptype.property`; of two with one name the first."""

    method: str
    result: str
    properties: dict[str, str]


class Malformed(Exception):
    """Not of the grammar."""


class Reader:
    """Reads one field. Malformed where its grammar ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.named = ""  # the authserv-id, once read

    def authserv_id(self) -> str:
        """The first word. Malformed also for a version other than 1, which nobody has defined."""
        self.named = self._value()
        if self._version() not in ("", "1"):
            raise Malformed
        return self.named

    def by(self) -> str:
        """Of a Received: the host that wrote it. Only where the clause must stand, for the names in `from` are the sender's."""
        name = self._value().lower()
        if name == "from":
            self._value()
            name = self._value().lower()
        if name != "by":
            raise Malformed
        return self._value().lower()

    def results(self) -> list[Result]:
        """All behind the authserv-id."""
        found = []
        while not self._is_at_end():
            if not self._take(";"):
                raise Malformed
            result = self._result()
            if result is not None:
                found.append(result)
        return found

    def _result(self) -> Result | None:
        """What stands behind a semicolon; None for nothing, for "none", and for a method's version that is not known."""
        if self._ends_here():
            return None
        method = self._keyword()
        if method == "none" and self._ends_here():
            return None
        known = not self._take("/") or self._version() == "1"
        if not self._take("="):
            raise Malformed
        result = Result(method, self._keyword(), {})
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
            raise Malformed
        return name, "" if self._ends_here() else self._value()

    def _version(self) -> str:
        self._skip()
        return self._find(_DIGITS)

    def _keyword(self) -> str:
        self._skip()
        found = self._find(_KEYWORD)
        if not found:
            raise Malformed
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
            raise Malformed
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
        raise Malformed
