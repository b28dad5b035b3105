"""postern domain …: taking domains in, and looking at them. What is changed about one: cli/domain_change.py."""

from __future__ import annotations

from postern.base.errors import Conflict, NotFound
from postern.cli import common, domain_change

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "domain", "mail domains handled here")
    add = common.verb(verbs, "add", "take in a domain", "postern domain add alias.example.org")
    add.add_argument("name")
    add.add_argument(
        "--user",
        metavar="HANDLE",
        help="the one user who may have aliases on it; without: all users share it",
    )
    add.set_defaults(run=add_domain)
    offer = common.verb(
        verbs,
        "subdomains",
        "let users take subdomains of a shared domain, or no more",
        "postern domain subdomains alias.example.org on",
    )
    offer.add_argument("name")
    offer.add_argument("offered", choices=("on", "off"), help="their mail must be led here, too")
    offer.set_defaults(run=offer_subdomains)
    listing = common.verb(verbs, "list", "show the domains", "postern domain list")
    common.json_flag(listing)
    listing.set_defaults(run=list_domains)
    domain_change.register(verbs)


def add_domain(args: argparse.Namespace) -> None:
    """postern domain add"""
    from postern.base.database import UniqueViolation
    from postern.mail.address import parse_address
    from postern.store import admin_acts, domains

    name = parse_address(f"postmaster@{args.name}").domain
    try:
        with common.as_operator() as (_, db):
            domains.add(db, name, common.get_user(db, args.user).id if args.user else None)
            admin_acts.add(db, admin_acts.OPERATOR, "take in domain", args.user or name)
    except UniqueViolation:
        raise Conflict(f"{name} is here already.", "See: postern domain list") from None
    print(
        f"Took in {name}. Next: lead its mail here (docs/cloudflare.md), and postern alias add HANDLE name@{name}"
    )


def offer_subdomains(args: argparse.Namespace) -> None:
    """postern domain subdomains"""
    from postern.mail.address import parse_address
    from postern.store import admin_acts, domains

    name = parse_address(f"postmaster@{args.name}").domain
    with common.as_operator() as (_, db):
        domain = domains.find(db, name)
        if domain is None or not domains.offer_subdomains(db, domain.id, args.offered == "on"):
            raise NotFound(f"{name} is no shared domain.", "See: postern domain list")
        if domain.subdomains != (args.offered == "on"):
            admin_acts.add(db, admin_acts.OPERATOR, "offer subdomains", name, args.offered)
    print(
        f"Users may take subdomains of {name}." if args.offered == "on" else f"No more subdomains of {name}."
    )


def list_domains(args: argparse.Namespace) -> None:
    """postern domain list"""
    from postern.store import domains, users

    with common.as_operator() as (_, db):
        handles = {user.id: user.handle for user in users.all_users(db)}
        found = domains.all_domains(db)
    rows: list[dict[str, object]] = [
        {
            "name": d.name,
            "owner": handles.get(d.user_id) if d.user_id else "shared",
            "verified": d.verified_at,
            "subdomains": d.subdomains,
            "on the fly": d.on_the_fly,
            "a day": d.fly_per_day if d.on_the_fly else None,
            "since": d.created_at,
        }
        for d in found
    ]
    common.show(rows, args.json, "No domain yet. Take one in: postern domain add NAME")
