"""Mailboxes."""

from __future__ import annotations

from postern.web.api.contract import Contract, Named

MAILBOX = Named(
    "Mailbox",
    {
        "id": int,
        "email": str,
        "verified": bool,
        "default": bool,
        "creation_timestamp": int,
        "nb_alias": int,
    },
)

_ALL = {200: {"mailboxes": [MAILBOX]}}

CONTRACTS = {
    ("GET", "/api/mailboxes"): Contract("The mailboxes that are confirmed.", _ALL),
    ("GET", "/api/v2/mailboxes"): Contract("All mailboxes.", _ALL),
    ("POST", "/api/mailboxes"): Contract(
        "Add a mailbox. A link to confirm it is mailed to it.", {201: MAILBOX}, body={"email": str}
    ),
    ("PUT", "/api/mailboxes/*"): Contract(
        "Make a mailbox the default one. Its address is for good, and another one is refused.",
        {200: {"updated": bool}},
        body={"default?": bool, "email?": str, "cancel_email_change?": bool},
    ),
    ("DELETE", "/api/mailboxes/*"): Contract(
        "Delete a mailbox. Aliases that forward to it alone forward to another one then: the one named, or the default one.",
        {200: {"deleted": bool}},
        body={"transfer_aliases_to?": int},
    ),
}
