"""postern account …: shutting, opening, exporting and deleting somebody's account."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.store.domains import Domain


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    from postern.flow.export import TABLES

    verbs = common.noun(nouns, "account", "shut, open, export or delete a user's account")
    shut = common.verb(
        verbs, "disable", "sign a user out everywhere, and refuse mail", "postern account disable jane"
    )
    shut.add_argument("handle", help="the user")
    shut.set_defaults(run=switch, disabled=True)
    opened = common.verb(verbs, "enable", "let a user in again", "postern account enable jane")
    opened.add_argument("handle", help="the user")
    opened.set_defaults(run=switch, disabled=False)
    taken = common.verb(
        verbs, "export", "print all that is stored for a user", "postern account export jane > jane.json"
    )
    taken.add_argument("handle", help="the user")
    taken.add_argument("--csv", choices=TABLES, help="the aliases alone, as a table for that service")
    taken.set_defaults(run=export_account)
    taken_in = common.verb(
        verbs,
        "import",
        "take in aliases from a file of SimpleLogin, addy.io or Postern; shows what would be made",
        "postern account import jane aliases.csv --make",
    )
    taken_in.add_argument("handle", help="the user")
    taken_in.add_argument("file", help="CSV or JSON")
    taken_in.add_argument(
        "--to", metavar="DOMAIN", help="makes what stands on domains that the user does not have"
    )
    taken_in.add_argument("--make", action="store_true", help="really make them")
    common.json_flag(taken_in)
    taken_in.set_defaults(run=import_account)
    gone = common.verb(verbs, "delete", "delete a user for good", "postern account delete jane --yes")
    gone.add_argument("handle", help="the user")
    gone.add_argument("--yes", action="store_true", help="really: aliases, mail and all the rest")
    gone.set_defaults(run=delete_account)


def switch(args: argparse.Namespace) -> None:
    """postern account disable, postern account enable"""
    from postern.store import admin_acts, sessions, users

    with common.as_operator() as (_, db):
        user = common.get_user(db, args.handle)
        changed = users.disable(db, user.id, args.disabled)
        if args.disabled:
            sessions.end_all(db, user.id)
        if changed:
            admin_acts.add(
                db, admin_acts.OPERATOR, "disable user" if args.disabled else "enable user", user.handle
            )
    word = "disabled" if args.disabled else "enabled"
    print(f"{user.handle} is {word} now." if changed else f"{user.handle} was {word} already.")


def export_account(args: argparse.Namespace) -> None:
    """postern account export"""
    import json

    from postern.flow import export
    from postern.store import admin_acts

    with common.instance() as context:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            user = common.get_user(db, args.handle)
            admin_acts.add(db, admin_acts.OPERATOR, "export account", user.handle, args.csv or "")
        if args.csv:
            print(export.table(context, user.id, args.csv), end="")
        else:
            print(json.dumps(export.document(context, user.id), indent=2, ensure_ascii=False))


def import_account(args: argparse.Namespace) -> None:
    """postern account import"""
    from postern.flow import alias_file, import_aliases
    from postern.store import admin_acts

    entries = alias_file.read(_file(args.file))
    with common.instance() as context:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            user = common.get_user(db, args.handle)
            to = _domain(db, args.to).id if args.to else None
        plan = import_aliases.plan(context, user.id, entries, to)
        addresses, skipped, word = list(plan.new), plan.skipped, "would be made"
        if args.make:
            addresses, skipped = import_aliases.make(context, user.id, plan)
            word = "made"
            with context.pool.connection() as db, db.transaction(SYSTEM):
                admin_acts.add(db, admin_acts.OPERATOR, "import aliases", user.handle, str(len(addresses)))
    rows: list[dict[str, object]] = [{"alias": one, "result": word} for one in addresses]
    rows += [{"alias": one.address, "result": one.why} for one in skipped]
    common.show(rows, args.json, "")
    if not args.json:
        print(f"{len(addresses)} {word}, {len(skipped)} not.")


def _domain(db: Database, name: str) -> Domain:
    from postern.store import domains

    found = domains.find(db, name.lower())
    if found is None:
        raise NotFound(f"There is no domain {name!r}.", "See: postern domain list")
    return found


def _file(path: str) -> bytes:
    from postern.flow.alias_file import MAX_BYTES

    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}.", "Give the file that was exported."
        ) from None


def delete_account(args: argparse.Namespace) -> None:
    """postern account delete"""
    from postern.flow import delete_account as deleting
    from postern.store import admin_acts

    with common.instance() as context:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            user = common.get_user(db, args.handle)
        if not args.yes:
            raise BadInput(
                f"This deletes all that {user.handle} has here, for good.",
                f"When you are sure: postern account delete {user.handle} --yes",
            )
        deleting.delete(context, user.id, admin_acts.OPERATOR)
    print(f"{user.handle} is deleted.")
