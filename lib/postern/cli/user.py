"""postern user …"""

from __future__ import annotations

from postern.base.errors import Conflict
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "user", "people with an account")
    add = common.verb(verbs, "add", "make a user", "postern user add jane")
    add.add_argument("handle", help="what you call the user on the command line: a-z, 0-9, . _ -")
    add.add_argument("--address", help="the real address, proven by your word")
    add.add_argument("--admin", action="store_true", help="make an admin")
    add.set_defaults(run=add_user)
    listing = common.verb(verbs, "list", "show the users", "postern user list")
    common.json_flag(listing)
    listing.set_defaults(run=list_users)
    link = common.verb(verbs, "link", "make a link that signs a user in once", "postern user link jane")
    link.add_argument("handle")
    link.set_defaults(run=make_link)
    role = common.verb(verbs, "role", "make a user an admin, or not", "postern user role jane admin")
    role.add_argument("handle")
    role.add_argument("role", choices=("user", "admin"))
    role.set_defaults(run=set_role)
    out = common.verb(verbs, "sign-out", "sign a user out everywhere", "postern user sign-out jane")
    out.add_argument("handle")
    out.set_defaults(run=sign_out)
    keys = common.verb(
        verbs, "passkeys", "show a user's passkeys, oldest first", "postern user passkeys jane"
    )
    keys.add_argument("handle")
    common.json_flag(keys)
    keys.set_defaults(run=list_passkeys)
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
    from postern.flow.registration import check_handle
    from postern.mail.address import parse_address
    from postern.store import admin_acts, mailboxes, users

    handle = check_handle(args.handle)
    address = str(parse_address(args.address)) if args.address else ""
    try:
        with common.as_operator() as (context, db):
            user = users.add(db, handle, users.ADMIN if args.admin else users.USER)
            if address:
                mailboxes.add(db, context.ring, user.id, address, verified=True)
            admin_acts.add(db, admin_acts.OPERATOR, "add user", user.handle, user.role)
    except UniqueViolation:
        raise Conflict(f"There is a user {args.handle!r} already.", "See: postern user list") from None
    following = f"user link {user.handle}" if address else f"mailbox add {user.handle} ADDRESS --verified"
    print(f"Made the user {user.handle}. Next: postern {following}")


def list_users(args: argparse.Namespace) -> None:
    """postern user list"""
    from postern.store import users

    with common.as_operator() as (_, db):
        found = users.all_users(db)
    rows: list[dict[str, object]] = [
        {
            "handle": u.handle,
            "role": u.role,
            "since": u.created_at,
            "confirmed": u.confirmed_at,
            "disabled": u.disabled_at,
        }
        for u in found
    ]
    common.show(rows, args.json, "There is no user yet. Make one: postern user add HANDLE")


def make_link(args: argparse.Namespace) -> None:
    """postern user link"""
    from postern.flow import sign_in
    from postern.store import admin_acts

    with common.as_operator() as (context, db):
        user = common.get_user(db, args.handle)
        link = sign_in.make_link(context, db, user)
        admin_acts.add(db, admin_acts.OPERATOR, "make sign-in link", user.handle)
    print(link)
    print(
        f"It signs {args.handle} in once, within {sign_in.LINK_HOURS} hours, and is not shown again. "
        f"Older links of {args.handle} are void."
    )


def set_role(args: argparse.Namespace) -> None:
    """postern user role"""
    from postern.store import admin_acts, users

    with common.as_operator() as (_, db):
        user = common.get_user(db, args.handle)
        changed = users.set_role(db, user.id, args.role)
        if changed:
            admin_acts.add(db, admin_acts.OPERATOR, "set role", user.handle, args.role)
    print(f"{user.handle} is {args.role} {'now' if changed else 'already'}.")


def sign_out(args: argparse.Namespace) -> None:
    """postern user sign-out"""
    from postern.store import admin_acts, sessions

    with common.as_operator() as (_, db):
        user = common.get_user(db, args.handle)
        many = sessions.end_all(db, user.id)
        admin_acts.add(db, admin_acts.OPERATOR, "sign out user", user.handle)
    print(f"Browsers signed out: {many}.")


def list_passkeys(args: argparse.Namespace) -> None:
    """postern user passkeys"""
    from postern.store import passkeys

    with common.as_operator() as (context, db):
        user = common.get_user(db, args.handle)
        found = passkeys.of_user(db, user.id)
    rows: list[dict[str, object]] = [
        {
            "name": one.name(context.ring),
            "since": one.created_at,
            "last used": one.used_at,
            "synced": one.backed_up,
        }
        for one in found
    ]
    common.show(rows, args.json, f"There is none. {user.handle} can add one under Settings, Sign-in.")


def list_events(args: argparse.Namespace) -> None:
    """postern user events"""
    from postern.store import events

    with common.as_operator() as (context, db):
        found = events.of_user(db, common.get_user(db, args.handle).id, args.last)
    rows: list[dict[str, object]] = [
        {
            "at": e.at,
            "kind": e.kind,
            "message": e.message_id,
            "delivery": e.delivery_id,
            "note": " ".join(f"{key}={value}" for key, value in e.note(context.ring).items()),
        }
        for e in found
    ]
    common.show(rows, args.json, "Nothing happened yet.")
