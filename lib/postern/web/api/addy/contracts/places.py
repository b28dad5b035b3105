"""Domains, and subdomains of shared ones, which are usernames here."""

from __future__ import annotations

from postern.web.api.addy.contracts.shapes import ID, RECIPIENT, one
from postern.web.api.contract import EMPTY, MOMENT, UUID, Contract, File, Maybe, Named, Text

_ALIKE_BEFORE = {"id": UUID, "user_id": UUID}
_ALIKE = {
    "description": Maybe(str),
    "from_name": Maybe(str),
    "aliases": [str],
    "aliases_count": int,
    "default_recipient": Maybe(RECIPIENT),
    "active": bool,
    "catch_all": bool,
    "auto_create_regex": Maybe(str),
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
_DOMAIN = Named(
    "AddyDomain",
    {
        **_ALIKE_BEFORE,
        "domain": str,
        **_ALIKE,
        "domain_verified_at": Maybe(MOMENT),
        "domain_mx_validated_at": Maybe(MOMENT),
        "domain_sending_verified_at": Maybe(MOMENT),
    },
)
_USERNAME = Named("AddyUsername", {**_ALIKE_BEFORE, "username": str, **_ALIKE, "can_login": bool})
_CHANGES = {"description?": Text(most=200), "from_name?": str, "auto_create_regex?": str}


def _alike(name: str, word: str, shape: object) -> dict[tuple[str, str], Contract]:
    return {
        ("GET", f"/api/v1/{name}"): Contract(f"All {name}, newest first.", {200: {"data": [shape]}}),
        ("GET", f"/api/v1/{name}/*"): Contract(f"A {word}.", {200: one(shape)}),
        ("PATCH", f"/api/v1/{name}/*"): Contract(
            f"Describe a {word}. Names and patterns of a whole {word} are refused: there are none here.",
            {200: one(shape)},
            body=_CHANGES,
        ),
        ("DELETE", f"/api/v1/{name}/*"): Contract(
            f"Delete a {word}. All its aliases go with it, for good.", {204: EMPTY}
        ),
        ("PATCH", f"/api/v1/{name}/*/default-recipient"): Contract(
            f"Choose where new aliases of a {word} forward. Nothing: to the account's default recipient.",
            {200: one(shape)},
            body={"default_recipient?": UUID},
        ),
        ("POST", f"/api/v1/active-{name}"): Contract(
            f"Turn a {word} on.", {200: one(shape)}, body=ID, fails=(404,)
        ),
        ("DELETE", f"/api/v1/active-{name}/*"): Contract(
            f"Turn a {word} off. Its aliases refuse mail.", {204: EMPTY}
        ),
        ("POST", f"/api/v1/catch-all-{name}"): Contract(
            f"Let any address of a {word} make itself with its first mail.",
            {200: one(shape)},
            body=ID,
            fails=(404,),
        ),
        ("DELETE", f"/api/v1/catch-all-{name}/*"): Contract(
            f"Let no address of a {word} make itself.", {204: EMPTY}
        ),
    }


CONTRACTS = {
    **_alike("domains", "domain", _DOMAIN),
    ("POST", "/api/v1/domains"): Contract(
        "Add a domain. Until its TXT record is there, 404 tells the record as plain text; then ask again.",
        {201: one(_DOMAIN), 404: File("text/plain")},
        body={"domain": str},
        fails=(403,),
    ),
    **_alike("usernames", "username", _USERNAME),
    ("POST", "/api/v1/usernames"): Contract(
        "Take a subdomain of a shared domain, which is a username here.",
        {201: one(_USERNAME)},
        body={"username": str},
        fails=(403,),
    ),
    ("POST", "/api/v1/loginable-usernames"): Contract(
        "Let people sign in with a username. Nobody does here: this always fails.", {}, body=ID, fails=(404,)
    ),
    ("DELETE", "/api/v1/loginable-usernames/*"): Contract(
        "Let nobody sign in with a username. Nobody does.", {204: EMPTY}
    ),
}
