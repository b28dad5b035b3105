"""postern keys …"""

from __future__ import annotations

import sys

from postern.base.errors import BadInput, Busy, Conflict
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.flow.context import Context


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "keys", "keys and secrets")
    new = common.verb(
        verbs, "new", "print fresh keys and secrets as lines for .env", "postern keys new >> ~/.postern/.env"
    )
    new.set_defaults(run=new_keys)
    listing = common.verb(verbs, "list", "show what is under which key", "postern keys list")
    common.json_flag(listing)
    listing.set_defaults(run=list_keys)
    rotate = common.verb(
        verbs,
        "rotate",
        "seal everything anew under a fresh key, while mail flows; goes on where it was stopped",
        "postern keys rotate",
    )
    which = rotate.add_mutually_exclusive_group()
    which.add_argument("--to", metavar="ID", help="under this key of the ring, instead of a fresh one")
    which.add_argument(
        "--prepare", action="store_true", help="only add a fresh key that opens, to copy to other homes first"
    )
    which.add_argument(
        "--webhook", action="store_true", help="a fresh webhook secret instead; the older ones count on"
    )
    rotate.set_defaults(run=rotate_keys)
    retire = common.verb(
        verbs,
        "retire",
        "take a key out of the ring that nothing is under any more",
        "postern keys retire 1f0c6a2b --yes",
    )
    retire.add_argument("id", metavar="ID", nargs="?", help="the key, as `postern keys list` shows it")
    retire.add_argument(
        "--webhook",
        action="store_true",
        help="all webhook secrets but the newest, which the Worker must have",
    )
    common.yes_flag(retire, "what only this opens stays shut")
    retire.set_defaults(run=retire_key)
    _register_copies(verbs)


def _register_copies(verbs: Nouns) -> None:
    sheet = common.verb(
        verbs,
        "sheet",
        "the recovery sheet: all keys, to print and to keep away from the host",
        "postern keys sheet --to sheet.txt",
    )
    sheet.add_argument(
        "--to", metavar="FILE", help="write it into this new file (mode 600), not to the terminal"
    )
    sheet.set_defaults(run=print_sheet)
    compare = common.verb(
        verbs,
        "compare",
        "whether a copy (a sheet that was typed in, an .env) holds every key; shows none",
        "postern keys compare sheet.txt",
    )
    compare.add_argument("file", metavar="FILE")
    common.json_flag(compare)
    compare.set_defaults(run=compare_copy)


def new_keys(args: argparse.Namespace) -> None:
    """postern keys new"""
    from postern.ops.keys import fresh

    for name, value in fresh().items():
        print(f"{name}={value}")


def list_keys(args: argparse.Namespace) -> None:
    """postern keys list"""
    from postern.ops.rotation import census

    with common.instance() as context:
        found = census.take(context)
        ours = context.ring.ids
    rows: list[dict[str, object]] = [
        {
            "id": key_id or "?",
            "state": "seals" if key_id == ours[0] else "opens" if key_id in ours else "MISSING",
            "rows": found.rows.get(key_id, 0),
            "spool": found.files.get(key_id, 0),
            "backups": len(found.backups.get(key_id, [])),
        }
        for key_id in [*ours, *(one for one in found.keys_seen() if one not in ours)]
    ]
    common.show(rows, args.json, "There is no key.")


def rotate_keys(args: argparse.Namespace) -> None:
    """postern keys rotate"""
    from postern.ops.rotation import ring_file

    with common.instance() as context, ring_file.lock(context) as lock:
        if not lock.acquire():
            raise Busy("Keys are being rotated already.", "Wait for it, or stop it and run this again.")
        if args.webhook:
            _new_webhook_secret(context)
            return
        if args.prepare:
            made = ring_file.put_behind(context)
            print(f"Key {made} was added. It opens, and seals nothing yet.")
            print("Copy POSTERN_SEAL_KEYS into home/.env of every other home of this database.")
            print(f"Then run: postern keys rotate --to {made}")
            return
        _choose(context, args.to or "")
        _reseal()


def _new_webhook_secret(context: Context) -> None:
    from postern.ops.rotation import ring_file

    print(ring_file.new_secret(context))
    print(
        "This secret and the older ones count now. Give it to the Worker: wrangler secret put WEBHOOK_SECRET"
    )
    print("When mail comes in with it: postern keys retire --webhook --yes")


def _choose(context: Context, key_id: str) -> None:
    """The key that seals from now on. What was begun goes on."""
    from postern.ops.rotation import census, ring_file

    newest = context.ring.ids[0]
    rows = census.take(context).rows
    if (not key_id and any(one != newest for one in rows)) or key_id == newest:
        print(f"Going on: everything under key {newest}.")
        return
    made = ring_file.put_in_front(context, key_id)
    print(f"Key {made} seals from now on; the older ones open.")
    print("Without it nothing opens that is sealed from now on. Print a new sheet: postern keys sheet")


def _reseal() -> None:
    """With the ring as it is now."""
    from postern.ops.rotation import census, reseal

    with common.instance() as context:
        tally = reseal.everything(context, _tell)
        left = {key_id: n for key_id, n in census.take(context).rows.items() if key_id != context.ring.ids[0]}
    print(f"Sealed anew: {tally.values:,} values, the mail of {tally.streams:,} messages.")
    if tally.broken:
        print(f"{tally.broken:,} do not open and stay as they are; the log says which and why.")
    if left:
        print(
            f"Under older keys as yet: {sum(left.values()):,}. Run it again in a while: postern keys rotate"
        )
    else:
        print("Nothing is under an older key any more. In a quarter of an hour: postern keys retire ID")


def _tell(done: int) -> None:
    """Somebody is watching."""
    if sys.stderr.isatty():
        print(f"\r{done:,} ", end="", file=sys.stderr, flush=True)


def retire_key(args: argparse.Namespace) -> None:
    """postern keys retire"""
    from postern.ops.rotation import census, ring_file

    if bool(args.id) == args.webhook:
        raise BadInput("Name a key, or give --webhook.", "See: postern keys list")
    with common.instance() as context, ring_file.lock(context) as lock:
        if not lock.acquire():
            raise Busy("Keys are being rotated now.", "Wait for it.")
        if args.webhook:
            common.check_sure(args, "Mail that the Worker signs with an older secret will be refused.")
            print(f"Older webhook secrets taken out: {ring_file.drop_old_secrets(context)}.")
            return
        found = census.take(context)
        needing = found.backups.get(args.id, [])
        common.check_sure(
            args,
            f"What only key {args.id} opens stays shut for good: {len(needing)} backups in the home, and all others of its "
            "time. Keep a sheet that has it as long as one of them.",
        )
        ring_file.take_out(context, args.id, found)
    print(f"Key {args.id} is no longer in the ring.")


def print_sheet(args: argparse.Namespace) -> None:
    """postern keys sheet"""
    from postern.ops.rotation import sheet

    with common.instance() as context:
        if args.to:
            sheet.write(context.config, args.to)
            print(f"{args.to} holds all keys. Print it or take it away from this host, and delete it here.")
            return
        if not sys.stdout.isatty():
            raise BadInput(
                "This is no terminal: the keys would end up in a log or a mail.",
                "Write them to a file: postern keys sheet --to FILE",
            )
        print(sheet.text(context.config), end="")


def compare_copy(args: argparse.Namespace) -> None:
    """postern keys compare"""
    from dataclasses import asdict

    from postern.ops.rotation import sheet

    with common.instance() as context:
        found = sheet.compare(context.config, args.file)
    common.show([asdict(one) for one in found], args.json, "There is no key.")
    lacking = [one.name for one in found if one.found != "same"]
    if lacking:
        raise Conflict(
            f"The copy lacks: {', '.join(lacking)}.", "Write a new one: postern keys sheet --to FILE"
        )
