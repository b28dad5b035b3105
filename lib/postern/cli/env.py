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
    show = common.verb(
        verbs, "show", "show the settings in force; secrets are not shown", "postern env show --changed"
    )
    show.add_argument("--changed", action="store_true", help="only those that are not as they come")
    common.json_flag(show)
    show.set_defaults(run=show_env)
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


def show_env(args: argparse.Namespace) -> None:
    """postern env show"""
    from postern.base.config import PREFIX, variables

    with common.instance() as context:
        rows: list[dict[str, object]] = []
        for name, _, notes in variables():
            value = getattr(context.config, name[len(PREFIX) :].lower())
            changed = value != notes["default"]
            shown = ("set" if value else None) if notes["secret"] else value if value != "" else None
            if changed or not args.changed:
                rows.append({"setting": name, "value": shown, "changed": changed})
    common.show(rows, args.json, "All is as it comes.")


def check_env(args: argparse.Namespace) -> None:
    """postern env check; also whether the keys are good and the database answers."""
    from postern.mail.envelope import parse_secrets

    with common.instance() as context:
        parse_secrets(context.config.webhook_secrets)
        with context.pool.connection():
            pass
    print("The settings are complete, the keys are good, and the database answers.")
