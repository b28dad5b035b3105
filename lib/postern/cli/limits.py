"""postern limits"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The command."""
    limits = common.verb(
        nouns, "limits", "what the relay may send and has sent, and what a user may have", "postern limits"
    )
    common.json_flag(limits)
    limits.set_defaults(run=show_limits)


def show_limits(args: argparse.Namespace) -> None:
    """postern limits"""
    from postern.base.config import PREFIX
    from postern.flow.deliver import relay_name
    from postern.store import quotas, relays

    with common.as_operator() as (context, db):
        usage = relays.usage(db, relay_name(context))
        config = context.config
    rows: list[dict[str, object]] = [
        {
            "limit": "relay, an hour",
            "used": usage.hour,
            "most": config.relay_per_hour or None,
            "setting": "POSTERN_RELAY_PER_HOUR",
        },
        {
            "limit": "relay, a day",
            "used": usage.day,
            "most": config.relay_per_day or None,
            "setting": "POSTERN_RELAY_PER_DAY",
        },
    ]
    for name in quotas.NAMES:
        setting = f"user_{name}"
        rows.append(
            {
                "limit": f"a user's {name.replace('_', ' ')}",
                "used": None,
                "most": getattr(config, setting),
                "setting": PREFIX + setting.upper(),
            }
        )
    common.show(rows, args.json, "")
