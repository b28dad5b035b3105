"""postern relay …"""

from __future__ import annotations

from postern.base.errors import BadInput, NotFound, PosternError
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.relay_place import RelayPlace
    from postern.base.relay_presets import Preset
    from postern.cli.main import Nouns
    from postern.flow.context import Context


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "relay", "the SMTP relay that sends mail out")
    presets = common.verb(
        verbs, "presets", "list the providers that POSTERN_RELAY_PRESET knows", "postern relay presets"
    )
    common.json_flag(presets)
    presets.set_defaults(run=list_presets)
    listing = common.verb(
        verbs,
        "list",
        "show the relays in the order in which they are used, their budgets, and how they are",
        "postern relay list",
    )
    common.json_flag(listing)
    listing.set_defaults(run=list_relays)
    forget = common.verb(
        verbs,
        "forget",
        "forget that a relay asked to go slower, the limits learnt from it, and its pause: after a larger plan was bought",
        "postern relay forget 2",
    )
    forget.add_argument("number", type=int, nargs="?", default=1)
    forget.set_defaults(run=forget_relay)
    table = common.verb(verbs, "table", "print the tables of docs/relays.md", "postern relay table")
    table.set_defaults(run=print_table)
    text = "go the way of a mail to the relay, up to RCPT; say which step fails and what to do; exit code 1 when one does"
    test = common.verb(verbs, "test", text, "postern relay test me@example.net")
    test.add_argument(
        "recipient", nargs="?", help="whom to name in RCPT; nothing is sent. Without: the sender"
    )
    test.add_argument(
        "--from", dest="sender", metavar="ADDRESS", help="the sender; without: that of Postern's notices"
    )
    test.add_argument("--number", type=int, default=1, help="2: the relay of POSTERN_RELAY2_…, and so on")
    common.json_flag(test)
    test.set_defaults(run=test_relay)


def list_presets(args: argparse.Namespace) -> None:
    """postern relay presets"""
    from postern.base.relay_presets import PRESETS

    rows: list[dict[str, object]] = [
        {
            "preset": one.name,
            "host": one.host or one.where,
            "port": one.port,
            "tls": one.tls,
            "user": one.user or one.login,
            "per_hour": one.per_hour,
            "per_day": one.per_day,
        }
        for one in PRESETS
    ]
    if not args.json:
        rows = [{name: value for name, value in row.items() if name != "user"} for row in rows]
    common.show(rows, args.json, "")


def print_table(args: argparse.Namespace) -> None:
    """postern relay table"""
    from postern.base.relay_presets import PRESETS

    print("| preset | provider | host | ports | user and password |\n| --- | --- | --- | --- | --- |")
    for one in PRESETS:
        host = f"`{one.host}`" if one.host else f"`{one.where}`: set POSTERN_RELAY_HOST"
        print(f"| `{one.name}` | {one.title} | {host} | {_ports(one)} | {one.login} |")
    print("\n| preset | budget an hour | a day | largest, MB | limits | sender, DKIM, return path |")
    print("| --- | --- | --- | --- | --- | --- |")
    for one in PRESETS:
        hour, day = one.per_hour or "-", one.per_day or "-"
        print(f"| `{one.name}` | {hour} | {day} | {one.size_mb} | {one.limits} | {one.sender} |")


def _ports(preset: Preset) -> str:
    """The port of the preset, how TLS begins there, and the provider's others."""
    others = f"; also {preset.other_ports}" if preset.other_ports else ""
    return f"{preset.port} ({preset.tls}){others}"


def test_relay(args: argparse.Namespace) -> int:
    """postern relay test"""
    from postern.flow.outlet import relay_settings
    from postern.ops import relay_walk

    with common.instance() as context:
        settings = relay_settings(context, _place(context, args.number))
        sender = args.sender or _sender(context)
        steps = relay_walk.walk(settings, sender, args.recipient or sender)
    rows: list[dict[str, object]] = [
        {
            "step": step.stage,
            "result": "ok" if step.ok else "FAILED",
            "said": step.said,
            **({"remedy": step.remedy} if args.json else {}),
        }
        for step in steps
    ]
    common.show(rows, args.json, "")
    if steps[-1].ok:
        return 0
    if args.json:
        return 1
    print()
    raise PosternError(f"The step {steps[-1].stage} fails.", steps[-1].remedy)


def _place(context: Context, number: int) -> RelayPlace:
    """The relay of that number."""
    from postern.base.relay_place import places

    for place in places(context.config):
        if place.number == number:
            return place
    raise NotFound(f"There is no relay {number} in the settings.", "See: postern relay list")


def list_relays(args: argparse.Namespace) -> None:
    """postern relay list"""
    from postern.base.relay_place import places
    from postern.flow.outlet import tighter
    from postern.store import relay_pace, relays

    rows: list[dict[str, object]] = []
    with common.as_operator() as (context, db):
        for place in places(context.config):
            found, usage = relays.find(db, place.name), relays.usage(db, place.name)
            pace = relay_pace.find(db, place.name)
            rows.append(
                {
                    "number": place.number,
                    "relay": place.name,
                    "hour": usage.hour,
                    "most_hour": tighter(place.per_hour, pace.hour) or None,
                    "day": usage.day,
                    "most_day": tighter(place.per_day, pace.day) or None,
                    "learnt": [word for word, most in (("hour", pace.hour), ("day", pace.day)) if most],
                    "slow": pace.slow,
                    "paused_seconds": found.paused_seconds if found else 0,
                    "trouble": found.trouble if found and found.in_trouble else None,
                }
            )
    common.show(rows, args.json, "")


def forget_relay(args: argparse.Namespace) -> None:
    """postern relay forget"""
    from postern.store import admin_acts, relay_pace

    with common.as_operator() as (context, db):
        name = _place(context, args.number).name
        relay_pace.forget(db, name)
        admin_acts.add(db, admin_acts.OPERATOR, "forget relay limits", name)
    print(f"{name} gets mail again as the settings say.")


def _sender(context: Context) -> str:
    """Whom notices come from: the database is asked for nothing else, and need not be there when it is told."""
    from postern.base.database import SYSTEM
    from postern.flow import notify

    if context.config.notices_from:
        return context.config.notices_from
    try:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            return notify.sender(context, db)
    except PosternError as error:
        raise BadInput(f"There is no sender to try: {error.reason}", "Name one: --from ADDRESS.") from None
