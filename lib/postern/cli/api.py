"""postern api …: what the APIs are, for the authors of programs and of docs."""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "api", "the APIs of SimpleLogin's and addy.io's clients")
    document = common.verb(
        verbs, "openapi", "print their OpenAPI 3.1 document", "postern api openapi > openapi.json"
    )
    document.set_defaults(run=print_document)
    page = common.verb(verbs, "page", "print docs/api.md", "postern api page > docs/api.md")
    page.set_defaults(run=print_page)


def print_document(args: argparse.Namespace) -> None:
    """postern api openapi"""
    from json import dumps

    from postern.web.api.openapi.document import document

    print(dumps(document(), indent=2))


def print_page(args: argparse.Namespace) -> None:
    """postern api page"""
    from postern.web.api.openapi.page import page

    print(page(), end="")
