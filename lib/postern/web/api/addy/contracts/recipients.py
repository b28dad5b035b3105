"""Mailboxes, which are recipients here."""

from __future__ import annotations

from postern.web.api.addy.contracts.shapes import ID, RECIPIENT, one
from postern.web.api.addy.routes import PGP_SWITCHES
from postern.web.api.contract import EMPTY, UUID, Contract, OneOf

_FLAG = OneOf("true", "false")
_COUNT = {"filter[alias_count]?": _FLAG, "alias_count?": _FLAG}
_NO_PGP = "Mail is not encrypted with PGP here: this always fails."

CONTRACTS = {
    ("GET", "/api/v1/recipients"): Contract(
        "All recipients, newest first.",
        {200: {"data": [RECIPIENT]}},
        query={"filter[verified]?": _FLAG, **_COUNT},
    ),
    ("POST", "/api/v1/recipients"): Contract(
        "Add a recipient. The link that confirms it is mailed to it.",
        {201: one(RECIPIENT)},
        body={"email": str},
        fails=(403,),
    ),
    ("POST", "/api/v1/recipients/email/resend"): Contract(
        "Mail the link that confirms a recipient again.",
        {200: {"message": str}},
        body={"recipient_id": UUID},
        fails=(404,),
    ),
    ("GET", "/api/v1/recipients/*"): Contract("A recipient.", {200: one(RECIPIENT)}, query=_COUNT),
    ("DELETE", "/api/v1/recipients/*"): Contract(
        "Delete a recipient. Aliases that had it alone go to the default one, which cannot be deleted.",
        {204: EMPTY},
        fails=(403,),
    ),
    ("POST", "/api/v1/allowed-recipients"): Contract(
        "Let a recipient reply. Each confirmed one may already.", {200: one(RECIPIENT)}, body=ID, fails=(404,)
    ),
    ("DELETE", "/api/v1/allowed-recipients/*"): Contract(
        "Let a recipient reply no more. Each confirmed one may: this always fails.", {}
    ),
    ("PATCH", "/api/v1/recipient-keys/*"): Contract(
        f"Give a recipient a public key. {_NO_PGP}", {}, body={"key_data?": str}
    ),
    ("DELETE", "/api/v1/recipient-keys/*"): Contract("Remove a recipient's public key.", {204: EMPTY}),
    **{
        ("POST", f"/api/v1/{name}"): Contract(f"Switch {name} on. {_NO_PGP}", {}, body=ID, fails=(404,))
        for name in PGP_SWITCHES
    },
    **{
        ("DELETE", f"/api/v1/{name}/*"): Contract(f"Switch {name} off. It is off.", {204: EMPTY})
        for name in PGP_SWITCHES
    },
}
