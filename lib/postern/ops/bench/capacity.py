"""How many users and mails a day a host can carry, from what was measured. The formula stands in docs/PERFORMANCE.md, too.

Mail does not come evenly: a tenth of a day's comes in the busiest hour. In that hour at most half of the processor that the
host gives is used, so that nobody waits long; one core counts, for that is what a shared host gives. A delivery waits for the
database and the relay as well, and one drain runs at a time. The relay's budget stands beside these; the least of them counts.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from postern.base.relay_place import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.base.settings import Config
    from postern.ops.bench.result import Result

HOUR_MS = 3_600_000
BUSY_HOUR = 0.10
"""Of a day's mail and pages, what comes in the busiest hour."""

USABLE = 0.5
MAILS_A_USER, PAGES_A_USER = 30, 40
"""A day, of somebody who uses aliases for everything."""

LARGE = 0.02
"""Of all mail, so much weighs as 1 MB; the rest as 4 KB."""

NEEDED = ("request.warm", "receipt.4k", "receipt.1m", "drain.4k", "drain.25m")


@dataclass(frozen=True)
class Capacity:
    """Users, mails a day, and what it is that allows no more."""

    users: int
    mails: int
    reason: str


def reckon(found: Mapping[str, Result], share: float, config: Config | None) -> Capacity | None:
    """None where a row is missing that it is reckoned from. `share`: cores that the host gives, at most 1 counts."""
    page = found.get("request.warm") or found.get("request.cold")
    if page is None or any(name not in found for name in NEEDED[1:]):
        return None
    mail_ms = _mail_ms(found)
    usable_ms = HOUR_MS * min(share, 1) * USABLE / BUSY_HOUR
    bounds = {
        "the processor": usable_ms / mail_ms,
        "what one drain delivers": HOUR_MS * USABLE / BUSY_HOUR / max(found["drain.4k"].median, 0.001),
        **(_budgets(config) if config else {}),
    }
    least = min(bounds, key=lambda name: bounds[name])
    users = usable_ms / (MAILS_A_USER * mail_ms + PAGES_A_USER * page.processor)
    told = ", ".join(
        f"{name} {_round(bounds[name]):,}" for name in sorted(bounds, key=lambda one: bounds[one])
    )
    return Capacity(
        _round(min(users, bounds[least] / MAILS_A_USER)),
        _round(bounds[least]),
        f"{least} allows no more; mails a day by each: {told}",
    )


def _mail_ms(found: Mapping[str, Result]) -> float:
    """Milliseconds of the processor from receipt to delivery, of the mail that comes on average."""
    small = found["receipt.4k"].processor + found["drain.4k"].processor
    large = found["receipt.1m"].processor + found["drain.25m"].processor / 25
    return max(small * (1 - LARGE) + large * LARGE, 0.001)


def _budgets(config: Config) -> dict[str, float]:
    """Of all relays together; no bound where one has none."""
    days = [place.per_day for place in places(config)]
    hours = [place.per_hour for place in places(config)]
    bounds: dict[str, float] = {}
    if all(days):
        bounds["the relay's budget of a day (POSTERN_RELAY_PER_DAY)"] = sum(days)
    if all(hours):
        bounds["the relay's budget of an hour (POSTERN_RELAY_PER_HOUR)"] = sum(hours) / BUSY_HOUR
    return bounds


def _round(number: float) -> int:
    """Down to two digits: more would be a lie."""
    if number < 10:
        return int(number)
    unit = 10 ** (int(math.log10(number)) - 1)
    return int(number // unit * unit)


def share_of_host() -> float:
    """Cores that this process may use: those it may run on, or the quota of its control group where that is less."""
    cores = (
        float(len(os.sched_getaffinity(0)))
        if hasattr(os, "sched_getaffinity")
        else float(os.cpu_count() or 1)
    )
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
        return min(cores, int(quota) / int(period))
    except (OSError, ValueError):
        return cores
