"""The header block of a message: where it ends, and its fields as bytes.

A block is fields and a blank line. Nothing in it is decoded; 8-bit bytes and over-long lines stay as they are.
- It ends at the first blank line, or before the first line that is neither a field nor a continuation (as Postfix
  does): the body begins with that line.
- Before the first field, mbox "From " lines and continuation lines are dropped; but a message without any field is all body.
- Bare LF ends a line. A bare CR or a NUL inside a field becomes a blank: others may take them for the end of a line, or of all.
- `Name :` (obsolete, RFC 5322 4.5) is taken for `Name:`.
Not here: what a field means (address.py), what happens to it (rewrite.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_HEADER_BYTES = 512 * 1024
"""All of a block is held in memory. Real mail stays far below; Postfix keeps 100 KiB of one field."""

MAX_FIELDS = 5_000
"""Real mail has up to some 200. An empty field takes 3 bytes and, once parsed, 50 times that."""

_JUDGED_BYTES = 1_000
"""A line and its end (RFC 5322 2.1.1): a field's name and colon stand in these, or it is no field."""

_FIELD, _MORE, _BLANK, _MBOX, _JUNK = "field", "more", "blank", "mbox", "junk"
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_BLANKED = bytes.maketrans(b"\r\0", b"  ")


class HeaderTooLarge(BadInput):
    """The header block is longer than any honest one."""

    def __init__(self) -> None:
        super().__init__(
            f"The header block is over {MAX_HEADER_BYTES} bytes or {MAX_FIELDS} fields.",
            "Ask the sender to send it with fewer header fields.",
        )


@dataclass(frozen=True)
class Field:
    """One field: its name as written, and all of it with its folds (CRLF) but without the last line end."""

    __slots__ = ("name", "raw")
    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """What stands behind the colon, unfolded, without blanks around it."""
        return self.raw[len(self.name) + 1 :].replace(b"\r\n", b"").strip(b" \t")


@dataclass(frozen=True)
class HeaderBlock:
    """The fields in their order."""

    fields: tuple[Field, ...]
    newline: bytes = b"\r\n"

    def all(self, name: bytes) -> list[Field]:
        """Every field of this name, in either case."""
        wanted = name.lower()
        return [field for field in self.fields if field.name.lower() == wanted]

    def first(self, name: bytes) -> Field | None:
        """The first field of this name."""
        wanted = name.lower()
        return next((field for field in self.fields if field.name.lower() == wanted), None)

    def to_bytes(self) -> bytes:
        """The block with its blank line."""
        return b"".join([field.raw + self.newline for field in self.fields]) + self.newline


def _kind(start: bytes) -> str:
    """What a line is. `start`: its first _JUDGED_BYTES, with its line end when that is among them."""
    if start.endswith(b"\n") and not start.strip(b"\r\n"):
        return _BLANK
    if _NAME.match(start):
        return _FIELD
    if start[:1] in (b" ", b"\t", b"\r"):
        return _MORE
    return _MBOX if start.startswith((b"From ", b">From ")) else _JUNK


def split(stream: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The header block, with its blank line if it has one, and the body's chunks, both untouched.

    HeaderTooLarge past the caps. How the stream is cut into chunks makes no difference.
    """
    chunks = iter(stream)
    held = bytearray()
    search = _BlockEnd()
    for chunk in chunks:
        held += chunk
        if search.found(held, False):
            break
    else:
        search.found(held, True)
    return bytes(held[: search.end]), _body(bytes(held[search.end :]), chunks)


def _body(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from chunks


class _BlockEnd:
    """Looks for the end of the block while bytes come in. Each byte is looked at once."""

    def __init__(self) -> None:
        self.end = 0  # where the block ends; valid once found
        self.line = 0  # where the line being looked at begins
        self.looked = 0  # no line end before this
        self.kind = ""  # of that line, once judged
        self.fields = 0
        self.indented = False  # continuation lines stand before any field

    def found(self, held: bytearray, last: bool) -> bool:
        """Is the end known? `last`: nothing will follow."""
        while True:
            newline = held.find(b"\n", self.looked)
            stop = newline + 1 if newline >= 0 else len(held)
            if stop == self.line or (newline < 0 and not last and stop - self.line < _JUDGED_BYTES):
                self.looked = stop
                return last and self._ends(stop if self.fields else 0)
            if not self.kind:
                self.kind = _kind(bytes(held[self.line : min(stop, self.line + _JUDGED_BYTES)]))
            if self._is_last():
                headless = not self.fields and (self.indented or self.kind != _BLANK)
                return self._ends(0 if headless else stop if self.kind == _BLANK else self.line)
            if stop > MAX_HEADER_BYTES:
                raise HeaderTooLarge
            self.looked = stop
            if newline < 0 and not last:
                return False
            self._next(stop)

    def _is_last(self) -> bool:
        """Does the block end at this line?"""
        return self.kind in (_BLANK, _JUNK) or (self.kind == _MBOX and self.fields > 0)

    def _ends(self, end: int) -> bool:
        if end > MAX_HEADER_BYTES:
            raise HeaderTooLarge
        self.end = end
        return True

    def _next(self, stop: int) -> None:
        self.fields += self.kind == _FIELD
        self.indented = self.indented or (self.kind == _MORE and not self.fields)
        if self.fields > MAX_FIELDS:
            raise HeaderTooLarge
        self.line, self.kind = stop, ""


def parse(block: bytes) -> HeaderBlock:
    """The fields of a block, ready to be written. Never raises; what follows the block is not looked at."""
    fields: list[Field] = []
    lines: list[bytes] = []
    name = b""
    for line in _lines(block):
        kind = _kind(line[:_JUDGED_BYTES])
        # Nothing but carriage returns is left empty; an empty line would end the block.
        text = line.rstrip(b"\r\n").translate(_BLANKED)
        if kind == _FIELD:
            _add(fields, name, lines)
            match = _NAME.match(text)
            assert match is not None
            name, lines = match[1], [match[1] + b":" + text[match.end() :]]
        elif kind == _MORE:
            if lines and text:
                lines.append(text)
        elif lines or kind != _MBOX:
            break
    _add(fields, name, lines)
    return HeaderBlock(tuple(fields))


def _lines(block: bytes) -> Iterator[bytes]:
    """Its lines, each with its line end. A CR alone ends none."""
    start = 0
    while start < len(block):
        stop = block.find(b"\n", start) + 1 or len(block)
        yield block[start:stop]
        start = stop


def _add(fields: list[Field], name: bytes, lines: list[bytes]) -> None:
    if lines:
        fields.append(Field(name, b"\r\n".join(lines)))
