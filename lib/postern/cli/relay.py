"""postern relay …"""

from __future__ import annotations

from postern.base.errors import BadInput, PosternError
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

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
    from postern.flow.deliver import relay_settings
    from postern.ops import relay_walk

    with common.instance() as context:
        sender = args.sender or _sender(context)
        steps = relay_walk.walk(relay_settings(context), sender, args.recipient or sender)
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
