"""postern logs"""

from __future__ import annotations

import re
import time

from postern.base import clock
from postern.base.errors import BadInput
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from postern.cli.main import Nouns

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LOOK_SECONDS = 0.5


def register(nouns: Nouns) -> None:
    """The command."""
    logs = common.verb(nouns, "logs", "print the log for people", "postern logs --level error --since 2h")
    logs.add_argument("--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    logs.add_argument(
        "--level", choices=("debug", "info", "warning", "error"), default="debug", help="and above"
    )
    logs.add_argument("--request", metavar="ID", default="", help="of one request: the id of an error page")
    logs.add_argument(
        "--since",
        metavar="WHEN",
        type=_since,
        help="30m, 2h, 3d, or a time (UTC); else a day, with --request all there is",
    )
    logs.add_argument("--raw", action="store_true", help="the lines as they are, for programs")
    logs.set_defaults(run=show_logs)


def _since(text: str) -> float:
    """Unix time."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if ago:
        return clock.now() - int(ago[1]) * UNITS[ago[2]]
    from datetime import datetime, timezone

    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise BadInput(f"{text!r} is no time.", "Give 30m, 2h, 3d, or 2026-01-31T12:00:00.") from None
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()


def show_logs(args: argparse.Namespace) -> None:
    """postern logs. It needs neither settings nor a database: they may be what is wrong."""
    from postern.base import home
    from postern.ops import logs

    place = home.find()
    since = args.since if args.since is not None else 0.0 if args.request else clock.now() - 86400
    tail = logs.Tail(place) if args.follow else None
    found = logs.events(place, since, args.level, args.request, tail)
    for event in found:
        _print(event, args.raw)
    while tail is not None:
        for event in tail.more():
            if logs.matches(event, args.level, args.request):
                _print(event, args.raw)
        time.sleep(LOOK_SECONDS)


def _print(event: dict[str, Any], raw: bool) -> None:
    if raw:
        import json

        print(json.dumps(event), flush=True)
        return
    event = dict(event)
    head = [str(event.pop(name, "-")) for name in ("time", "level", "component", "event")]
    stack = str(event.pop("stack", ""))
    event.pop("pid", None)
    words = " ".join(f"{name}={_shown(value)}" for name, value in event.items())
    print(f"{head[0]} {head[1]:7} {head[2]:8} {head[3]} {words}".rstrip(), flush=True)
    for line in stack.splitlines():
        print(f"    {_shown(line)}", flush=True)


def _shown(value: object) -> str:
    """Strangers wrote some of it: nothing that a terminal takes for more than text."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))
