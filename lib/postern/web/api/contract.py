"""What an endpoint takes and gives, for its clients' authors: the words in which it is written down.

Each dialect has a folder `contracts/` with a file for each subject, and every route of its ROUTES has one entry in one of them:

    ALIAS = Named("Alias", {"id": int, "email": str, "note": Maybe(str)})

    CONTRACTS = {
        ("GET", "/api/aliases/*"): Contract("An alias.", {200: ALIAS}),
        ("POST", "/api/aliases/*/contacts"): Contract(
            "Make a contact of an alias. 200 when there is one already.",
            {201: CONTACT, 200: CONTACT},
            body={"contact": str},
        ),
        ("GET", "/api/v2/aliases"): Contract(
            "Twenty aliases.", {200: {"aliases": [ALIAS]}}, query={"page_id": int, "pinned?": str}
        ),
    }

The file is named in `contracts/table.py` with the heading under which people find it; tests/house/test_contracts.py looks for
routes without an entry and entries without a route. A shape is

    str, int, bool                 a text, a whole number, true or false
    Text(most=200), Number(0, 9)   the same within limits
    OneOf("word", "uuid")          one of these words, or of these numbers
    UUID, MOMENT, DATE             texts of a form
    [shape]                        a list
    {"name": shape}                an object; a field that may be missing is written "name?"
    MapOf(shape)                   an object whose fields have any name
    Maybe(shape)                   that or null
    Either(one, other)             one or the other
    Named("Alias", shape)          told once, under that name
    File("message/rfc822")         no JSON at all
    ANYTHING                       any JSON
    EMPTY                          no body

What every endpoint answers to what it cannot take is not repeated: a body that cannot be read, no key, too small a scope, no
such id (403 in SimpleLogin's dialect, 404 in addy.io's), too many requests, out of service. `fails` names other statuses of
errors. Answers have the fields that are named and no others; requests may have more, and null stands for "not given".

No request that is served imports any of this but GET /api/openapi.json. How it becomes a document: web/api/openapi/.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Contract:
    """An endpoint's. `says`: what it does; its first sentence is the title. `answers`: status to shape."""

    says: str
    answers: Mapping[int, object]
    body: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    fails: tuple[int, ...] = ()


@dataclass(frozen=True)
class Text:
    """A text of `least` to `most` letters (None: any number), in a `form` that JSON Schema knows, or like a `pattern`."""

    most: int | None = None
    least: int | None = None
    form: str = ""
    pattern: str = ""


@dataclass(frozen=True)
class Number:
    """A whole number in these limits."""

    least: int | None = None
    most: int | None = None


class OneOf:
    """One of these words or numbers."""

    def __init__(self, *values: str | int) -> None:
        self.values = values


@dataclass(frozen=True)
class Maybe:
    """The shape, or null."""

    shape: object


class Either:
    """One of these shapes."""

    def __init__(self, *shapes: object) -> None:
        self.shapes = shapes


@dataclass(frozen=True)
class MapOf:
    """An object whose fields have any name and this shape."""

    shape: object


@dataclass(frozen=True)
class Named:
    """A shape that stands in many places."""

    name: str
    shape: object


@dataclass(frozen=True)
class File:
    """Bytes of this media type."""

    media_type: str


ANYTHING = object
"""The shape of what another standard tells."""

EMPTY = None
"""The shape of no body."""

UUID = Text(form="uuid")

MOMENT = Text(pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
"""A time as addy.io writes it: UTC, without saying so."""

DATE = Text(pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00$")
"""A time as SimpleLogin writes it."""
