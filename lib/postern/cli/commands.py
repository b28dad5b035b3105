"""postern commands: the whole command line as a page (docs/cli.md)."""

from __future__ import annotations

import argparse

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.cli.main import Nouns

_HEAD = """\
# The command line

`postern` is `python -m postern` with `lib/` on the path. Every command has `--help`. Exit codes are those of sysexits.h:
0 done, 1 failed, 64 wrong use, 65 a seal is broken, 66 not found, 69 the site does not answer, 73 taken, 75 try again
later, 78 settings or database not as they must be. Made by `postern commands`; a test keeps it true.

Every listing takes `--json`: an array of objects, the keys of the table, times in ISO 8601 UTC, null for what is not there.
What deletes wants `--yes`. What is done to users' things is written down (`postern acts`), without an address.

| command | what it does | example |
| --- | --- | --- |"""


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(nouns, "commands", "print docs/cli.md", "postern commands > docs/cli.md")
    command.set_defaults(run=print_commands)


def print_commands(args: argparse.Namespace) -> None:
    """postern commands"""
    from postern.cli.main import build_parser

    print(_HEAD)
    for name, text, example in _walk(build_parser()):
        print(f"| `{name}` | {text} | `{example}` |")


def _walk(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, str]]:
    """Every command that does something, in the order of the help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _walk(child)
            return
    example = (parser.epilog or "").partition("example: ")[2]
    yield parser.prog, parser.description or "", example
