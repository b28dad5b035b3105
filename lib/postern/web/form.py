"""A form's fields from a body of application/x-www-form-urlencoded (URL Standard, 5.1). With a file: web/multipart.py."""

from __future__ import annotations

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.request import Request

MAX_BYTES = 65536
MAX_FIELDS = 1000
CHOSEN = "chosen"

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


class Fields(dict[str, str]):
    """The fields by name. `chosen`: the values of the field of that name, of which a list has one a row. `file`: what was
    sent with a form that takes one (web/multipart.py)."""

    chosen: tuple[str, ...] = ()
    file: bytes = b""

    def text(self, name: str) -> str:
        """A field as one line without blanks around it; empty when it is missing."""
        return " ".join(self.get(name, "").split())


def read(request: Request) -> Fields:
    """BadInput when the body is no form, is cut, or names a field twice (but for `chosen`)."""
    if request.content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise NotAForm
    length = request.content_length
    if length > MAX_BYTES:
        raise FormTooLarge
    body = b"".join(request.body(length))
    if len(body) < length:
        raise BadInput("The form did not arrive whole.", _REMEDY)
    pairs = _pairs(body)
    single = [pair for pair in pairs if pair[0] != CHOSEN]
    fields = Fields(single)
    if len(fields) < len(single):
        raise BadInput("The form names a field twice.", _REMEDY)
    fields.chosen = tuple(value for name, value in pairs if name == CHOSEN)
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
