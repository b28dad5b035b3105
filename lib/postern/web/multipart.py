"""A form with one file: multipart/form-data (RFC 7578), read whole, since no form of ours sends much.

Not by the standard library's parser of MIME: parts within parts make it recurse, and a long header costs it a minute.
Not here: what the webhook takes, which streams (web/upload.py).
"""

from __future__ import annotations

import re

from postern.base.errors import BadInput
from postern.flow.alias_file import MAX_BYTES
from postern.web import upload
from postern.web.form import MAX_BYTES as MAX_FIELD_BYTES
from postern.web.form import Fields, NotAForm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.web.request import Request

MOST = MAX_BYTES + MAX_FIELD_BYTES
MAX_PARTS = 100
MAX_PART_HEADER = 4096
_DISPOSITION = re.compile(r'form-data; name="([^"]*)"(; filename[*]?=.*)?', re.IGNORECASE)
_REMEDY = "Go back, load the page again, and send its form."


class FileTooLarge(BadInput):
    """More than any form of ours takes."""

    http_status = 413

    def __init__(self) -> None:
        super().__init__(
            "The file is too large.",
            f"It may have {MAX_BYTES // 1024 // 1024} MB. Split it, and send the parts.",
        )


def read(request: Request) -> Fields:
    """The fields, and the file (`fields.file`; empty when none was chosen). BadInput when it is no such form, or is cut."""
    if request.content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        raise NotAForm
    if request.content_length > MOST:
        raise FileTooLarge
    body = b"".join(request.body(request.content_length))
    if len(body) < request.content_length:
        raise BadInput("The form did not arrive whole.", _REMEDY)
    return _fields(_parts(body, upload.boundary(request.content_type)))


def _fields(parts: Iterator[tuple[str, bool, bytes]]) -> Fields:
    fields = Fields()
    seen = set()
    for name, is_file, content in parts:
        if name in seen or (is_file and fields.file):
            raise BadInput("The form names a field twice, or holds two files.", _REMEDY)
        seen.add(name)
        if is_file:
            fields.file = content
        else:
            fields[name] = _text(content)
    return fields


def _parts(body: bytes, mark: bytes) -> Iterator[tuple[str, bool, bytes]]:
    """Name, whether it is a file, and content of each part. As browsers write them (URL Standard, 5.2), to the letter."""
    start, *pieces = (b"\r\n" + body).split(b"\r\n--" + mark, MAX_PARTS + 1)
    if start or not pieces or pieces.pop() not in (b"--", b"--\r\n"):
        raise _unreadable()
    for piece in pieces:
        head, found, content = piece.partition(b"\r\n\r\n")
        if not found or len(head) > MAX_PART_HEADER or not head.startswith(b"\r\n"):
            raise _unreadable()
        yield (*_name(head), content)


def _name(head: bytes) -> tuple[str, bool]:
    """Of the header nothing else counts: not the file's name, which is somebody's words, and not its type."""
    for line in head.decode("utf-8", "replace").split("\r\n"):
        field, _, value = line.partition(":")
        known = _DISPOSITION.fullmatch(value.strip()) if field.lower() == "content-disposition" else None
        if known:
            return known[1], known[2] is not None
    raise _unreadable()


def _unreadable() -> BadInput:
    return BadInput("The form cannot be read.", _REMEDY)


def _text(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _unreadable() from None
    if "\0" in text:
        raise BadInput("The form holds a NUL.", _REMEDY)
    return text
