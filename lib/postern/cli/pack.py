"""postern pack"""

from __future__ import annotations

from postern.base import home
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(
        nouns, "pack", "make the release archives of this program", "postern pack ../release"
    )
    command.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="where to put them")
    command.set_defaults(run=pack_release)


def pack_release(args: argparse.Namespace) -> None:
    """postern pack"""
    from postern.ops.releases import pack

    for path in pack.pack(home.program(), args.folder):
        print(path)
