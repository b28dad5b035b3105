"""postern alerts …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "alerts", "what the monitor found, and whether its alerts arrive")
    listing = common.verb(
        verbs,
        "list",
        "show every check, the bad ones first; exit code 1 when there is one",
        "postern alerts list",
    )
    common.json_flag(listing)
    listing.set_defaults(run=list_alerts)
    test = common.verb(verbs, "test", "send an alert, to see that it arrives", "postern alerts test")
    test.set_defaults(run=test_alerts)


def list_alerts(args: argparse.Namespace) -> int:
    """postern alerts list"""
    from postern.store import findings

    with common.as_operator() as (_, db):
        found = findings.all_findings(db)
    rows: list[dict[str, object]] = [
        {
            "check": one.name,
            "home": one.home or None,
            "state": "bad" if one.bad else "ok",
            "since": one.since,
            "last": "ok" if one.ok else "bad",
            "detail": one.detail,
        }
        for one in found
    ]
    common.show(rows, args.json, "The monitor never ran. See: postern cron status")
    return 1 if any(one.bad for one in found) else 0


def test_alerts(args: argparse.Namespace) -> None:
    """postern alerts test"""
    from postern.base.errors import Busy
    from postern.ops.monitor import tell

    words = tell.Words(
        "A test of Postern's alerts", ("Nothing is wrong: the operator asked for this.",), good=True
    )
    with common.instance() as context:
        told = tell.tell(context, words)
    if not told:
        raise Busy(
            "Nobody could be told.",
            "Set POSTERN_ALERT_MAIL or POSTERN_ALERT_URL; why it failed: postern logs --level warning",
        )
    print("It was sent.")
