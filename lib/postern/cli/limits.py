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
        nouns,
        "limits",
        "what the relay may send and has sent, and what a user may have; the settings beside them change it",
        "postern limits",
    )
    common.json_flag(limits)
    limits.set_defaults(run=show_limits)


def show_limits(args: argparse.Namespace) -> None:
    """postern limits"""
    from postern.base.config import PREFIX
    from postern.base.relay_place import places
    from postern.store import quotas, relays

    with common.as_operator() as (context, db):
        config = context.config
        used = [(place, relays.usage(db, place.name)) for place in places(config)]
    rows: list[dict[str, object]] = []
    for place, usage in used:
        number = place.number if place.number > 1 else ""
        for time, booked, most in (("hour", usage.hour, place.per_hour), ("day", usage.day, place.per_day)):
            rows.append(
                {
                    "limit": f"relay{f' {number}' if number else ''}, {'an' if time == 'hour' else 'a'} {time}",
                    "used": booked,
                    "most": most or None,
                    "setting": f"{PREFIX}RELAY{number}_PER_{time.upper()}",
                }
            )
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
