"""Addresses in running text put in place of others: as they stand, in URLs (`%40`), in HTML (`&#64;`).

An address is hit as a whole: `xjane@example.com` and `jane@example.community` are other people's. But `jane@example.com.pdf` is
hit: a file may be called so, and `jane@example.com.au` is hardly ever meant. Case does not count.
Not here: how text is encoded in a message (mail/leaf.py).
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 1_024
"""Bytes: no address, however it is written, is longer; so much is held back where text is cut."""

_AT = rb"(?:@|%40|&#64;|&#x40;|&commat;)"
# Nothing that would make it a longer address may stand before it; what ends a percent-encoded byte may.
_BEFORE = rb"(?:(?<![A-Za-z0-9._+-])|(?<=%[0-9A-Fa-f]{2}))"
_AFTER = rb"(?![A-Za-z0-9-])"


class Replacer:
    """Puts addresses in place of others, in bytes of any charset that holds ASCII, and in UTF-16."""

    def __init__(self, others: Mapping[str, str]) -> None:
        plain = {old.lower(): new.encode() for old, new in others.items() if old.isascii() and "@" in old}
        # The longest first: jane@example.org.uk before jane@example.org.
        self._new = [plain[old] for old in sorted(plain, key=len, reverse=True)]
        patterns = [b"(" + _pattern(old) + b")" for old in sorted(plain, key=len, reverse=True)]
        self._found = re.compile(b"|".join(patterns), re.IGNORECASE) if patterns else None
        self._wide = [
            (re.compile(re.escape(old.encode(charset)), re.IGNORECASE), new.decode().encode(charset))
            for old, new in plain.items()
            for charset in ("utf-16-le", "utf-16-be")
        ]

    def __call__(self, text: bytes) -> bytes:
        """The text with every hit replaced; the very same object when there is none."""
        if self._found is None or (b"@" not in text and b"%40" not in text and b"&" not in text):
            return text
        return self._found.sub(self._put, text)

    def wide(self, text: bytes) -> bytes:
        """The same for UTF-16, in either byte order."""
        for found, new in self._wide:
            text = found.sub(lambda _, new=new: new, text)  # type: ignore[misc]
        return text

    def _put(self, found: re.Match[bytes]) -> bytes:
        assert found.lastindex is not None
        new = self._new[found.lastindex - 1]
        return new.replace(b"@", b"%40").replace(b"+", b"%2B") if b"%40" in found[0] else new


def _pattern(address: str) -> bytes:
    local, _, domain = address.rpartition("@")
    return _BEFORE + b"".join(map(_letter, local)) + _AT + re.escape(domain.encode()) + _AFTER


def _letter(letter: str) -> bytes:
    """A letter of the local part; in URLs and HTML some are written otherwise."""
    plain = re.escape(letter.encode())
    if letter.isalnum() or letter in ".-_":
        return plain
    return b"(?:%b|%%%02X|&#%d;)" % (plain, ord(letter), ord(letter))
