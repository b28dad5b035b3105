"""postern key …: the API keys of users. Not here: the keys that seal (cli/keys.py)."""

from __future__ import annotations

from postern.base.errors import NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    from postern.store.api_keys import ALIASES, SCOPES

    verbs = common.noun(nouns, "key", "API keys, by which programs use a user's account")
    listing = common.verb(verbs, "list", "show a user's API keys, newest first", "postern key list jane")
    listing.add_argument("handle", help="the user")
    common.json_flag(listing)
    listing.set_defaults(run=show)
    new = common.verb(
        verbs, "add", "make one; its user is told by mail", "postern key add jane --name Backup --scope read"
    )
    new.add_argument("handle", help="the user")
    new.add_argument("--name", required=True, help="the program that will use it")
    new.add_argument("--scope", choices=SCOPES, default=ALIASES, help="what it may do")
    end = new.add_mutually_exclusive_group()
    end.add_argument("--days", type=common.whole_number, default=365, metavar="N", help="how long it works")
    end.add_argument("--no-end", action="store_true", help="it works until it is revoked")
    new.set_defaults(run=make)
    gone = common.verb(verbs, "revoke", "void one, at once", "postern key revoke jane ID")
    gone.add_argument("handle", help="the user")
    gone.add_argument("id", help="from the listing")
    gone.set_defaults(run=revoke)


def show(args: argparse.Namespace) -> None:
    """postern key list"""
    from postern.store import api_keys

    with common.as_operator() as (context, db):
        user = common.get_user(db, args.handle)
        found = api_keys.of_user(db, user.id)
    rows: list[dict[str, object]] = [
        {
            "id": str(one.uid),
            "name": one.name(context.ring),
            "begins with": one.head,
            "scope": one.scope,
            "made": one.created_at,
            "last used": one.used_at,
            "expires": one.expires_at,
            "works": not one.expired,
        }
        for one in found
    ]
    common.show(rows, args.json, f"There is none. Make one: postern key add {user.handle} --name NAME")


def make(args: argparse.Namespace) -> None:
    """postern key add"""
    from postern.flow import api_keys
    from postern.store import admin_acts

    wanted = api_keys.Wanted(args.name, args.scope, None if args.no_end else args.days)
    with common.as_operator() as (context, db):
        user = common.get_user(db, args.handle)
        key = api_keys.issue(context, db, user.id, wanted)
        admin_acts.add(db, admin_acts.OPERATOR, "make API key", user.handle)
    print(key)
    print(f"{api_keys.MAY[wanted.scope]} {api_keys.lifetime(wanted.days)} It is not shown again.")


def revoke(args: argparse.Namespace) -> None:
    """postern key revoke"""
    from uuid import UUID

    from postern.store import admin_acts, api_keys

    nothing = NotFound("There is no such API key.", f"See: postern key list {args.handle}")
    try:
        uid = UUID(args.id)
    except ValueError:
        raise nothing from None
    with common.as_operator() as (_, db):
        user = common.get_user(db, args.handle)
        if not api_keys.revoke(db, user.id, uid):
            raise nothing
        admin_acts.add(db, admin_acts.OPERATOR, "revoke API key", user.handle)
    print("Revoked.")
