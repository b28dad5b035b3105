"""All contracts of addy.io's dialect, under the headings of docs/api.md."""

from __future__ import annotations

from postern.web.api.addy.contracts import (
    account,
    alias_bulk,
    aliases,
    blocklist,
    failed_deliveries,
    new_alias,
    places,
    recipients,
    rules,
)

GROUPS = {
    "Making aliases": new_alias.CONTRACTS,
    "Aliases": aliases.CONTRACTS,
    "Aliases, many at once": alias_bulk.CONTRACTS,
    "Recipients": recipients.CONTRACTS,
    "The account": account.CONTRACTS,
    "Failed deliveries": failed_deliveries.CONTRACTS,
    "Rules": rules.CONTRACTS,
    "Domains and usernames": places.CONTRACTS,
    "Blocklist": blocklist.CONTRACTS,
}
