"""postern acts: what was done to other people's accounts."""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The command."""
    text = "show what the operator did to other people's accounts, newest first"
    command = common.verb(nouns, "acts", text, "postern acts --last 50")
    command.add_argument("--last", type=common.whole_number, default=20, metavar="N")
    common.json_flag(command)
    command.set_defaults(run=list_acts)


def list_acts(args: argparse.Namespace) -> None:
    """postern acts"""
    from postern.store import admin_acts

    with common.as_operator() as (_, db):
        found = admin_acts.latest(db, args.last)
    rows: list[dict[str, object]] = [
        {
            "at": one.at,
            "who": one.actor,
            "act": one.act,
            "target": one.target,
            "note": one.note,
        }
        for one in found
    ]
    common.show(rows, args.json, "Nothing was done yet.")
