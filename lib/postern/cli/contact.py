"""postern contact …: who writes to an alias, or is written to from it, and the reverse address of each."""

from __future__ import annotations

from postern.base.errors import NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.contacts import Contact

_ALIAS, _BOB = "shop@alias.example.org", "bob@shop.example"


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "contact", "who writes to an alias, and may be written to from it")
    listing = common.verb(
        verbs, "list", "show an alias's contacts, the last heard of first", f"postern contact list {_ALIAS}"
    )
    listing.add_argument("alias")
    listing.add_argument("--most", type=common.whole_number, default=100, metavar="N")
    listing.add_argument(
        "--addresses", action="store_true", help="open their sealed addresses and names, too"
    )
    common.json_flag(listing)
    listing.set_defaults(run=list_contacts)
    add = common.verb(
        verbs,
        "add",
        "make the reverse address of somebody to write to",
        f"postern contact add {_ALIAS} {_BOB}",
    )
    add.add_argument("alias")
    add.add_argument("address", help="whom to write to")
    add.set_defaults(run=add_contact)
    for name, text in (
        ("block", "refuse a contact's mail to the alias"),
        ("unblock", "take a contact's mail again"),
        ("forget", "delete a contact; its reverse address leads nowhere then"),
    ):
        yes = " --yes" if name == "forget" else ""
        act = common.verb(verbs, name, text, f"postern contact {name} {_ALIAS} {_BOB}{yes}")
        act.add_argument("alias")
        act.add_argument("contact", help="its address, or the reverse address of the listing")
        act.set_defaults(run=forget if yes else block, blocked=name == "block")
        if yes:
            common.yes_flag(act, "a block goes with it, and so does mail on its way to it")


def list_contacts(args: argparse.Namespace) -> None:
    """postern contact list"""
    from postern.store import contacts

    with common.as_operator() as (context, db):
        alias = common.get_alias(db, args.alias)
        found = contacts.of_alias(db, alias.id, args.most)
    rows = [_row(context, alias, contact, args.addresses) for contact in found]
    common.show(rows, args.json, f"No contact yet. Make one: postern contact add {alias.address} ADDRESS")


def _row(context: Context, alias: Alias, contact: Contact, opened: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "reverse address": f"{contact.reverse_local}@{alias.domain}",
        "blocked": contact.blocked_at,
        "received": contact.received,
        "sent": contact.sent,
        "last heard of": contact.seen_at,
    }
    if opened:
        row.update(address=contact.address(context.ring), name=contact.name(context.ring))
    return row


def add_contact(args: argparse.Namespace) -> None:
    """postern contact add"""
    from postern.flow import contacts as making

    with common.instance() as context:
        with common.across_users(context) as db:
            alias = common.get_alias(db, args.alias)
            handle = common.handle_of(db, alias.user_id)
        contact = making.make(context, alias, args.address)
        common.write_down(context, "make contact", handle)
    print(f"{contact.reverse_local}@{alias.domain}")
    print(f"Mail to it from a mailbox of {handle} leaves as {alias.address}.")


def block(args: argparse.Namespace) -> None:
    """postern contact block, postern contact unblock"""
    from postern.store import admin_acts, contacts

    with common.as_operator() as (context, db):
        alias = common.get_alias(db, args.alias)
        contact = _find(context, db, alias, args.contact)
        changed = contacts.block(db, contact.id, args.blocked)
        act = "block contact" if args.blocked else "unblock contact"
        if changed:
            admin_acts.add(db, admin_acts.OPERATOR, act, common.handle_of(db, alias.user_id))
    word = "blocked" if args.blocked else "not blocked"
    print(f"The contact is {word} now." if changed else f"The contact was {word} already.")


def forget(args: argparse.Namespace) -> None:
    """postern contact forget"""
    from postern.store import admin_acts, contacts

    common.check_sure(args, "Its reverse address leads nowhere then, and a block of it ends.")
    with common.as_operator() as (context, db):
        alias = common.get_alias(db, args.alias)
        contacts.forget(db, _find(context, db, alias, args.contact).id)
        admin_acts.add(db, admin_acts.OPERATOR, "forget contact", common.handle_of(db, alias.user_id))
    print("Forgotten. Who writes again is a new contact.")


def _find(context: Context, db: Database, alias: Alias, text: str) -> Contact:
    """The contact of this alias that has, or is stood for by, this address."""
    from postern.mail.address import is_reverse, parse_address
    from postern.store import contacts

    address = parse_address(text)
    if is_reverse(address.local) and address.domain == alias.domain:
        contact = contacts.by_reverse(db, address.local.lower(), address.domain)
    else:
        contact = contacts.with_address(db, context.ring, alias.id, str(address))
    if contact is None or contact.alias_id != alias.id:
        raise NotFound(
            f"{alias.address} has no such contact.", f"See: postern contact list {alias.address} --addresses"
        )
    return contact
