"""postern env …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "env", "settings")
    example = common.verb(
        verbs,
        "example",
        "print a .env with every setting explained; the file must be mode 600 (umask 077)",
        "postern env example > ~/.postern/.env",
    )
    example.set_defaults(run=print_example)
    table = common.verb(verbs, "table", "print docs/settings.md", "postern env table > docs/settings.md")
    table.set_defaults(run=print_table)
    check = common.verb(
        verbs, "check", "read the settings and say what is missing or wrong", "postern env check"
    )
    check.set_defaults(run=check_env)


def print_example(args: argparse.Namespace) -> None:
    """postern env example"""
    from postern.ops import settings_pages

    print(settings_pages.example(), end="")


def print_table(args: argparse.Namespace) -> None:
    """postern env table"""
    from postern.ops import settings_pages

    print(settings_pages.table(), end="")


def check_env(args: argparse.Namespace) -> None:
    """postern env check; also whether the keys are good and the database answers."""
    from postern.mail.envelope import parse_secrets

    with common.instance() as context:
        parse_secrets(context.config.webhook_secrets)
        with context.pool.connection():
            pass
    print("The settings are complete, the keys are good, and the database answers.")
