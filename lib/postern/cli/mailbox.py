"""postern mailbox …"""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "mailbox", "users' real addresses")
    add = common.verb(
        verbs, "add", "add a mailbox to a user", "postern mailbox add jane jane@example.net --verified"
    )
    add.add_argument("handle", help="the user")
    add.add_argument("address", help="the real address")
    add.add_argument(
        "--verified", action="store_true", help="you know that the user reads it; else nothing is forwarded"
    )
    add.set_defaults(run=add_mailbox)
    listing = common.verb(verbs, "list", "show a user's mailboxes", "postern mailbox list jane")
    listing.add_argument("handle", help="the user")
    common.json_flag(listing)
    listing.set_defaults(run=list_mailboxes)


def add_mailbox(args: argparse.Namespace) -> None:
    """postern mailbox add; marks it verified when it was there unverified."""
    from postern.base.database import UniqueViolation
    from postern.mail.address import parse_address
    from postern.store import domains, mailboxes

    address = parse_address(args.address)
    try:
        with common.as_operator() as (context, db):
            user = common.get_user(db, args.handle)
            if domains.find(db, address.domain):
                raise BadInput(
                    f"{address.domain} is a domain of this instance.",
                    "A mailbox is a real address elsewhere: mail would loop.",
                )
            there = mailboxes.find(db, context.ring, user.id, str(address))
            if there and args.verified and mailboxes.verify(db, there.id):
                print(f"The mailbox of {user.handle} is verified now.")
                return
            mailboxes.add(db, context.ring, user.id, str(address), args.verified)
    except UniqueViolation:
        raise Conflict(
            f"{args.handle} has that mailbox already.", f"See: postern mailbox list {args.handle}"
        ) from None
    print(
        f"Added. Next: postern alias add {args.handle} ALIAS"
        if args.verified
        else "Added; it is not verified yet."
    )


def list_mailboxes(args: argparse.Namespace) -> None:
    """postern mailbox list"""
    from postern.store import mailboxes

    with common.as_operator() as (context, db):
        found = mailboxes.of_user(db, common.get_user(db, args.handle).id)
    rows: list[dict[str, object]] = [
        {"id": m.id, "address": m.address(context.ring), "verified": common.moment(m.verified_at)}
        for m in found
    ]
    common.show(
        rows, args.json, f"No mailbox yet. Add one: postern mailbox add {args.handle} ADDRESS --verified"
    )
