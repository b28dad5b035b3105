"""A form's fields from a body of application/x-www-form-urlencoded (URL Standard, 5.1). No files: nothing here takes any."""

from __future__ import annotations

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.request import Request

MAX_BYTES = 65536
MAX_FIELDS = 100

_REMEDY = "Go back, load the page again, and send its form."


class FormTooLarge(BadInput):
    """More than any form of ours holds."""

    http_status = 413

    def __init__(self) -> None:
        super().__init__("The form is too large.", f"It may hold {MAX_BYTES // 1024} KiB.")


class NotAForm(BadInput):
    """The body is of another kind."""

    http_status = 415

    def __init__(self) -> None:
        super().__init__("This address takes forms only.", _REMEDY)


def read(request: Request) -> dict[str, str]:
    """The fields by name. BadInput when the body is no form, is cut, or names a field twice."""
    if request.content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise NotAForm
    length = request.content_length
    if length > MAX_BYTES:
        raise FormTooLarge
    body = b"".join(request.body(length))
    if len(body) < length:
        raise BadInput("The form did not arrive whole.", _REMEDY)
    pairs = _pairs(body)
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise BadInput("The form names a field twice.", _REMEDY)
    return fields


def _pairs(body: bytes) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:  # UnicodeError is one, too
        raise BadInput("The form cannot be read.", _REMEDY) from None
    if any("\0" in text for pair in pairs for text in pair):
        raise BadInput("The form holds a NUL.", _REMEDY)
    return pairs
