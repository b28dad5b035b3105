"""postern alias …: making aliases, and looking at them. What is changed about one: cli/alias_change.py."""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict, NotFound
from postern.cli import alias_change, common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.users import User


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    from postern.store.alias_list import SORTS, STATES
    from postern.store.preferences import KINDS

    verbs = common.noun(nouns, "alias", "addresses that forward to mailboxes")
    add = common.verb(verbs, "add", "make an alias", "postern alias add jane shop@alias.example.org")
    add.add_argument("handle", help="the user")
    add.add_argument(
        "address", nargs="?", help="local part and a domain of this instance; without: a random one"
    )
    add.add_argument("--kind", choices=KINDS, help="of a random one; without: as the user has set")
    add.add_argument("--domain", metavar="NAME", help="of a random one; without: as the user has set")
    alias_change.mailbox_option(add, "forward there (again for more); without: the user's default mailbox")
    add.add_argument("--note", default="", help="what it is for")
    add.set_defaults(run=add_alias)
    listing = common.verb(
        verbs, "list", "show a user's aliases, pinned ones first", "postern alias list jane"
    )
    listing.add_argument("handle", help="the user")
    listing.add_argument("--state", choices=STATES, default="all", help="all: but the deleted ones")
    listing.add_argument("--search", metavar="WORDS", default="", help="in address and note")
    listing.add_argument("--sort", choices=SORTS, default="newest")
    common.json_flag(listing)
    listing.set_defaults(run=list_aliases)
    show = common.verb(verbs, "show", "show all about one alias", "postern alias show shop@alias.example.org")
    show.add_argument("address")
    common.json_flag(show)
    show.set_defaults(run=show_alias)
    alias_change.register(verbs)


def add_alias(args: argparse.Namespace) -> None:
    """postern alias add"""
    from postern.flow import aliases as making
    from postern.mail.address import parse_address

    if args.address is not None and (args.kind or args.domain):
        raise BadInput("A random alias has no address yet.", "Leave out the address, or --kind and --domain.")
    wanted = None if args.address is None else parse_address(args.address)
    domain_name = wanted.domain if wanted else args.domain
    with common.instance() as context:
        with common.across_users(context) as db:
            user = common.get_user(db, args.handle)
            domain_id = _domain(db, user, domain_name) if domain_name else None
            mailbox_ids = _mailboxes(context, db, user, args.mailbox)
        with common.within_quota(user.handle, "aliases"):
            if wanted and domain_id:
                local = making.check_local(wanted.local, wanted.domain)
                alias = _custom(context, user, local, domain_id, mailbox_ids, args.note)
            else:
                alias = _random(context, user, domain_id, mailbox_ids, args)
        common.write_down(context, "make alias", user.handle)
    print(f"Made {alias.address}.")


def _custom(
    context: Context, user: User, local: str, domain_id: int, mailbox_ids: list[int], note: str
) -> Alias:
    from postern.flow import aliases as making

    try:
        return making.make_custom(context, user.id, local, domain_id, mailbox_ids, note)
    except making.Taken as error:
        if error.deleted is None:
            raise
        raise Conflict(
            error.reason, "It is deleted, and can be brought back: postern alias restore ADDRESS"
        ) from None


def _random(
    context: Context, user: User, domain_id: int | None, mailbox_ids: list[int], args: argparse.Namespace
) -> Alias:
    from postern.flow import aliases as making

    try:
        return making.make_random(context, user.id, domain_id, args.kind or "", mailbox_ids, args.note)
    except NotFound as error:
        raise NotFound(error.reason, "Take one in: postern domain add NAME") from None


def _domain(db: Database, user: User, name: str) -> int:
    """The id of a domain where this user may have aliases."""
    from postern.mail.domain import to_ascii
    from postern.store import domains

    domain = domains.find(db, to_ascii(name) or name)
    if domain is None or domain.user_id not in (None, user.id):
        raise NotFound(f"{name} is no domain that {user.handle} may use.", "See: postern domain list")
    return domain.id


def _mailboxes(context: Context, db: Database, user: User, wanted: list[str]) -> list[int]:
    """Ids of the mailboxes named; of none where the default one is meant."""
    from postern.store import mailboxes

    if not wanted and mailboxes.default(db, user.id) is None:
        raise NotFound(
            f"{user.handle} has no confirmed mailbox.",
            f"Add one: postern mailbox add {user.handle} ADDRESS --verified",
        )
    return [common.get_mailbox(context, db, user, address).id for address in wanted]


def list_aliases(args: argparse.Namespace) -> None:
    """postern alias list"""
    from postern.store import alias_list

    wanted = alias_list.Wanted(words=args.search, state=args.state, sort=args.sort)
    with common.as_operator() as (_, db):
        user = common.get_user(db, args.handle)
        found = alias_list.page(db, user.id, wanted, alias_list.count(db, user.id, wanted), 0)
    common.show(
        [_row(alias) for alias in found],
        args.json,
        f"No alias like that. Make one: postern alias add {user.handle} ADDRESS",
    )


def show_alias(args: argparse.Namespace) -> None:
    """postern alias show; mailboxes by the ids of their listing."""
    from postern.store import alias_list

    with common.as_operator() as (_, db):
        alias = common.get_alias(db, args.address)
        handle = common.handle_of(db, alias.user_id)
        ids = alias_list.mailboxes_of(db, [alias.id])[alias.id]
    about: dict[str, object] = {"user": handle, "mailboxes": ids, "origin": alias.origin}
    common.show([{**_row(alias), **about}], args.json, "")


def _row(alias: Alias) -> dict[str, object]:
    return {
        "address": alias.address,
        "enabled": alias.enabled,
        "pinned": alias.pinned,
        "forwarded": alias.forwarded,
        "blocked": alias.blocked,
        "replied": alias.replied,
        "last used": alias.seen_at,
        "since": alias.created_at,
        "deleted": alias.deleted_at,
        "note": alias.note,
    }
