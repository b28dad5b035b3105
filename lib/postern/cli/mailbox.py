"""postern mailbox …"""

from __future__ import annotations

from postern.base.errors import Conflict
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.store.mailboxes import Mailbox
    from postern.store.users import User

_JANE = "jane jane@example.net"


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "mailbox", "users' real addresses")
    add = common.verb(verbs, "add", "add a mailbox to a user", f"postern mailbox add {_JANE} --verified")
    add.add_argument("handle", help="the user")
    add.add_argument("address", help="the real address")
    add.add_argument(
        "--verified", action="store_true", help="you know that the user reads it; else it is mailed a link"
    )
    add.set_defaults(run=add_mailbox)
    listing = common.verb(verbs, "list", "show a user's mailboxes", "postern mailbox list jane")
    listing.add_argument("handle", help="the user")
    common.json_flag(listing)
    listing.set_defaults(run=list_mailboxes)
    for name, text, run in (
        ("verify", "vouch for a mailbox: you know that the user reads it", verify_mailbox),
        ("default", "let new aliases forward to a mailbox", make_default),
        ("resume", "forward to a mailbox again that was paused for its bounces", resume_mailbox),
        ("delete", "delete a mailbox; its aliases go to the default one", delete_mailbox),
    ):
        yes = " --yes" if name == "delete" else ""
        act = common.verb(verbs, name, text, f"postern mailbox {name} {_JANE}{yes}")
        act.add_argument("handle", help="the user")
        act.add_argument("address", help="the real address")
        act.set_defaults(run=run)
        if yes:
            common.yes_flag(act, "nothing is forwarded to it from now on")


def add_mailbox(args: argparse.Namespace) -> None:
    """postern mailbox add; marks it verified when it was there unverified."""
    from postern.flow import mailboxes as keeping
    from postern.store import mailboxes

    with common.instance() as context:
        with common.across_users(context) as db:
            user = common.get_user(db, args.handle)
            there = mailboxes.find(db, context.ring, user.id, args.address)
        if there and args.verified and _vouch(context, user, there):
            return
        if there:
            raise Conflict(
                f"{user.handle} has that mailbox already.", f"See: postern mailbox list {user.handle}"
            )
        with common.within_quota(user.handle, "mailboxes"):
            keeping.add(context, user.id, args.address, args.verified)
        common.write_down(context, "add mailbox", user.handle)
    print(
        f"Added. Next: postern alias add {user.handle} ALIAS"
        if args.verified
        else "Added; it is not verified yet: a link was mailed to it."
    )


def _vouch(context: Context, user: User, mailbox: Mailbox) -> bool:
    """False when it was verified already."""
    from postern.store import admin_acts, mailboxes

    with common.across_users(context) as db:
        changed = mailboxes.verify(db, mailbox.id)
        if changed:
            admin_acts.add(db, admin_acts.OPERATOR, "verify mailbox", user.handle)
    if changed:
        print(f"The mailbox of {user.handle} is verified now.")
    return changed


def _find(context: Context, args: argparse.Namespace) -> tuple[User, Mailbox]:
    with common.across_users(context) as db:
        user = common.get_user(db, args.handle)
        return user, common.get_mailbox(context, db, user, args.address)


def verify_mailbox(args: argparse.Namespace) -> None:
    """postern mailbox verify"""
    with common.instance() as context:
        user, mailbox = _find(context, args)
        if not _vouch(context, user, mailbox):
            print(f"The mailbox of {user.handle} was verified already.")


def make_default(args: argparse.Namespace) -> None:
    """postern mailbox default"""
    from postern.flow import mailboxes as keeping

    with common.instance() as context:
        user, mailbox = _find(context, args)
        try:
            keeping.make_default(context, mailbox)
        except Conflict as error:
            raise Conflict(
                error.reason, f"Vouch for it: postern mailbox verify {user.handle} ADDRESS"
            ) from None
        common.write_down(context, "set default mailbox", user.handle)
    print(f"New aliases of {user.handle} forward to it.")


def resume_mailbox(args: argparse.Namespace) -> None:
    """postern mailbox resume"""
    from postern.flow import mailboxes as keeping

    with common.instance() as context:
        user, mailbox = _find(context, args)
        if mailbox.paused_at is None:
            print("It was not paused.")
            return
        released = keeping.resume(context, mailbox)
        common.write_down(context, "resume mailbox", user.handle)
    print(f"Mail is forwarded to it again. Messages that waited for it: {released}.")


def delete_mailbox(args: argparse.Namespace) -> None:
    """postern mailbox delete"""
    from postern.flow import mailboxes as keeping

    with common.instance() as context:
        user, mailbox = _find(context, args)
        common.check_sure(args, f"This takes a mailbox away from {user.handle}.")
        try:
            moved = keeping.delete(context, mailbox)
        except Conflict:
            raise Conflict(
                f"It is the only mailbox that {user.handle} can sign in with.",
                f"Add another one first: postern mailbox add {user.handle} ADDRESS --verified",
            ) from None
        common.write_down(context, "delete mailbox", user.handle)
    print(f"Deleted. Aliases that forward to the default mailbox instead: {moved}.")


def list_mailboxes(args: argparse.Namespace) -> None:
    """postern mailbox list"""
    from postern.store import mailboxes

    with common.as_operator() as (context, db):
        user = common.get_user(db, args.handle)
        found = mailboxes.of_user(db, user.id)
        uses = mailboxes.uses(db, user.id)
    rows: list[dict[str, object]] = [
        {
            "id": m.id,
            "address": m.address(context.ring),
            "verified": m.verified_at,
            "default": m.is_default,
            "paused": m.paused_at,
            "aliases": uses[m.id].aliases,
            "bounces": uses[m.id].bounces,
        }
        for m in found
    ]
    common.show(
        rows, args.json, f"No mailbox yet. Add one: postern mailbox add {user.handle} ADDRESS --verified"
    )
