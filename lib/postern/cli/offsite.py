"""postern offsite …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "offsite", "copies of backups off this host")
    listing = common.verb(verbs, "list", "show the copies that are there", "postern offsite list")
    common.json_flag(listing)
    listing.set_defaults(run=list_copies)
    send = common.verb(
        verbs,
        "send",
        "copy the newest backup there now, and delete there what is past",
        "postern offsite send",
    )
    send.set_defaults(run=send_copy)
    fetch = common.verb(
        verbs,
        "fetch",
        "bring a copy back into home/backups, and read it to its end",
        "postern offsite fetch postern-20260131T120000Z-4.backup",
    )
    fetch.add_argument("name", metavar="NAME")
    fetch.set_defaults(run=fetch_copy)


def list_copies(args: argparse.Namespace) -> None:
    """postern offsite list"""
    from postern.ops.backups.retention import made_at
    from postern.ops.offsite import copies

    with common.instance() as context:
        names = copies.configured(context).names()
    rows: list[dict[str, object]] = [{"name": name, "made": made_at(name)} for name in names]
    common.show(rows, args.json, "There are no copies.")


def send_copy(args: argparse.Namespace) -> None:
    """postern offsite send"""
    from postern.ops.offsite import copies

    with common.instance() as context:
        print(f"Copied: {copies.send_newest(context, copies.configured(context))}")


def fetch_copy(args: argparse.Namespace) -> None:
    """postern offsite fetch"""
    from postern.ops.offsite import copies

    with common.instance() as context:
        print(copies.fetch(context, copies.configured(context), args.name))
