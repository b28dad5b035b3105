"""Every listing can be read by programs, and all in the same way: an array of objects, the keys of the table, times in UTC.

The listings are found in the table of commands: whatever prints rows, and whatever is called as listings are. A new one is held
to it without being named here; it may have to say in GIVEN or MORE with which arguments it is tried.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

from postern.cli.main import build_parser
from support.house import House
from support.instance import ALIAS, DOMAIN

GIVEN = {
    "handle": "jane",
    "domain": DOMAIN,
    "alias": ALIAS,
    "address": ALIAS,
    "id": "1",
    "release": "",
    "file": "HOME/aliases.csv",
    "recipient": ALIAS,
}
"""An argument by its name -> what the house has, in its HOME where it is a file."""

GIVEN_TO = {("keys compare", "file"): "HOME/.env"}
"""Command and argument -> what it is given instead."""

NOWHERE = "127.0.0.1:1"
MORE = {
    "acts": ["--last", "2"],
    "contact list": ["--addresses"],
    "deps check": ["--index", f"http://{NOWHERE}"],
    "doctor look": ["--only", "env,keys,database"],
    "doctor tls": ["--connect", NOWHERE],
    "queue list": ["--state", "queued", "--state", "held"],
    "quarantine list": ["--addresses"],
    "rollback": ["--list"],
}
"""Command -> options it is tried with, besides --json: to show much, and to ask nobody outside."""

MAY_FAIL = {
    "alerts list",
    "cron status",
    "deps check",
    "dkim check",
    "doctor dns",
    "doctor limits",
    "doctor look",
    "doctor tls",
    "health",
    "relay test",
}
"""Those that look at something, and whose exit code says how it is."""

OTHER_TABLE = {
    "deps check",
    "dkim record",
    "doctor dns",
    "doctor limits",
    "doctor look",
    "doctor tls",
    "relay presets",
    "relay test",
}
"""Those whose table leaves some of it for the lines below it, or that print lines to paste instead."""

MAY_BE_EMPTY = {"alerts list", "invitation list", "key list", "user passkeys", "resident status", "rollback"}

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]")


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every command that does something."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from leaves(child)
            return
    yield parser


def name_of(command: argparse.ArgumentParser) -> str:
    return command.prog.split(" ", 1)[1]


def prints_rows(run: FunctionType) -> bool:
    """Does it call common.show, itself or through functions of its module?"""
    functions = {
        node.name: node
        for node in ast.parse(inspect.getsource(inspect.getmodule(run))).body  # type: ignore[arg-type]
        if isinstance(node, ast.FunctionDef)
    }
    seen, waiting = set(), [run.__name__]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for node in ast.walk(functions[name]):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "common.show":
                return True
            if isinstance(node, ast.Name) and node.id in functions and node.id not in seen:
                waiting.append(node.id)
    return False


def is_listing(command: argparse.ArgumentParser) -> bool:
    called_so = name_of(command).split()[-1] in ("list", "show", "status")
    return called_so or prints_rows(command.get_default("run"))


ELSEWHERE = {
    "bench": "what it prints is one measured run, no listing: tests/ops/test_bench.py",
    "offsite list": "needs a server of its own to show anything: tests/ops/test_offsite.py",
}
"""Those that are looked at by other tests, and why."""

LISTINGS = {name_of(command): command for command in leaves(build_parser()) if is_listing(command)}


def options(command: argparse.ArgumentParser) -> set[str]:
    return {option for action in command._actions for option in action.option_strings}


def arguments(command: argparse.ArgumentParser) -> list[str]:
    """What must be given, from what the house has."""
    names = [action.dest for action in command._actions if not action.option_strings]
    given = [GIVEN_TO.get((name_of(command), name), GIVEN[name]) for name in names]
    return [word for word in given if word]


def test_the_listings_are_found():
    assert len(LISTINGS) >= 20
    for known in ("alias list", "alias show", "user events", "acts", "health", "quota show", "deps check"):
        assert known in LISTINGS
    for other in ("alias add", "queue run", "account export", "keys new"):
        assert other not in LISTINGS


@pytest.mark.parametrize("name", LISTINGS)
def test_every_listing_can_print_json(name: str):
    assert "--json" in options(LISTINGS[name])


def test_what_can_print_json_is_a_listing():
    """So that everything which says --json is tried below."""
    assert {name_of(one) for one in leaves(build_parser()) if "--json" in options(one)} == LISTINGS.keys()


@pytest.fixture(scope="module")
def furnished(house: House) -> House:
    """Besides what the house has: a contact, a note, acts, an alias that was never used, and some to take in."""
    Path(house.home, "aliases.csv").write_text(f"alias,note,enabled,mailboxes\nbooks@{DOMAIN},,true,\n")
    house.cli("alias", "add", "jane", "--kind", "uuid")
    house.cli("contact", "add", ALIAS, "bob@shop.example")
    house.cli("alias", "note", ALIAS, "2026-01-31 is no time here")
    house.cli("dkim", "new", DOMAIN, "--kind", "ed25519")
    return house


@pytest.mark.parametrize("name", [name for name in LISTINGS if name not in ELSEWHERE])
def test_the_json_of_a_listing_is_an_array_of_objects_with_the_keys_of_the_table(furnished: House, name: str):
    given = [word.replace("HOME", furnished.home) for word in arguments(LISTINGS[name])]
    argv = [*name.split(), *given, *MORE.get(name, [])]
    code, told, errors = furnished.tell(*argv, "--json")
    assert code == 0 or name in MAY_FAIL, errors
    rows = json.loads(told)
    assert isinstance(rows, list)
    assert rows or name in MAY_BE_EMPTY, "give it something to show, in GIVEN, MORE or the house"
    for row in rows:
        assert row.keys() == rows[0].keys()
        check(row)
    if rows and name not in OTHER_TABLE:
        _, table, _ = furnished.tell(*argv)
        assert re.split(r"  +", table.split("\n")[0]) == [key.upper() for key in rows[0]]


def check(row: dict[str, object]) -> None:
    """Keys are lower-case words; what stands for nothing is null, and what is a time is ISO 8601 in UTC."""
    for key, value in row.items():
        assert re.fullmatch(r"[a-z][a-z_ ]*", key)
        assert value not in ("-", "yes", "no"), key
        if isinstance(value, str) and key != "note" and LIKE_A_TIME.match(value):
            assert TIME.fullmatch(value), (key, value)


def test_that_check_itself_sees():
    check({"at": "2026-01-31T12:00:00Z", "used": None, "works": True, "note": "2026-01-31 12:00"})
    for wrong in (
        {"at": "2026-01-31 12:00:00 UTC"},
        {"at": "2026-01-31T12:00:00+00:00"},
        {"used": "-"},
        {"works": "yes"},
        {"Name": "x"},
    ):
        with pytest.raises(AssertionError):
            check(wrong)


def test_an_empty_listing_is_an_empty_array(furnished: House):
    furnished.cli("user", "add", "zoe")
    for listing in ("alias list", "mailbox list", "quarantine list", "user events", "key list"):
        assert json.loads(furnished.cli(*listing.split(), "zoe", "--json")) == []


def test_a_time_is_the_same_for_people_and_programs(furnished: House):
    (row,) = json.loads(furnished.cli("alias", "show", ALIAS, "--json"))
    assert TIME.fullmatch(row["since"])
    assert f"{row['since'][:10]} {row['since'][11:19]} UTC" in furnished.cli("alias", "show", ALIAS)
