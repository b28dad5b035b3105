"""Making aliases, and where they can be made."""

from __future__ import annotations

from postern.web.api.addy.contracts.shapes import ALIAS, one
from postern.web.api.contract import UUID, Contract, OneOf

_FORMAT = OneOf(
    "random_characters",
    "uuid",
    "random_words",
    "random_noun",
    "random_male_name",
    "random_female_name",
    "custom",
)

CONTRACTS = {
    ("GET", "/api/v1/domain-options"): Contract(
        "The domains on which aliases can be made.",
        {200: {"data": [str], "sharedDomains": [str], "defaultAliasDomain": str, "defaultAliasFormat": str}},
    ),
    ("POST", "/api/v1/aliases"): Contract(
        "Make an alias. The one call of Bitwarden and Keyguard; without a format it is as the user has set.",
        {201: one(ALIAS)},
        body={
            "domain": str,
            "description?": str,
            "format?": _FORMAT,
            "local_part?": str,
            "recipient_ids?": [UUID],
        },
        fails=(403,),
    ),
}
