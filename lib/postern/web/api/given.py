"""The body of a request to an API: a JSON object, read leniently.

Clients send no body, no Content-Type, or the wrong one; null stands for "not given"; what is not known is passed over. What
is known and of a wrong kind is refused by its name.
"""

from __future__ import annotations

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.request import Request

MAX_BYTES = 1 << 20
"""A client may send a picture of its user along, as base64; it is passed over."""

MAX_LIST = 1000
MAX_ID = (1 << 63) - 1


class Wrong(BadInput):
    """One field is of a wrong kind; `field` is its name as the client knows it."""

    def __init__(self, field: str, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.field = field


class TooLarge(BadInput):
    """More than any request of these APIs holds."""

    http_status = 413

    def __init__(self) -> None:
        super().__init__("The body is too large.", f"It may hold {MAX_BYTES >> 20} MiB.")


class Given(dict[str, object]):
    """The fields by name."""

    def has(self, name: str) -> bool:
        """Whether it is there, and not null."""
        return self.get(name) is not None

    def text(self, name: str) -> str:
        """A text; empty when it is missing. Wrong for what is none, or holds what no text column takes."""
        value = self.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Wrong(name, f"The field {name} is no text.", "Send it as a JSON string.")
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise Wrong(name, f"The field {name} holds what is no character.", "Take it out.")
        return value

    def flag(self, name: str) -> bool | None:
        """True or false, also as a number or as a word; None when it is missing."""
        value = self.get(name)
        if value is None:
            return None
        for meaning, spellings in ((True, (True, "true", "1")), (False, (False, "false", "0"))):
            if value in spellings:
                return meaning
        raise Wrong(name, f"The field {name} is neither true nor false.", "Send true or false.")

    def number(self, name: str) -> int | None:
        """A whole number, also as a word; None when it is missing."""
        value = self.get(name)
        return None if value is None else _whole(name, value)

    def numbers(self, name: str) -> list[int]:
        """A list of whole numbers; empty when it is missing."""
        return [_whole(name, one) for one in self._list(name)]

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty when it is missing."""
        return [Given({name: one}).text(name) for one in self._list(name)]

    def _list(self, name: str) -> list[object]:
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > MAX_LIST:
            raise Wrong(name, f"The field {name} is no list, or one of more than {MAX_LIST}.", "Send a list.")
        return value


def read(request: Request) -> Given:
    """The body; nothing at all is an empty one. BadInput when it is cut, too large, or no JSON object."""
    if not request.environ.get("CONTENT_LENGTH") and not request.header("Transfer-Encoding"):
        return Given()
    length = request.content_length
    if length > MAX_BYTES:
        raise TooLarge
    body = b"".join(request.body(length))
    if len(body) < length:
        raise BadInput("The body did not arrive whole.", "Send it again.")
    if not body.strip():
        return Given()
    from json import loads

    try:
        found = loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadInput("The body is no JSON object.", "Send one, or no body at all.")
    return Given(found)


def _whole(name: str, value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value <= MAX_ID:
        raise Wrong(name, f"The field {name} is no whole number that can be meant.", "Send an id.")
    return value
