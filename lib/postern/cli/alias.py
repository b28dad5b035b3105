"""postern alias …"""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict, NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.store.users import User


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "alias", "addresses that forward to mailboxes")
    add = common.verb(verbs, "add", "make an alias", "postern alias add jane shop@alias.example.org")
    add.add_argument("handle", help="the user")
    add.add_argument("address", help="local part and a domain of this instance")
    add.add_argument(
        "--to",
        metavar="MAILBOX",
        action="append",
        help="forward there (again for more); without: the first mailbox",
    )
    add.set_defaults(run=add_alias)
    listing = common.verb(verbs, "list", "show a user's aliases", "postern alias list jane")
    listing.add_argument("handle", help="the user")
    common.json_flag(listing)
    listing.set_defaults(run=list_aliases)
    for name, text in (("enable", "let an alias take mail again"), ("disable", "let an alias refuse mail")):
        switch = common.verb(verbs, name, text, f"postern alias {name} shop@alias.example.org")
        switch.add_argument("address")
        switch.set_defaults(run=switch_alias, enabled=name == "enable")


def add_alias(args: argparse.Namespace) -> None:
    """postern alias add"""
    from postern.base.database import UniqueViolation
    from postern.mail.address import is_reserved, parse_address
    from postern.store import aliases, domains

    address = parse_address(args.address)
    if is_reserved(address.local.lower()):
        raise BadInput(f"{address.local} is reserved.", "Choose another name before the @.")
    try:
        with common.as_operator() as (context, db):
            user = common.get_user(db, args.handle)
            domain = domains.find(db, address.domain)
            if domain is None or domain.user_id not in (None, user.id):
                raise NotFound(
                    f"{address.domain} is no domain that {user.handle} may use.", "See: postern domain list"
                )
            alias = aliases.add(db, user.id, domain.id, address.local.lower())
            for mailbox_id in _mailboxes(context, db, user, args.to):
                aliases.forward_to(db, alias, mailbox_id)
    except UniqueViolation:
        raise Conflict(f"{args.address} is taken.", "Choose another name before the @.") from None
    print(f"Made {alias.address}.")


def _mailboxes(context: Context, db: Database, user: User, wanted: list[str] | None) -> list[int]:
    """Ids of the mailboxes named, or of the user's first."""
    from postern.store import mailboxes

    if not wanted:
        first = mailboxes.of_user(db, user.id)[:1]
        if not first:
            raise NotFound(
                f"{user.handle} has no mailbox.",
                f"Add one: postern mailbox add {user.handle} ADDRESS --verified",
            )
        return [first[0].id]
    found = []
    for address in wanted:
        mailbox = mailboxes.find(db, context.ring, user.id, address)
        if mailbox is None:
            raise NotFound(f"{user.handle} has no such mailbox.", f"See: postern mailbox list {user.handle}")
        found.append(mailbox.id)
    return found


def list_aliases(args: argparse.Namespace) -> None:
    """postern alias list"""
    from postern.store import aliases

    with common.as_operator() as (_, db):
        found = aliases.of_user(db, common.get_user(db, args.handle).id)
    rows: list[dict[str, object]] = [
        {"address": a.address, "enabled": "yes" if a.enabled else "no", "since": common.moment(a.created_at)}
        for a in found
    ]
    common.show(rows, args.json, f"No alias yet. Make one: postern alias add {args.handle} ADDRESS")


def switch_alias(args: argparse.Namespace) -> None:
    """postern alias enable, postern alias disable"""
    from postern.store import aliases

    with common.as_operator() as (_, db):
        alias = common.get_alias(db, args.address)
        changed = aliases.enable(db, alias.id, args.enabled)
    word = "enabled" if args.enabled else "disabled"
    print(f"{alias.address} is {word} now." if changed else f"{alias.address} was {word} already.")
