"""postern app …: how the apps that people use Postern by are set up."""

from __future__ import annotations

from postern.base.errors import NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns

_KINDS = {"key": "API key", "password": "app password"}


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "app", "password managers, browser extensions and phone apps")
    listing = common.verb(verbs, "list", "show the apps, and what each asks for", "postern app list")
    common.json_flag(listing)
    listing.set_defaults(run=show_all)
    one = common.verb(
        verbs, "setup", "say how an app is set up for this server", "postern app setup bitwarden"
    )
    one.add_argument("app", help="from the listing")
    one.set_defaults(run=setup)


def show_all(args: argparse.Namespace) -> None:
    """postern app list"""
    from postern.flow.apps import APPS

    rows: list[dict[str, object]] = [
        {
            "app": one.key,
            "name": one.name,
            "where": one.group,
            "asks for": _KINDS[one.kind],
            "scope": one.scope,
        }
        for one in APPS
    ]
    common.show(rows, args.json, "There is none.")


def setup(args: argparse.Namespace) -> None:
    """postern app setup"""
    from postern.flow.apps import BY_KEY

    app = BY_KEY.get(args.app)
    if app is None:
        raise NotFound("There is no such app.", "See: postern app list")
    with common.instance() as context:
        url = context.config.url
    print(app.name)
    first = f"Make an {_KINDS[app.kind]} of the scope {app.scope}: {url.rstrip('/')}/settings/api-keys?app={app.key}"
    for number, step in enumerate((first, *app.steps_at(url)), 1):
        print(f"  {number}. {step}")
