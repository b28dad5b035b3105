"""Domains of one's own."""

from __future__ import annotations

from postern.web.api.contract import DATE, Contract, Maybe, Named
from postern.web.api.simplelogin.contracts.shapes import MAILBOX

DOMAIN = Named(
    "CustomDomain",
    {
        "id": int,
        "domain_name": str,
        "is_verified": bool,
        "nb_alias": int,
        "creation_date": DATE,
        "creation_timestamp": int,
        "catch_all": bool,
        "name": Maybe(str),
        "random_prefix_generation": bool,
        "mailboxes": [MAILBOX],
    },
)

CONTRACTS = {
    ("GET", "/api/custom_domains"): Contract("The user's own domains.", {200: {"custom_domains": [DOMAIN]}}),
    ("GET", "/api/custom_domains/*"): Contract("One of them.", {200: DOMAIN}),
    ("PATCH", "/api/custom_domains/*"): Contract(
        "Let every address of a domain make itself an alias, or no more; name the one mailbox of its new aliases. Other "
        "fields cannot be changed.",
        {200: {"custom_domain": DOMAIN}},
        body={
            "catch_all?": bool,
            "random_prefix_generation?": bool,
            "name?": str,
            "mailbox_ids?": [int],
        },
    ),
    ("GET", "/api/custom_domains/*/trash"): Contract(
        "Deleted aliases of a domain that can be brought back, newest first.",
        {200: {"aliases": [{"alias": str, "deletion_timestamp": int}]}},
    ),
}
