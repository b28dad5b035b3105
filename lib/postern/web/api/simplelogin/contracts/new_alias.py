"""Making aliases."""

from __future__ import annotations

from postern.web.api.contract import Contract, Named, OneOf
from postern.web.api.simplelogin.contracts.shapes import ALIAS_FIELDS

MADE = Named("NewAlias", {"alias": str, **ALIAS_FIELDS})

_HOSTNAME = {"hostname?": str}
_CUSTOM = {"alias_prefix": str, "signed_suffix": str, "note?": str, "name?": str}


def _options(suffix: object) -> object:
    return {"can_create": bool, "prefix_suggestion": str, "suffixes": [suffix]}


CONTRACTS = {
    ("GET", "/api/v4/alias/options"): Contract(
        "The suffixes that may end a new alias, as pairs of suffix and signed suffix. A signature is good for ten minutes.",
        {200: _options([str])},
        query=_HOSTNAME,
    ),
    ("GET", "/api/v5/alias/options"): Contract(
        "The suffixes that may end a new alias. A signature is good for ten minutes.",
        {200: _options({"suffix": str, "signed_suffix": str, "is_custom": bool, "is_premium": bool})},
        query=_HOSTNAME,
    ),
    ("POST", "/api/alias/random/new"): Contract(
        "Make an alias at random. The one call of Bitwarden; each makes a new one, whatever the hostname.",
        {201: MADE},
        body={"note?": str},
        query={**_HOSTNAME, "mode?": OneOf("word", "uuid")},
    ),
    ("POST", "/api/v2/alias/custom/new"): Contract(
        "Make an alias of a prefix and one of the suffixes. It forwards to the default mailbox.",
        {201: MADE},
        body=_CUSTOM,
        query=_HOSTNAME,
        fails=(409, 412),
    ),
    ("POST", "/api/v3/alias/custom/new"): Contract(
        "Make an alias of a prefix and one of the suffixes, for these mailboxes.",
        {201: MADE},
        body={**_CUSTOM, "mailbox_ids": [int]},
        query=_HOSTNAME,
        fails=(409, 412),
    ),
}
