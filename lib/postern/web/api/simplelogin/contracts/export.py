"""Taking everything along."""

from __future__ import annotations

from postern.web.api.contract import ANYTHING, Contract, File

CONTRACTS = {
    ("GET", "/api/export/data"): Contract(
        "Aliases and domains in few words. All there is, in Postern's own form: Settings, Your data.",
        {
            200: {
                "email": str,
                "name": str,
                "aliases": [{"email": str, "enabled": bool}],
                "apps": [ANYTHING],
                "custom_domains": [str],
            }
        },
    ),
    ("GET", "/api/export/aliases"): Contract(
        "The aliases as CSV: alias, note, enabled, mailboxes.", {200: File("text/csv")}
    ),
}
