"""postern install: what install.sh calls once it has a Python."""

from __future__ import annotations

import os
import sys

from postern.base.errors import BadInput
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(
        nouns,
        "install",
        "set everything up on this host, or mend it; ./install.sh calls it",
        "postern install --check",
    )
    command.add_argument("--check", action="store_true", help="change nothing, say what would be done")
    command.add_argument("--uninstall", action="store_true", help="take back what was done; data stays")
    command.add_argument(
        "--delete-data", action="store_true", help="with --uninstall: mail, keys and tables, too"
    )
    command.add_argument(
        "--offline", metavar="DIR", default="", help="install the packages from wheels in DIR"
    )
    command.add_argument("--yes", action="store_true", help="ask nothing; agree to what --delete-data asks")
    command.set_defaults(run=install)


def install(args: argparse.Namespace) -> int:
    """postern install"""
    from postern.base import home
    from postern.cli.upgrade import mend
    from postern.ops.install import run
    from postern.ops.install.answers import Answers
    from postern.ops.install.env_file import EnvFile
    from postern.ops.install.installation import Installation
    from postern.ops.install.talk import Talk
    from postern.ops.releases import journal

    _refuse_nonsense(args)
    # Whatever the caller's umask: what others must read is opened to them file by file.
    os.umask(0o077)
    place = home.find()
    home.use(place)
    talk = Talk(_out(), interactive=sys.stdin.isatty() and not args.yes, agreed=args.yes)
    env = EnvFile(place, look_only=args.check)
    site = Installation(home.program(), place, Answers(os.environ, env, talk), env, talk, args.offline)
    if args.check:
        return run.check(site)
    if journal.read(place):
        mend()
    if args.uninstall:
        return run.uninstall(site, delete_data=args.delete_data)
    return run.install(site)


def _refuse_nonsense(args: argparse.Namespace) -> None:
    if args.delete_data and not args.uninstall:
        raise BadInput("--delete-data means something only with --uninstall.", "Give both, or neither.")
    if args.check and args.uninstall:
        raise BadInput("--check says what an installation would do.", "Give it without --uninstall.")


def _out() -> TextIO:
    """stdout, and it takes every letter in any locale."""
    import io

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return sys.stdout
