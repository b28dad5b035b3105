"""postern demo"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(
        nouns, "demo", "show the main job on this machine, with everything it needs", "postern demo --once"
    )
    command.add_argument(
        "--once", action="store_true", help="end when it was shown; exit code 1 when a step failed"
    )
    command.set_defaults(run=demo)


def demo(args: argparse.Namespace) -> int:
    """postern demo"""
    from postern.ops.demo import run

    return run(once=args.once)
