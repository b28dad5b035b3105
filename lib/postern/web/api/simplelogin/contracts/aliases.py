"""Aliases: listed, looked at, changed."""

from __future__ import annotations

from dataclasses import replace

from postern.web.api.contract import Contract
from postern.web.api.simplelogin.contracts.shapes import ACTION, ALIAS, BRIEF, PAGE_ID

_STATES = {"pinned?": str, "disabled?": str, "enabled?": str}
_LISTED = {"page_id": PAGE_ID, **_STATES}

_PAGE = Contract(
    "Twenty aliases, those that are pinned first. Of pinned, disabled and enabled the first that is there counts.",
    {200: {"aliases": [ALIAS]}},
    query=_LISTED,
)
_PAGE_V1 = Contract("Twenty aliases, as old clients ask.", {200: {"aliases": [BRIEF]}}, query=_LISTED)
_SEARCH = {"query?": str}
_CHANGE = Contract(
    "Change what is named of an alias. PGP is not switched here; those fields are passed over.",
    {200: {"ok": bool}},
    body={
        "note?": str,
        "name?": str,
        "mailbox_id?": int,
        "mailbox_ids?": [int],
        "pinned?": bool,
        "disable_pgp?": bool,
    },
)

CONTRACTS = {
    ("GET", "/api/v2/aliases"): _PAGE,
    ("POST", "/api/v2/aliases"): replace(_PAGE, body=_SEARCH),
    ("GET", "/api/aliases"): _PAGE_V1,
    ("POST", "/api/aliases"): replace(_PAGE_V1, body=_SEARCH),
    ("GET", "/api/aliases/*"): Contract("An alias.", {200: ALIAS}),
    ("PUT", "/api/aliases/*"): _CHANGE,
    ("PATCH", "/api/aliases/*"): _CHANGE,
    ("DELETE", "/api/aliases/*"): Contract(
        "Delete an alias. It can be brought back on its page for 30 days.", {200: {"deleted": bool}}
    ),
    ("POST", "/api/aliases/*/toggle"): Contract("Turn an alias off, or on again.", {200: {"enabled": bool}}),
    ("GET", "/api/aliases/*/activities"): Contract(
        "Twenty things that went between an alias and its contacts, newest first.",
        {
            200: {
                "activities": [
                    {
                        "timestamp": int,
                        "action": ACTION,
                        "from": str,
                        "to": str,
                        "reverse_alias": str,
                        "reverse_alias_address": str,
                    }
                ]
            }
        },
        query={"page_id": PAGE_ID},
    ),
}
