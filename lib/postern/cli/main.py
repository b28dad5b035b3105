"""`postern NOUN VERB …`: finds the command, opens what it needs, turns errors into exit codes (sysexits.h)."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from postern import __version__
from postern.base import home
from postern.base.errors import BadInput, PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    Nouns = argparse._SubParsersAction[argparse.ArgumentParser]

NOUNS = (
    "user",
    "invitation",
    "account",
    "key",
    "app",
    "api",
    "quota",
    "mailbox",
    "domain",
    "alias",
    "contact",
    "quarantine",
    "queue",
    "relay",
    "dkim",
    "jobs",
    "cron",
    "logs",
    "alerts",
    "limits",
    "database",
    "message",
    "keys",
    "env",
    "migrate",
    "health",
    "acts",
    "cloudflare",
    "send_test",
    "doctor",
    "bench",
    "deps",
    "install",
    "backup",
    "restore",
    "offsite",
    "upgrade",
    "pack",
    "serve",
    "resident",
    "demo",
    "completion",
    "commands",
)


class _Parser(argparse.ArgumentParser):
    """argparse's own exit code for wrong use is 2; ours are those of sysexits.h."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(BadInput.exit_code, f"{self.prog}: {message}\n")


def build_parser() -> argparse.ArgumentParser:
    """All commands. A module is imported with its noun's parser: they are small, and import what is heavy when they run."""
    parser = _Parser(prog="postern", description="Private e-mail aliases on your own domain.")
    parser.add_argument("--version", action="version", version=f"postern {__version__}")
    nouns = parser.add_subparsers(metavar="COMMAND", required=True)
    for noun in NOUNS:
        import_module(f"postern.cli.{noun}").register(nouns)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    home.use_packages(home.find())
    try:
        args = build_parser().parse_args(argv)
        run: Callable[[argparse.Namespace], int | None] = args.run
        code = run(args) or 0
        sys.stdout.flush()
        return code
    except PosternError as error:
        print(f"postern: {error.reason}\n  {error.remedy}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`postern queue list | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
