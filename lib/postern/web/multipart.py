"""A form with one file: multipart/form-data (RFC 7578), read whole, since no form of ours sends much.

The standard library's parser of MIME takes it apart. Not here: what the webhook takes, which streams (web/upload.py).
"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow.alias_file import MAX_BYTES
from postern.web.form import MAX_BYTES as MAX_FIELD_BYTES
from postern.web.form import Fields, NotAForm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message

    from postern.web.request import Request

MOST = MAX_BYTES + MAX_FIELD_BYTES
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
    return _fields(_parts(request.content_type, body))


def _parts(content_type: str, body: bytes) -> list[Message]:
    from email.parser import BytesParser

    if not content_type.isprintable() or not content_type.isascii():
        raise NotAForm
    whole = BytesParser().parsebytes(b"Content-Type: " + content_type.encode("ascii") + b"\r\n\r\n" + body)
    parts = whole.get_payload()
    if not isinstance(parts, list) or whole.defects:
        raise BadInput("The form cannot be read.", _REMEDY)
    return [part for part in parts if not isinstance(part, str)]


def _fields(parts: list[Message]) -> Fields:
    fields = Fields()
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise BadInput("The form cannot be read.", _REMEDY)
        if part.get_filename() is not None:
            fields.file = content
        elif name in fields:
            raise BadInput("The form names a field twice.", _REMEDY)
        else:
            fields[name] = _text(content)
    return fields


def _text(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise BadInput("The form cannot be read.", _REMEDY) from None
    if "\0" in text:
        raise BadInput("The form holds a NUL.", _REMEDY)
    return text
