"""postern keys …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "keys", "keys and secrets")
    new = common.verb(
        verbs, "new", "print fresh keys and secrets as lines for .env", "postern keys new >> ~/.postern/.env"
    )
    new.set_defaults(run=new_keys)


def new_keys(args: argparse.Namespace) -> None:
    """postern keys new"""
    from postern.ops.keys import fresh

    for name, value in fresh().items():
        print(f"{name}={value}")
