"""All contracts of addy.io's dialect, under the headings of docs/api.md."""

from __future__ import annotations

from postern.web.api.addy.contracts import (
    account,
    alias_bulk,
    aliases,
    failed_deliveries,
    new_alias,
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
}
