"""postern user …"""

from __future__ import annotations

import re

from postern.base.errors import BadInput, Conflict
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns

_HANDLE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "user", "people with an account")
    add = common.verb(verbs, "add", "make a user", "postern user add jane")
    add.add_argument("handle", help="what you call the user on the command line: a-z, 0-9, . _ -")
    add.set_defaults(run=add_user)
    listing = common.verb(verbs, "list", "show the users", "postern user list")
    common.json_flag(listing)
    listing.set_defaults(run=list_users)
    link = common.verb(verbs, "link", "make a link that signs a user in once", "postern user link jane")
    link.add_argument("handle")
    link.set_defaults(run=make_link)
    happened = common.verb(
        verbs, "events", "show what happened to a user's mail, newest first", "postern user events jane"
    )
    happened.add_argument("handle")
    happened.add_argument("--last", type=common.whole_number, default=20, metavar="N")
    common.json_flag(happened)
    happened.set_defaults(run=list_events)


def add_user(args: argparse.Namespace) -> None:
    """postern user add"""
    from postern.base.database import UniqueViolation
    from postern.store import users

    if not _HANDLE.fullmatch(args.handle):
        raise BadInput(
            f"{args.handle!r} cannot be a handle.", "Use a-z, 0-9 and . _ - and begin with a letter or digit."
        )
    try:
        with common.as_operator() as (_, db):
            user = users.add(db, args.handle)
    except UniqueViolation:
        raise Conflict(f"There is a user {args.handle!r} already.", "See: postern user list") from None
    print(f"Made the user {user.handle}. Next: postern mailbox add {user.handle} ADDRESS --verified")


def list_users(args: argparse.Namespace) -> None:
    """postern user list"""
    from postern.store import users

    with common.as_operator() as (_, db):
        found = users.all_users(db)
    rows: list[dict[str, object]] = [
        {"handle": u.handle, "since": common.moment(u.created_at), "disabled": common.moment(u.disabled_at)}
        for u in found
    ]
    common.show(rows, args.json, "There is no user yet. Make one: postern user add HANDLE")


def make_link(args: argparse.Namespace) -> None:
    """postern user link"""
    from postern.flow import sign_in

    with common.as_operator() as (context, db):
        link = sign_in.make_link(context, db, common.get_user(db, args.handle))
    print(link)
    print(
        f"It signs {args.handle} in once, within {sign_in.LINK_HOURS} hours, and is not shown again. "
        f"Older links of {args.handle} are void."
    )


def list_events(args: argparse.Namespace) -> None:
    """postern user events"""
    from postern.store import events

    with common.as_operator() as (context, db):
        found = events.of_user(db, common.get_user(db, args.handle).id, args.last)
    rows: list[dict[str, object]] = [
        {
            "at": common.moment(e.at),
            "kind": e.kind,
            "message": e.message_id,
            "delivery": e.delivery_id,
            "note": " ".join(f"{key}={value}" for key, value in e.note(context.ring).items()),
        }
        for e in found
    ]
    common.show(rows, args.json, "Nothing happened yet.")
