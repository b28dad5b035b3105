"""Shapes that stand in several contracts of addy.io's dialect."""

from __future__ import annotations

from postern.web.api.contract import MOMENT, UUID, Maybe, Named, Number

RECIPIENT = Named(
    "AddyRecipient",
    {
        "id": UUID,
        "user_id": UUID,
        "email": str,
        "can_reply_send": bool,
        "should_encrypt": bool,
        "inline_encryption": bool,
        "protected_headers": bool,
        "remove_pgp_keys": bool,
        "remove_pgp_signatures": bool,
        "fingerprint": Maybe(str),
        "email_verified_at": Maybe(MOMENT),
        "aliases": [str],
        "aliases_count?": int,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
)

ALIAS = Named(
    "AddyAlias",
    {
        "id": UUID,
        "user_id": UUID,
        "aliasable_id": Maybe(UUID),
        "aliasable_type": Maybe(str),
        "local_part": str,
        "extension": Maybe(str),
        "domain": str,
        "email": str,
        "active": bool,
        "pinned": bool,
        "description": Maybe(str),
        "from_name": Maybe(str),
        "attached_recipients_only": bool,
        "emails_forwarded": int,
        "emails_blocked": int,
        "emails_replied": int,
        "emails_sent": int,
        "recipients": [RECIPIENT],
        "last_forwarded": Maybe(MOMENT),
        "last_blocked": Maybe(MOMENT),
        "last_replied": Maybe(MOMENT),
        "last_sent": Maybe(MOMENT),
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "deleted_at": Maybe(MOMENT),
    },
)

ID = {"id": UUID}
"""What a switch names."""

PAGING = {"page[number]?": Number(1, 1_000_000), "page[size]?": Number(1, 100)}
"""The query of a listing that has pages."""


def one(shape: object) -> object:
    """The answer with one thing."""
    return {"data": shape}


def page(shape: object) -> object:
    """A page of things (web/api/addy/page.py)."""
    return {"data": [shape], "links": _LINKS, "meta": _META}


_LINKS = Named("AddyLinks", {"first": str, "last": str, "prev": Maybe(str), "next": Maybe(str)})
_META = Named(
    "AddyMeta",
    {
        "current_page": int,
        "from": Maybe(int),
        "last_page": int,
        "links": [{"url": Maybe(str), "label": str, "active": bool}],
        "path": str,
        "per_page": int,
        "to": Maybe(int),
        "total": int,
    },
)
