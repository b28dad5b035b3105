"""Aliases: listed, looked at, changed, and what of them is switched."""

from __future__ import annotations

from postern.web.api.addy.contracts.shapes import ALIAS, ID, PAGING, one, page
from postern.web.api.contract import EMPTY, UUID, Contract, OneOf, Text

_FLAG = OneOf("true", "false")
_SORTS = (
    *("local_part", "domain", "email", "emails_forwarded", "emails_blocked", "emails_replied", "emails_sent"),
    *("last_forwarded", "last_blocked", "last_replied", "last_sent", "last_used", "active"),
    *("created_at", "updated_at", "deleted_at"),
)
_DELETED = OneOf("with", "without", "only")

CONTRACTS = {
    ("GET", "/api/v1/aliases"): Contract(
        "A page of aliases, those that are pinned first. Without a sort the newest come first.",
        {200: page(ALIAS)},
        query={
            **PAGING,
            "filter[search]?": Text(least=3, most=50),
            "filter[active]?": _FLAG,
            "filter[pinned]?": _FLAG,
            "filter[deleted]?": _DELETED,
            "deleted?": _DELETED,
            "sort?": OneOf(*_SORTS, *(f"-{name}" for name in _SORTS)),
            "recipient?": UUID,
            "domain?": UUID,
            "username?": UUID,
        },
    ),
    ("GET", "/api/v1/aliases/*"): Contract("An alias, deleted or not.", {200: one(ALIAS)}),
    ("PATCH", "/api/v1/aliases/*"): Contract(
        "Change the note of an alias, and the name for replies.",
        {200: one(ALIAS)},
        body={"description?": str, "from_name?": str},
    ),
    ("DELETE", "/api/v1/aliases/*"): Contract(
        "Delete an alias. It can be restored for 30 days.", {204: EMPTY}
    ),
    ("PATCH", "/api/v1/aliases/*/restore"): Contract("Restore a deleted alias.", {200: one(ALIAS)}),
    ("DELETE", "/api/v1/aliases/*/forget"): Contract(
        "Forget an alias with all that is its own. Nobody gets its address again.", {204: EMPTY}
    ),
    ("POST", "/api/v1/active-aliases"): Contract(
        "Turn an alias on.", {200: one(ALIAS)}, body=ID, fails=(404,)
    ),
    ("DELETE", "/api/v1/active-aliases/*"): Contract("Turn an alias off.", {204: EMPTY}),
    ("POST", "/api/v1/pinned-aliases"): Contract("Pin an alias.", {200: one(ALIAS)}, body=ID, fails=(404,)),
    ("DELETE", "/api/v1/pinned-aliases/*"): Contract("Unpin an alias.", {204: EMPTY}),
    ("POST", "/api/v1/attached-recipients-only"): Contract(
        "Let only its own recipients reply from an alias. There is no such switch: this always fails.",
        {},
        body=ID,
        fails=(404,),
    ),
    ("DELETE", "/api/v1/attached-recipients-only/*"): Contract(
        "Let all recipients reply from an alias. It is so already.", {204: EMPTY}
    ),
    ("POST", "/api/v1/alias-recipients"): Contract(
        "Forward an alias to these recipients. None stands for the default one.",
        {200: one(ALIAS)},
        body={"alias_id": UUID, "recipient_ids?": [UUID]},
        fails=(404,),
    ),
}
