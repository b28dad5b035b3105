"""The body of a reply, with the addresses that nobody shall see put out of it, wherever text can hold them.

The parts of the message are followed line by line (RFC 2046 5.1), to any depth, without a tree and without recursion. Text is
looked through in its transfer encoding (mail/leaf.py), and so are the fields of parts and of attached messages; pictures,
documents and other files pass untouched. Nothing is lost: what is not understood passes as it is.
"""

from __future__ import annotations

from postern.mail import header, parts
from postern.mail.leaf import HELD_BYTES, Base64, Plain, QuotedPrintable
from postern.mail.replace import LONGEST, Replacer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from typing import Union

    from postern.mail.header import HeaderBlock

    Leaf = Union[Plain, QuotedPrintable, Base64]

MAX_DEPTH = 50
"""Multiparts inside one another whose boundaries are kept; mail programs make three or four."""

MAX_PART_HEADER = 64 * 1024
_MAX_BOUNDARY = 200  # RFC 2046 5.1.1 allows 70
_ENCODINGS: dict[str, type[QuotedPrintable] | type[Base64]] = {
    "quoted-printable": QuotedPrintable,
    "base64": Base64,
}


def scrub(block: HeaderBlock, pieces: Iterable[bytes], others: Mapping[str, str]) -> Iterator[bytes]:
    """The body as it comes, its addresses replaced. `block`: the header block that stands before it; `others`: old to new."""
    body = _Body(Replacer(others))
    body.enter(block)
    held = b""
    for piece in pieces:
        held += piece
        held = yield from body.take(held)
    yield from body.finish(held)


class _Body:
    """Where in the message the reader is."""

    def __init__(self, replace: Replacer) -> None:
        self._replace = replace
        self._boundaries: list[bytes] = []
        self._fields: list[bytes] | None = None  # of a part, while they are read
        self._fields_size = 0
        self._leaf: Leaf | None = Plain(replace)  # None: it passes untouched

    def enter(self, block: HeaderBlock) -> None:
        """The content of a part with these fields begins."""
        kind, given = parts.content_type(block)
        main = kind.partition("/")[0]
        encoding = parts.word(block, b"Content-Transfer-Encoding")
        boundary = given.get("boundary", "").rstrip()
        self._fields = None
        if main == "multipart" and 0 < len(boundary) <= _MAX_BOUNDARY and len(self._boundaries) < MAX_DEPTH:
            self._boundaries.append(b"--" + boundary.encode("utf-8", "replace"))
            self._leaf = Plain(self._replace)
        elif kind in ("message/rfc822", "message/global") and encoding not in _ENCODINGS:
            self._leaf = Plain(self._replace)
            self._fields, self._fields_size = [], 0
        elif main in ("text", "message", "multipart", ""):
            wide = given.get("charset", "").startswith(("utf-16", "utf16", "ucs-2"))
            replace = self._replace.wide if wide else self._replace
            self._leaf = _ENCODINGS[encoding](replace) if encoding in _ENCODINGS else Plain(replace)
        else:
            self._leaf = None

    def take(self, held: bytes) -> Generator[bytes, None, bytes]:
        """Read as far as whole lines go; returns the rest."""
        start = 0
        while True:
            if self._leaf is None and self._fields is None:
                start = yield from self._skip(held, start)
            stop = held.find(b"\n", start) + 1
            if stop == 0:
                break
            yield from self._line(held[start:stop])
            start = stop
        rest = held[start:]
        if len(rest) > HELD_BYTES:
            # A line that does not end: what cannot hold the beginning of an address any more goes on.
            yield from self._text(rest[:-LONGEST])
            rest = rest[-LONGEST:]
        return rest

    def _skip(self, held: bytes, start: int) -> Generator[bytes, None, int]:
        """Pass on what is no text, up to a line that may be a boundary or is not whole; returns where that begins."""
        at = start
        while not held.startswith(b"--", at):
            found = held.find(b"\n--", at)
            if found < 0:
                # The last line may yet become one.
                stop = held.rfind(b"\n", at) + 1
                yield held[start : max(stop, start)]
                return max(stop, start)
            at = found + 1
        yield held[start:at]
        return at

    def finish(self, rest: bytes) -> Iterator[bytes]:
        """The end of the message."""
        if rest:
            yield from self._line(rest)
        if self._fields is not None:
            yield from self._give_fields()
        if self._leaf is not None:
            yield from self._leaf.end()

    def _line(self, line: bytes) -> Iterator[bytes]:
        depth = self._depth_of(line) if line.startswith(b"--") else 0
        if depth:
            yield from self._bound(line, depth)
        elif self._fields is not None:
            yield from self._field(line)
        else:
            yield from self._text(line)

    def _text(self, line: bytes) -> Iterator[bytes]:
        if self._leaf is None:
            yield line
        else:
            yield from self._leaf.line(line)

    def _depth_of(self, line: bytes) -> int:
        """Which multipart this line bounds, from 1; 0: none."""
        text = line.rstrip(b" \t\r\n")
        for depth in range(len(self._boundaries), 0, -1):
            boundary = self._boundaries[depth - 1]
            if text in (boundary, boundary + b"--"):
                return depth
        return 0

    def _bound(self, line: bytes, depth: int) -> Iterator[bytes]:
        """A part ends here; another may begin."""
        if self._fields is not None:
            yield from self._give_fields()
        if self._leaf is not None:
            yield from self._leaf.end()
        yield line
        boundary = self._boundaries[depth - 1]
        self._leaf = Plain(self._replace)
        if line.rstrip(b" \t\r\n") == boundary:
            del self._boundaries[depth:]
            self._fields, self._fields_size = [], 0
        else:
            del self._boundaries[depth - 1 :]
            self._fields = None

    def _field(self, line: bytes) -> Iterator[bytes]:
        """A line of a part's fields, or the blank one behind them."""
        assert self._fields is not None
        self._fields.append(line)
        self._fields_size += len(line)
        if line.strip(b"\r\n") and self._fields_size <= MAX_PART_HEADER:
            return
        block = header.parse(b"".join(self._fields))
        yield from self._give_fields()
        self.enter(block)

    def _give_fields(self) -> Iterator[bytes]:
        assert self._fields is not None
        yield self._replace(b"".join(self._fields))
        self._fields = None
