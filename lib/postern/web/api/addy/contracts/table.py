"""All contracts of addy.io's dialect, under the headings of docs/api.md."""

from __future__ import annotations

from postern.web.api.addy.contracts import alias_bulk, aliases, new_alias, recipients

GROUPS = {
    "Making aliases": new_alias.CONTRACTS,
    "Aliases": aliases.CONTRACTS,
    "Aliases, many at once": alias_bulk.CONTRACTS,
    "Recipients": recipients.CONTRACTS,
}
