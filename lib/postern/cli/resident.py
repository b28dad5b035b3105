"""postern resident …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "resident", "the helper that answers CGI requests quickly")
    status = common.verb(verbs, "status", "what the resident holds", "postern resident status")
    common.json_flag(status)
    status.set_defaults(run=show_status)
    stop = common.verb(
        verbs, "stop", "let the resident leave; the next request starts another", "postern resident stop"
    )
    stop.set_defaults(run=stop_resident)


def show_status(args: argparse.Namespace) -> None:
    """postern resident status"""
    from postern.base import home
    from postern.resident import ask

    found = ask.status(home.find())
    common.show(
        [found] if found else [],
        args.json,
        "There is no resident. The next CGI request leaves one, unless POSTERN_RESIDENT=off; Passenger needs none.",
    )


def stop_resident(args: argparse.Namespace) -> None:
    """postern resident stop"""
    from postern.base import home
    from postern.resident import ask

    print("The resident leaves." if ask.stop(home.find()) else "There is no resident.")
