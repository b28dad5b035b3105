"""The content of one part of a message, with addresses replaced: what its transfer encoding hides is decoded (RFC 2045 6).

A leaf takes lines and gives bytes. What holds no hit comes out as it went in, but for base64 text of more than HELD_BYTES,
which is encoded anew as it passes: what comes first cannot wait for what comes last.
"""

from __future__ import annotations

import binascii
import re

from postern.mail.replace import LONGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HELD_BYTES = 1024 * 1024
"""So much of a part is held at most: of a line, of a quoted-printable line with its soft breaks, of base64 text."""

_LINE_BYTES = 57  # base64 makes 76 letters of them (RFC 2045 6.8)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


class Plain:
    """7bit, 8bit, binary: line by line."""

    def __init__(self, replace: Callable[[bytes], bytes]) -> None:
        self._replace = replace

    def line(self, line: bytes) -> Iterator[bytes]:
        """A line with its end."""
        yield self._replace(line)

    def end(self) -> Iterator[bytes]:
        """What is still held."""
        return iter(())


class QuotedPrintable:
    """Lines that soft breaks tie together are one: an address may be cut by them."""

    def __init__(self, replace: Callable[[bytes], bytes]) -> None:
        self._replace = replace
        self._raw: list[bytes] = []
        self._size = 0

    def line(self, line: bytes) -> Iterator[bytes]:
        """A line with its end."""
        self._raw.append(line)
        self._size += len(line)
        if not line.rstrip(b" \t\r\n").endswith(b"=") or self._size > HELD_BYTES:
            yield self._take()

    def end(self) -> Iterator[bytes]:
        """What is still held: the last line ended with a soft break."""
        if self._raw:
            yield self._take()

    def _take(self) -> bytes:
        raw = b"".join(self._raw)
        self._raw, self._size = [], 0
        text = raw.rstrip(b"\r\n")
        end = raw[len(text) :]
        soft = text.endswith(b"=")
        plain = binascii.a2b_qp(text[:-1] if soft else text)
        changed = self._replace(plain)
        if changed == plain:
            return raw
        coded = binascii.b2a_qp(changed, istext=False).replace(b"=\n", b"=\r\n")
        return coded + (b"=" if soft else b"") + end


class Base64:
    """Base64 text, in UTF-16 as well: nothing else can stand in it unseen."""

    def __init__(self, replace: Callable[[bytes], bytes]) -> None:
        self._replace = replace
        self._raw: list[bytes] = []
        self._size = 0
        self._stream: _Anew | None = None

    def line(self, line: bytes) -> Iterator[bytes]:
        """A line with its end."""
        if self._stream is not None:
            yield from self._stream.add(line)
            return
        self._raw.append(line)
        self._size += len(line)
        if self._size > HELD_BYTES:
            self._stream = _Anew(self._replace)
            for held in self._raw:
                yield from self._stream.add(held)
            self._raw = []

    def end(self) -> Iterator[bytes]:
        """All of it, when it is not too long."""
        if self._stream is not None:
            yield from self._stream.end()
        elif self._raw:
            raw = b"".join(self._raw)
            plain = _decoded(raw)
            changed = self._replace(plain)
            yield raw if changed == plain else b"".join(_lines(changed))


class _Anew:
    """Base64 that is encoded anew as it passes."""

    def __init__(self, replace: Callable[[bytes], bytes]) -> None:
        self._replace = replace
        self._letters = b""
        self._plain = b""
        self._out = b""

    def add(self, line: bytes) -> Iterator[bytes]:
        self._letters += _NOT_BASE64.sub(b"", line)
        if len(self._letters) >= HELD_BYTES // 16:
            whole = len(self._letters) // 4 * 4
            self._plain += binascii.a2b_base64(self._letters[:whole])
            self._letters = self._letters[whole:]
            yield from self._pass(LONGEST)

    def _pass(self, held_back: int) -> Iterator[bytes]:
        """Replace, and hand on all but so many bytes, in which an address may have begun."""
        changed = self._replace(self._plain)
        done = len(changed) - held_back if held_back else len(changed)
        self._out += changed[:done]
        self._plain = changed[done:]
        ready = len(self._out) // _LINE_BYTES * _LINE_BYTES
        yield from _lines(self._out[:ready])
        self._out = self._out[ready:]

    def end(self) -> Iterator[bytes]:
        self._plain += _decoded(self._letters)
        yield from self._pass(0)
        yield from _lines(self._out)


def _decoded(raw: bytes) -> bytes:
    letters = _NOT_BASE64.sub(b"", raw)
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _lines(plain: bytes) -> Iterator[bytes]:
    for start in range(0, len(plain), _LINE_BYTES):
        yield binascii.b2a_base64(plain[start : start + _LINE_BYTES], newline=False) + b"\r\n"
