"""What `postern domain` changes about domains that are there. Taking them in, and the listing: cli/domain.py."""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict, NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.store.domains import Domain


def register(verbs: Nouns) -> None:
    """The verbs that change."""
    check = common.verb(
        verbs, "check", "look for the TXT record of a user's domain", "postern domain check jane.example"
    )
    check.set_defaults(run=check_domain)
    change = common.verb(
        verbs,
        "set",
        "let addresses of a user's domain make themselves, or no more",
        "postern domain set jane.example --on-the-fly on --per-day 20",
    )
    change.add_argument(
        "--on-the-fly", choices=("on", "off"), help="any address becomes an alias with its first mail"
    )
    change.add_argument("--per-day", type=common.whole_number, metavar="N", help="so many a day at most")
    change.set_defaults(run=set_domain)
    gone = common.verb(
        verbs, "delete", "delete a domain with all its aliases", "postern domain delete jane.example --yes"
    )
    common.yes_flag(gone, "its aliases go with it, for good")
    gone.set_defaults(run=delete_domain)
    for parser in (check, change, gone):
        parser.add_argument("name")
        parser.add_argument(
            "--user", metavar="HANDLE", help="whose, where several users say that it is theirs"
        )


def check_domain(args: argparse.Namespace) -> None:
    """postern domain check"""
    from postern.flow import own_domain

    with common.instance() as context:
        domain, handle = _own(context, args)
        if domain.verified_at is not None:
            print(f"{domain.name} was verified already.")
            return
        try:
            own_domain.check(context, domain)
        except own_domain.NotShown:
            raise
        except Conflict as error:
            raise Conflict(error.reason, "See: postern domain list") from None
        common.write_down(context, "verify domain", handle)
    print(f"{domain.name} is verified now.")


def set_domain(args: argparse.Namespace) -> None:
    """postern domain set; what is not given stays."""
    from postern.flow import own_domain

    if args.on_the_fly is None and args.per_day is None:
        raise BadInput("Nothing is given to set.", "See: postern domain set --help")
    with common.instance() as context:
        domain, handle = _own(context, args)
        on = domain.on_the_fly if args.on_the_fly is None else args.on_the_fly == "on"
        per_day = domain.fly_per_day if args.per_day is None else args.per_day
        own_domain.set_fly(context, domain, on, per_day)
        common.write_down(context, "set domain", handle)
    print(
        f"Addresses of {domain.name} make themselves, {per_day} a day at most."
        if on
        else f"Addresses of {domain.name} do not make themselves."
    )


def delete_domain(args: argparse.Namespace) -> None:
    """postern domain delete"""
    from postern.flow import own_domain, shared_domain
    from postern.store import admin_acts

    with common.instance() as context:
        with common.across_users(context) as db:
            domain = _find(db, args)
            handle = common.handle_of(db, domain.user_id) if domain.user_id else ""
            common.check_sure(args, _what_goes(db, domain))
        if handle:
            own_domain.give_back(context, domain)
            common.write_down(context, "delete domain", handle)
        else:
            shared_domain.delete(context, domain, admin_acts.OPERATOR)
    print(f"{domain.name} is deleted.")


def _what_goes(db: Database, domain: Domain) -> str:
    from postern.store import domains

    aliases, below = domains.count_aliases(db, domain.id), domains.count_subdomains(db, domain.id)
    return f"This deletes {domain.name} for good; its aliases: {aliases}, users' subdomains: {below}."


def _own(context: Context, args: argparse.Namespace) -> tuple[Domain, str]:
    """A user's own domain, and his handle."""
    with common.across_users(context) as db:
        domain = _find(db, args)
        if domain.user_id is None:
            raise NotFound(f"{domain.name} is shared, not a user's own.", "See: postern domain list")
        return domain, common.handle_of(db, domain.user_id)


def _find(db: Database, args: argparse.Namespace) -> Domain:
    """The domain of that name, verified or claimed. Several users may claim one: then it must be said whose is meant."""
    from postern.mail.address import parse_address
    from postern.store import domains

    name = parse_address(f"postmaster@{args.name}").domain
    owner = common.get_user(db, args.user).id if args.user else None
    found = [one for one in domains.all_domains(db) if one.name == name and owner in (None, one.user_id)]
    if not found:
        raise NotFound(f"There is no domain {name} like that.", "See: postern domain list")
    if len(found) > 1:
        raise Conflict(f"Several users say that {name} is theirs.", "Say whose you mean: --user HANDLE")
    return found[0]
