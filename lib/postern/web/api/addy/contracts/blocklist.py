"""Senders from whom no alias takes mail."""

from __future__ import annotations

from postern.web.api.addy.contracts.shapes import PAGING, one, page
from postern.web.api.contract import EMPTY, MOMENT, UUID, Contract, Maybe, Named, OneOf, Text

_TYPE = OneOf("email", "domain")
_SORTS = ("created_at", "value", "blocked", "last_blocked")
_ENTRY = Named(
    "AddyBlocklistEntry",
    {
        "id": UUID,
        "user_id": UUID,
        "value": str,
        "type": _TYPE,
        "blocked": int,
        "last_blocked": Maybe(MOMENT),
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
)

CONTRACTS = {
    ("GET", "/api/v1/blocklist"): Contract(
        "A page of the blocklist. Without a sort the newest come first.",
        {200: page(_ENTRY)},
        query={
            **PAGING,
            "filter[search]?": Text(most=100),
            "filter[type]?": _TYPE,
            "sort?": OneOf(*_SORTS, *(f"-{name}" for name in _SORTS)),
        },
    ),
    ("POST", "/api/v1/blocklist"): Contract(
        "Block an address, or every address of a domain.",
        {201: one(_ENTRY)},
        body={"type": _TYPE, "value": str},
    ),
    ("POST", "/api/v1/blocklist/store/bulk"): Contract(
        "Block up to 50 of one type. Those that are blocked already are passed over.",
        {201: {"data": [_ENTRY], "message": str, "skipped": int}},
        body={"type": _TYPE, "values": [str]},
    ),
    ("POST", "/api/v1/blocklist/delete/bulk"): Contract(
        "Take up to 500 off the list. None found is a 404.",
        {200: {"message": str, "ids": [UUID]}},
        body={"ids": [UUID]},
        fails=(404,),
    ),
    ("DELETE", "/api/v1/blocklist/*"): Contract("Take one off the list.", {204: EMPTY}),
}
