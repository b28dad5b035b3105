"""Contacts of an alias."""

from __future__ import annotations

from postern.web.api.contract import Contract
from postern.web.api.simplelogin.contracts.shapes import CONTACT, PAGE_ID

CONTRACTS = {
    ("GET", "/api/aliases/*/contacts"): Contract(
        "Twenty contacts of an alias, newest first.",
        {200: {"contacts": [CONTACT]}},
        query={"page_id": PAGE_ID},
    ),
    ("POST", "/api/aliases/*/contacts"): Contract(
        "Make a contact of an alias: mail to its reverse address leaves as the alias. 200 when there is one already.",
        {201: CONTACT, 200: CONTACT},
        body={"contact": str},
    ),
    ("DELETE", "/api/contacts/*"): Contract(
        "Delete a contact. Its reverse address leads nowhere then.", {200: {"deleted": bool}}
    ),
    ("POST", "/api/contacts/*/toggle"): Contract(
        "Block a contact, or let it write again.", {200: {"block_forward": bool}}, fails=(404,)
    ),
}
