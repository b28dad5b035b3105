"""postern dkim …: Postern's own signatures on what it sends."""

from __future__ import annotations

from postern.base.errors import NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.ops.own_dkim import OwnKey


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "dkim", "Postern's own DKIM keys, for relays that do not sign (docs/dkim.md)")
    new = common.verb(
        verbs,
        "new",
        "make keys for a domain, and print the records to add; they sign once these were seen",
        "postern dkim new alias.example.org",
    )
    new.add_argument("domain")
    new.add_argument("--kind", choices=("rsa", "ed25519"), help="this one alone; without: both")
    new.add_argument(
        "--selector",
        metavar="NAME",
        default="",
        help="in the place of postern- and the date; the kind is put behind it",
    )
    new.set_defaults(run=new_keys)
    listing = common.verb(verbs, "list", "show the keys, and which of them sign", "postern dkim list")
    common.json_flag(listing)
    listing.set_defaults(run=list_keys)
    record = common.verb(
        verbs, "record", "print the DNS records of a domain's keys", "postern dkim record alias.example.org"
    )
    record.add_argument("domain")
    common.json_flag(record)
    record.set_defaults(run=print_records)
    check = common.verb(
        verbs,
        "check",
        "look whether the records are published: keys whose record is right sign from then on, the others do not; "
        "exit code 1 when one is wrong",
        "postern dkim check alias.example.org",
    )
    check.add_argument("domain", nargs="?", help="without: all domains that have keys")
    check.add_argument(
        "--unseen", action="store_true", help="ask no DNS: let all of them sign, for I know better"
    )
    common.json_flag(check)
    check.set_defaults(run=check_records)
    remove = common.verb(
        verbs,
        "remove",
        "take a key out; its record may go a week later",
        "postern dkim remove alias.example.org postern-20260102-rsa --yes",
    )
    remove.add_argument("domain")
    remove.add_argument("selector")
    common.yes_flag(remove, "it signs no more")
    remove.set_defaults(run=remove_key)


def new_keys(args: argparse.Namespace) -> None:
    """postern dkim new"""
    from postern.mail.signing_key import KINDS
    from postern.ops import own_dkim

    domain = _name(args.domain)
    with common.instance() as context:
        with common.across_users(context) as db:
            _check_domain(db, domain, context.config.notices_from)
        made = own_dkim.make(context.config.home, domain, [args.kind] if args.kind else KINDS, args.selector)
    print(f"Made {len(made)} keys. Add these records to the DNS of {domain}:\n")
    _print_lines(made)
    print(f"\nThen: postern dkim check {domain}")


def _check_domain(db: Database, domain: str, notices_from: str) -> None:
    from postern.store import domains

    if domains.find(db, domain) is None and notices_from.rpartition("@")[2] != domain:
        raise NotFound(f"No mail leaves from {domain} here.", "See: postern domain list")


def list_keys(args: argparse.Namespace) -> None:
    """postern dkim list"""
    from datetime import datetime, timezone

    from postern.base import home
    from postern.ops import own_dkim

    rows: list[dict[str, object]] = [
        {
            "domain": one.key.domain,
            "selector": one.key.selector,
            "kind": one.key.kind,
            "state": one.state,
            "made": datetime.fromtimestamp(one.made, timezone.utc),
        }
        for one in own_dkim.keys(home.find())
    ]
    common.show(rows, args.json, "There is none: the relay signs. Make one: postern dkim new DOMAIN")


def print_records(args: argparse.Namespace) -> None:
    """postern dkim record"""
    from postern.base import home
    from postern.mail import dkim_record
    from postern.ops import own_dkim

    found = own_dkim.of_domain(home.find(), _name(args.domain))
    if not args.json:
        _print_lines(found)
        return
    rows: list[dict[str, object]] = [
        {
            "name": dkim_record.name(one.key),
            "type": "TXT",
            "text": dkim_record.text(one.key),
            "state": one.state,
        }
        for one in found
    ]
    common.show(rows, True, "")


def _print_lines(keys: list[OwnKey]) -> None:
    from postern.mail import dkim_record

    for one in keys:
        print(dkim_record.line(one.key))
    print(
        "\nA panel that has one field for the text takes it without quotes, and without the blank between two strings."
    )


def check_records(args: argparse.Namespace) -> int:
    """postern dkim check"""
    from postern.dns.doh import Resolver
    from postern.ops import own_dkim

    config = common.settings()
    found = own_dkim.of_domain(config.home, _name(args.domain)) if args.domain else own_dkim.keys(config.home)
    seen = [(one, "") for one in found]
    if not args.unseen:
        seen = own_dkim.faults(Resolver(config.doh_url, own_dkim.DNS_SECONDS), found)
    own_dkim.use(
        config.home, [one for one, fault in seen if not fault], [one for one, fault in seen if fault]
    )
    now = {(one.key.domain, one.key.selector): one.state for one in own_dkim.keys(config.home)}
    rows: list[dict[str, object]] = [
        {
            "domain": one.key.domain,
            "selector": one.key.selector,
            "state": now.get((one.key.domain, one.key.selector), "removed"),
            "record": fault or ("not asked for" if args.unseen else "as it should be"),
        }
        for one, fault in seen
    ]
    common.show(rows, args.json, "There is no key. Make one: postern dkim new DOMAIN")
    # Who replaced a key may have deleted its record by now.
    wrong = [one for one, fault in seen if fault and not one.replaced]
    if wrong and not args.json:
        print("\nThese records are wanted:\n")
        _print_lines(wrong)
    return int(bool(wrong))


def remove_key(args: argparse.Namespace) -> None:
    """postern dkim remove"""
    from postern.base import home
    from postern.ops import own_dkim

    domain = _name(args.domain)
    common.check_sure(args, f"{args.selector} will sign no more mail of {domain}.")
    own_dkim.remove(home.find(), domain, args.selector)
    print(
        f"Removed. Let {args.selector}._domainkey.{domain} stand for a week, for mail that is on its way; then delete it."
    )


def _name(domain: str) -> str:
    from postern.mail.address import parse_address

    return parse_address(f"postmaster@{domain}").domain
