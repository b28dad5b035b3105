"""postern invitation …"""

from __future__ import annotations

from postern.base.errors import NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "invitation", "links by which somebody may open an account, once")
    new = common.verb(verbs, "new", "make one", "postern invitation new --days 3")
    new.add_argument("--admin", action="store_true", help="who takes it becomes an admin")
    new.add_argument("--note", default="", help="whom it is for, in your words")
    new.add_argument("--days", type=common.whole_number, default=7, metavar="N", help="how long it works")
    new.set_defaults(run=make)
    listing = common.verb(verbs, "list", "show them, newest first", "postern invitation list")
    common.json_flag(listing)
    listing.set_defaults(run=show)
    gone = common.verb(verbs, "revoke", "void one", "postern invitation revoke ID")
    gone.add_argument("id", help="from the listing")
    gone.set_defaults(run=revoke)


def make(args: argparse.Namespace) -> None:
    """postern invitation new"""
    from postern.flow import registration
    from postern.store import admin_acts, users

    role = users.ADMIN if args.admin else users.USER
    with common.as_operator() as (context, db):
        link = registration.invite(context, db, admin_acts.OPERATOR, role, args.note, args.days)
        admin_acts.add(db, admin_acts.OPERATOR, "make invitation", role)
    print(link)
    days = "one day" if args.days == 1 else f"{args.days} days"
    print(f"It opens one account (role: {role}), within {days}, and is not shown again.")


def show(args: argparse.Namespace) -> None:
    """postern invitation list"""
    from postern.store import invitations

    with common.as_operator() as (_, db):
        found = invitations.all_invitations(db)
    rows: list[dict[str, object]] = [
        {
            "id": str(one.uid),
            "made by": one.made_by,
            "role": one.role,
            "note": one.note,
            "until": one.expires_at,
            "used": one.used_at,
        }
        for one in found
    ]
    common.show(rows, args.json, "There is none. Make one: postern invitation new")


def revoke(args: argparse.Namespace) -> None:
    """postern invitation revoke"""
    from uuid import UUID

    from postern.flow import registration
    from postern.store import admin_acts

    nothing = NotFound("There is no such open invitation.", "See: postern invitation list")
    try:
        uid = UUID(args.id)
    except ValueError:
        raise nothing from None
    with common.as_operator() as (_, db):
        if registration.revoke(db, uid) is None:
            raise nothing
        admin_acts.add(db, admin_acts.OPERATOR, "revoke invitation", str(uid))
    print("Revoked.")
