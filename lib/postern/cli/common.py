"""What the commands share: opening the instance, tables and JSON for people and programs, looking things up by name."""

from __future__ import annotations

import argparse
import contextlib
import os

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.aliases import Alias
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


def json_flag(parser: argparse.ArgumentParser) -> None:
    """Listings can be read by programs."""
    parser.add_argument("--json", action="store_true", help="print JSON")


@contextlib.contextmanager
def instance() -> Iterator[Context]:
    """The instance of this home; its connections are closed at the end."""
    from postern.flow.context import open_context

    context = open_context(os.environ, "cli")
    with contextlib.closing(context.pool):
        yield context


@contextlib.contextmanager
def as_operator() -> Iterator[tuple[Context, Database]]:
    """The instance and one transaction that crosses users."""
    with instance() as context, context.pool.connection() as db, db.transaction(SYSTEM):
        yield context, db


def show(rows: Sequence[dict[str, object]], as_json: bool, empty: str) -> None:
    """Print a listing."""
    if as_json:
        import json

        print(json.dumps(rows, indent=2, default=str))
    elif not rows:
        print(empty)
    else:
        _table(rows)


def _table(rows: Sequence[dict[str, object]]) -> None:
    lines = [[name.upper() for name in rows[0]]]
    lines += [["-" if value is None or value == "" else str(value) for value in row.values()] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def get_user(db: Database, handle: str) -> User:
    """The user of that handle. NotFound with the remedy."""
    from postern.store import users

    user = users.find(db, handle)
    if user is None:
        raise NotFound(f"There is no user {handle!r}.", "See: postern user list")
    return user


def get_alias(db: Database, address: str) -> Alias:
    """The alias of that address. NotFound with the remedy."""
    from postern.mail.address import parse_address
    from postern.store import aliases

    parsed = parse_address(address)
    alias = aliases.find(db, parsed.local.lower(), parsed.domain)
    if alias is None:
        raise NotFound(f"There is no alias {address}.", "See: postern alias list USER")
    return alias


def whole_number(text: str) -> int:
    """For ids and counts on the command line."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadInput(f"{text!r} is no whole number.", "Give digits only; ids stand in the listings.")
    return int(text)


def moment(value: object) -> str:
    """A time as people read it."""
    return value.strftime("%Y-%m-%d %H:%M:%S %Z") if hasattr(value, "strftime") else "-"
