"""postern quota …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns

INSTANCE = "instance"


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    from postern.store.quotas import NAMES

    verbs = common.noun(nouns, "quota", "how much a user may have and use")
    show = common.verb(verbs, "show", "show a user's quotas and use", "postern quota show jane")
    show.add_argument("handle", help="the user")
    common.json_flag(show)
    show.set_defaults(run=show_quotas)
    change = common.verb(verbs, "set", "set quotas for one user", "postern quota set jane --aliases 50")
    change.add_argument("handle", help="the user")
    for name in NAMES:
        change.add_argument(
            "--" + name.replace("_", "-"),
            type=_limit,
            metavar="N",
            help=f"a number, or: {INSTANCE}, for what holds for all",
        )
    change.set_defaults(run=set_quotas)


def _limit(text: str) -> int | str:
    return INSTANCE if text == INSTANCE else common.whole_number(text)


def show_quotas(args: argparse.Namespace) -> None:
    """postern quota show"""
    from postern.store import quotas

    with common.as_operator() as (context, db):
        user = common.get_user(db, args.handle)
        own, used = quotas.own(db, user.id), quotas.used(db, user.id)
        allowed = quotas.limits(db, context.config, user.id)
    rows: list[dict[str, object]] = [
        {
            "what": name,
            "used": getattr(used, name),
            "allowed": allowed[name],
            "set for": INSTANCE if getattr(own, name) is None else user.handle,
        }
        for name in quotas.NAMES
    ]
    common.show(rows, args.json, "")


def set_quotas(args: argparse.Namespace) -> None:
    """postern quota set"""
    from dataclasses import replace

    from postern.store import admin_acts, quotas

    given = {name: getattr(args, name) for name in quotas.NAMES if getattr(args, name) is not None}
    changes = {name: None if value == INSTANCE else value for name, value in given.items()}
    with common.as_operator() as (_, db):
        user = common.get_user(db, args.handle)
        quotas.set_own(db, user.id, replace(quotas.own(db, user.id), **changes))
        words = ", ".join(f"{name} {value}" for name, value in given.items())
        admin_acts.add(db, admin_acts.OPERATOR, "set quota", user.handle, words)
    print(f"Set for {user.handle}: {words}." if words else "Nothing to set; see: postern quota set --help")
