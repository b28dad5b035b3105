"""`postern NOUN VERB …`: finds the command, opens what it needs, turns errors into exit codes (sysexits.h)."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from postern import __version__
from postern.base import home
from postern.base.errors import PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Nouns = argparse._SubParsersAction[argparse.ArgumentParser]

NOUNS = (
    "user",
    "mailbox",
    "domain",
    "alias",
    "queue",
    "message",
    "keys",
    "env",
    "migrate",
    "health",
    "send_test",
    "serve",
    "demo",
    "commands",
)


def build_parser() -> argparse.ArgumentParser:
    """All commands. A module is imported with its noun's parser: they are small, and import what is heavy when they run."""
    parser = argparse.ArgumentParser(prog="postern", description="Private e-mail aliases on your own domain.")
    parser.add_argument("--version", action="version", version=f"postern {__version__}")
    nouns = parser.add_subparsers(metavar="COMMAND", required=True)
    for noun in NOUNS:
        import_module(f"postern.cli.{noun}").register(nouns)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    home.use_packages(home.find())
    args = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int | None] = args.run
    try:
        return run(args) or 0
    except PosternError as error:
        print(f"postern: {error.reason}\n  {error.remedy}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`postern queue list | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
