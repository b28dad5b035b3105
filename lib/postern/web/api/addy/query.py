"""The query of a request as addy.io's clients write it: `filter[search]=shop&page[size]=20`.

Brackets come raw or encoded. A parameter without a value is as one that is not there, and a `=` too many, as Android's client
writes it, does not count.
"""

from __future__ import annotations

from postern.web.api.given import Wrong
from postern.web.request import MAX_QUERY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.web.request import Request

MAX_FIELDS = 100


class Query(dict[str, str]):
    """The parameters by name; of two of one name the last counts, as in PHP."""

    def one_of(self, name: str, choices: Sequence[str], otherwise: str) -> str:
        """One of these words. Wrong for another."""
        found = self.get(name, otherwise)
        if found not in choices:
            raise Wrong(name, f"The selected {name} is invalid.", f"Choose one of: {', '.join(choices)}.")
        return found

    def flag(self, name: str) -> bool | None:
        """`true` or `false`; None where it is not there."""
        found = self.one_of(name, ("", "true", "false"), "")
        return found == "true" if found else None

    def number(self, name: str, otherwise: int, most: int) -> int:
        """A whole number from 1 on. Wrong for another."""
        found = self.get(name, str(otherwise))
        if not (found.isascii() and found.isdigit() and len(found) < 10 and 1 <= int(found) <= most):
            raise Wrong(name, f"The {name} is no number from 1 to {most}.", "Leave it out, or send one.")
        return int(found)


def read(request: Request) -> Query:
    """What there is; nothing where it cannot be read."""
    from urllib.parse import parse_qsl

    text = str(request.environ.get("QUERY_STRING", ""))
    try:
        pairs = parse_qsl(text[:MAX_QUERY], errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:  # UnicodeError is one, too
        return Query()
    cleaned = ((name.rstrip("="), value.lstrip("=")) for name, value in pairs)
    return Query({name: value for name, value in cleaned if value and "\0" not in value})
