"""What the commands share: opening the instance, tables and JSON for people and programs, looking things up by name.

A row of a listing is a dict, and its keys are the columns. Values are text, numbers, truth values, times, lists of these, or
None. JSON is an array of these objects, with times in ISO 8601 UTC (2026-01-31T12:00:00Z) and null for what is not there.
"""

from __future__ import annotations

import argparse
import contextlib
import os

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, Conflict, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from postern.base.database import Database
    from postern.base.settings import Config
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.mailboxes import Mailbox
    from postern.store.users import User


def noun(
    nouns: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """A noun that takes verbs."""
    parser = nouns.add_parser(name, help=text, description=text)
    return parser.add_subparsers(metavar="VERB", required=True)


def verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, example: str
) -> argparse.ArgumentParser:
    """A verb with its example."""
    return verbs.add_parser(name, help=text, description=text, epilog=f"example: {example}")


def yes_flag(parser: argparse.ArgumentParser, text: str) -> None:
    """Who deletes says so twice."""
    parser.add_argument("--yes", action="store_true", help=f"really: {text}")


def check_sure(args: argparse.Namespace, what_happens: str) -> None:
    """BadInput unless --yes is given."""
    if not args.yes:
        raise BadInput(what_happens, "When you are sure, say the same with --yes.")


def json_flag(parser: argparse.ArgumentParser) -> None:
    """Listings can be read by programs."""
    parser.add_argument("--json", action="store_true", help="print JSON")


@contextlib.contextmanager
def instance() -> Iterator[Context]:
    """The instance of this home; its connections are closed at the end."""
    context = opened()
    with contextlib.closing(context.pool):
        yield context


def settings() -> Config:
    """The settings of this home alone; nothing is opened or made. ConfigError."""
    from postern.base import config, home

    return config.load(home.find(), os.environ)


def opened() -> Context:
    """The instance of this home; whoever asks closes its pool."""
    from postern.flow.context import open_context

    return open_context(os.environ, "cli")


@contextlib.contextmanager
def as_operator() -> Iterator[tuple[Context, Database]]:
    """The instance and one transaction that crosses users."""
    with instance() as context, across_users(context) as db:
        yield context, db


@contextlib.contextmanager
def across_users(context: Context) -> Iterator[Database]:
    """A transaction that crosses users: the operator names whom he means, and his acts are written down in it."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        yield db


def write_down(context: Context, act: str, target: str, note: str = "") -> None:
    """An act of the operator whose flow had transactions of its own; afterwards, for it may have been refused."""
    from postern.store import admin_acts

    with across_users(context) as db:
        admin_acts.add(db, admin_acts.OPERATOR, act, target, note)


@contextlib.contextmanager
def within_quota(handle: str, what: str) -> Iterator[None]:
    """The operator is told how to raise what stops him; `what` is one of quotas.HAVINGS."""
    from postern.store.quotas import OverQuota

    try:
        yield
    except OverQuota:
        raise Conflict(
            f"{handle} may have no more {what}.",
            f"See: postern quota show {handle}; allow more: postern quota set {handle} --{what} N",
        ) from None


def show(rows: Sequence[dict[str, object]], as_json: bool, empty: str) -> None:
    """Print a listing."""
    if as_json:
        import json

        print(json.dumps([dict(row) for row in rows], indent=2, default=_for_programs))
    elif not rows:
        print(empty)
    else:
        _table(rows)


def _for_programs(value: object) -> str:
    """What JSON has no word for: times, and ids of the kind that pages use."""
    return _utc(value, "%Y-%m-%dT%H:%M:%SZ") or str(value)


def _table(rows: Sequence[dict[str, object]]) -> None:
    lines = [[name.upper() for name in rows[0]]]
    lines += [[_for_people(value) for value in row.values()] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def _for_people(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_for_people, value)) or "-"
    text = _utc(value, "%Y-%m-%d %H:%M:%S UTC") or ("" if value is None else str(value))
    # Strangers wrote some of it: no line break, no escape sequence reaches the terminal.
    return "".join(letter if letter.isprintable() else "?" for letter in text) or "-"


def _utc(value: object, form: str) -> str:
    """A time in that form; empty when it is none."""
    from datetime import datetime, timezone

    return value.astimezone(timezone.utc).strftime(form) if isinstance(value, datetime) else ""


def get_user(db: Database, handle: str) -> User:
    """The user of that handle. NotFound with the remedy."""
    from postern.store import users

    user = users.find(db, handle)
    if user is None:
        raise NotFound(f"There is no user {handle!r}.", "See: postern user list")
    return user


def handle_of(db: Database, user_id: int) -> str:
    """What the user is called."""
    from postern.store import users

    user = users.get(db, user_id)
    assert user is not None, "rows of a user go with him"
    return user.handle


def get_alias(db: Database, address: str) -> Alias:
    """The alias of that address. NotFound with the remedy."""
    from postern.mail.address import parse_address
    from postern.store import aliases

    parsed = parse_address(address)
    alias = aliases.find(db, parsed.local.lower(), parsed.domain)
    if alias is None:
        raise NotFound(f"There is no alias {address}.", "See: postern alias list USER")
    return alias


def get_mailbox(context: Context, db: Database, user: User, address: str) -> Mailbox:
    """The user's mailbox of that address. NotFound with the remedy."""
    from postern.store import mailboxes

    mailbox = mailboxes.find(db, context.ring, user.id, address)
    if mailbox is None:
        raise NotFound(f"{user.handle} has no such mailbox.", f"See: postern mailbox list {user.handle}")
    return mailbox


def whole_number(text: str) -> int:
    """For ids and counts on the command line."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadInput(f"{text!r} is no whole number.", "Give digits only; ids stand in the listings.")
    return int(text)


def uid(text: str, see: str) -> UUID:
    """For the ids that listings show as UUIDs; `see`: the listing. NotFound: what is none names nothing."""
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"There is nothing with the id {text!r}.", f"See: {see}") from None
