"""What `postern alias` changes about aliases that are there. Making them, and the listings: cli/alias.py."""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from uuid import UUID

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.store.aliases import Alias

_ACTS = (
    ("on", "let aliases take mail again"),
    ("off", "let aliases refuse mail"),
    ("pin", "put aliases first in the listings"),
    ("unpin", "put aliases first no more"),
    ("delete", "delete aliases; for 30 days they can be brought back"),
    ("restore", "bring deleted aliases back"),
)


def register(verbs: Nouns) -> None:
    """The verbs that change."""
    for name, text in _ACTS:
        example = f"postern alias {name} shop@alias.example.org" + (" --yes" if name == "delete" else "")
        act = common.verb(verbs, name, text, example)
        act.add_argument("address", nargs="+")
        if name == "delete":
            common.yes_flag(act, "they take no mail from now on")
        act.set_defaults(run=change, act=name)
    note = common.verb(
        verbs, "note", "say what an alias is for", "postern alias note shop@alias.example.org groceries"
    )
    note.add_argument("address")
    note.add_argument("note", help="instead of the one before; empty: none")
    note.set_defaults(run=set_note)
    forward = common.verb(
        verbs,
        "forward",
        "let an alias forward to these mailboxes and no other",
        "postern alias forward shop@alias.example.org --mailbox jane@example.net",
    )
    forward.add_argument("address")
    mailbox_option(forward, "of its user (again for more)")
    forward.set_defaults(run=forward_to)


def mailbox_option(parser: argparse.ArgumentParser, text: str) -> None:
    """Mailboxes are named by their addresses, one an option."""
    parser.add_argument("--mailbox", metavar="ADDRESS", action="append", default=[], help=text)


def change(args: argparse.Namespace) -> None:
    """postern alias on, off, pin, unpin, delete, restore: all of them or none."""
    if args.act == "delete":
        common.check_sure(args, "They take no mail once they are deleted.")
    done = []
    with common.as_operator() as (_, db):
        for alias in [common.get_alias(db, address) for address in args.address]:
            if alias.deleted_at is not None and args.act not in ("delete", "restore"):
                raise Conflict(
                    f"{alias.address} is deleted.", "Bring it back first: postern alias restore ADDRESS"
                )
            changed = _act(db, args.act, alias.uid)
            if args.act == "restore" and alias.deleted_at is not None and not changed:
                raise Conflict(
                    f"{alias.address} was deleted more than 30 days ago.",
                    "Make another one: postern alias add",
                )
            if changed:
                _write_down(db, alias, f"alias {args.act}")
            done.append((alias, changed))
    for alias, changed in done:
        print(f"{alias.address}: {_DONE[args.act] if changed else 'nothing to do'}.")


_DONE = {
    "on": "on",
    "off": "off",
    "pin": "pinned",
    "unpin": "pinned no more",
    "delete": "deleted; for 30 days it can be brought back",
    "restore": "brought back",
}


def _act(db: Database, act: str, uid: UUID) -> bool:
    """Whether anything changed."""
    from postern.store import alias_list

    if act in ("on", "off"):
        return alias_list.enable(db, [uid], act == "on") == 1
    if act in ("pin", "unpin"):
        return alias_list.pin(db, [uid], act == "pin") == 1
    return (alias_list.delete if act == "delete" else alias_list.restore)(db, [uid]) == 1


def set_note(args: argparse.Namespace) -> None:
    """postern alias note"""
    from postern.flow.aliases import check_note
    from postern.store import aliases

    note = check_note(args.note.strip())
    with common.as_operator() as (context, db):
        alias = common.get_alias(db, args.address)
        aliases.describe(db, context.ring, alias, note, alias.name(context.ring))
        _write_down(db, alias, "alias note")
    print(f"{alias.address}: {'noted' if note else 'its note is gone'}.")


def forward_to(args: argparse.Namespace) -> None:
    """postern alias forward"""
    from postern.store import aliases

    if not args.mailbox:
        raise BadInput("No mailbox is named.", "Give --mailbox ADDRESS once at least, or: postern alias off")
    with common.as_operator() as (context, db):
        alias = common.get_alias(db, args.address)
        user = common.get_user(db, common.handle_of(db, alias.user_id))
        chosen = [common.get_mailbox(context, db, user, address) for address in args.mailbox]
        aliases.forward_only_to(db, alias, [mailbox.id for mailbox in chosen])
        _write_down(db, alias, "alias forward")
    many = len({mailbox.id for mailbox in chosen})
    print(f"{alias.address}: forwards to {'one mailbox' if many == 1 else f'{many} mailboxes'} now.")


def _write_down(db: Database, alias: Alias, act: str) -> None:
    """Under its user: the line outlives the alias, so it does not name it."""
    from postern.store import admin_acts

    admin_acts.add(db, admin_acts.OPERATOR, act, common.handle_of(db, alias.user_id))
