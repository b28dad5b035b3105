"""All contracts of SimpleLogin's dialect, under the headings of docs/api.md."""

from __future__ import annotations

from postern.web.api.contract import ANYTHING, EMPTY, Contract
from postern.web.api.simplelogin.contracts import (
    absent,
    account,
    aliases,
    contacts,
    domains,
    export,
    mailboxes,
    new_alias,
    settings,
    sign_in,
)

_DOCUMENT = {
    ("GET", "/api/openapi.json"): Contract(
        "This document. It has an ETag, and 304 answers who has it.", {200: ANYTHING, 304: EMPTY}
    )
}

GROUPS = {
    "This document": _DOCUMENT,
    "Signing in": sign_in.CONTRACTS,
    "Making aliases": new_alias.CONTRACTS,
    "Aliases": aliases.CONTRACTS,
    "Contacts": contacts.CONTRACTS,
    "Mailboxes": mailboxes.CONTRACTS,
    "Domains": domains.CONTRACTS,
    "Settings": settings.CONTRACTS,
    "The account": account.CONTRACTS,
    "Exports": export.CONTRACTS,
    "What Postern has not": absent.CONTRACTS,
}
