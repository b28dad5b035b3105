"""Shapes that stand in several contracts of SimpleLogin's dialect."""

from __future__ import annotations

from postern.web.api.contract import DATE, Maybe, Named, Number, OneOf

BRIEF = {
    "id": int,
    "email": str,
    "creation_date": DATE,
    "creation_timestamp": int,
    "enabled": bool,
    "note": Maybe(str),
    "nb_forward": int,
    "nb_block": int,
    "nb_reply": int,
}
"""An alias as the first version of the listing shows it."""

MAILBOX = {"id": int, "email": str}
"""A mailbox of an alias."""

ACTION = OneOf("forward", "reply", "block", "bounced")

PERSON = {"email": str, "name": Maybe(str), "reverse_alias": str}

ALIAS_FIELDS = {
    **BRIEF,
    "name": Maybe(str),
    "mailbox": MAILBOX,
    "mailboxes": [MAILBOX],
    "support_pgp": bool,
    "disable_pgp": bool,
    "latest_activity": Maybe({"timestamp": int, "action": ACTION, "contact": PERSON}),
    "pinned": bool,
}

ALIAS = Named("Alias", ALIAS_FIELDS)

CONTACT = Named(
    "Contact",
    {
        "id": int,
        "creation_date": DATE,
        "creation_timestamp": int,
        "last_email_sent_date": Maybe(DATE),
        "last_email_sent_timestamp": Maybe(int),
        "contact": str,
        "reverse_alias": str,
        "reverse_alias_address": str,
        "existed": bool,
        "block_forward": bool,
    },
)

PAGE_ID = Number(0, 1_000_000)
"""Pages count from 0 and have twenty things."""
