"""The parts of a message (RFC 2045, 2046), as far as reports need them: one level deep, from a body that may be cut.

Mail that only passes through is never taken apart.
"""

from __future__ import annotations

import binascii
import re

from postern.mail import header, words
from postern.mail.header import HeaderBlock, HeaderTooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PARTS = 20
_MAX_TYPE_BYTES = 2_000  # of Content-Type

_PARAMETER = re.compile(r";\s*([^\s;=\"]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\"]*))")
_WORD_END = re.compile(r"[;(,\s]")


def value(block: HeaderBlock, name: bytes) -> str:
    """The first field's value as text; empty when there is none."""
    field = block.first(name)
    return words.to_text(field.value) if field else ""


def word(block: HeaderBlock, name: bytes) -> str:
    """The value's first word in lower case, without parameters and comments."""
    return _WORD_END.split(value(block, name).lower(), maxsplit=1)[0]


def content_type(block: HeaderBlock) -> tuple[str, dict[str, str]]:
    """(type/subtype, parameters), in lower case but for the boundary."""
    text = value(block, b"Content-Type")[:_MAX_TYPE_BYTES]
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(text):
        given = re.sub(r"\\(.)", r"\1", quoted) or plain
        found.setdefault(name.lower(), given if name.lower() == "boundary" else given.lower())
    return text.partition(";")[0].strip().lower(), found


def split(body: bytes, boundary: str) -> Iterator[tuple[HeaderBlock, bytes]]:
    """The parts of a multipart (RFC 2046 5.1.1), each with its fields; at most MAX_PARTS."""
    if not boundary:
        return
    line = rb"(?m)^--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(?:--)?[ \t]*\r?$"
    for part in re.split(line, body, maxsplit=MAX_PARTS)[1:]:
        try:
            head, rest = header.split([part[1:]])
        except HeaderTooLarge:
            continue  # no part that anybody reads here has such a block
        yield header.parse(head), b"".join(rest)


def decoded(part: HeaderBlock, data: bytes) -> bytes:
    """The part's bytes without their transfer encoding; what breaks its rules is read as far as it goes."""
    encoding = word(part, b"Content-Transfer-Encoding")
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding == "base64":
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
    return data
