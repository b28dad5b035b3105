"""A relay as a drain uses it: where it is, its connection, and what may go over it now.

The first relay takes what it can; what goes beyond its budget, and everything while it is in trouble or rests, goes to the
next one. Each has a budget and a pace of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.database import SYSTEM
from postern.base.relay_place import places
from postern.flow import quarantine
from postern.relay.settings import RelaySettings
from postern.relay.smtp import Relay
from postern.store import deliveries, relay_pace, relays

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.relay_place import RelayPlace
    from postern.base.settings import Config
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed
    from postern.store.relay_pace import Pace
    from postern.store.relays import Usage

NOTHING_DUE = "nothing is due"
BUDGET = "the relay's budget is used up"
PAUSED = "the relay is paused"
TROUBLE = "the relay is in trouble"
SLOW = "the relay asked to go slower"

RESERVE = 10
"""Deliveries of the relay's budget that only urgent mail may use; of a small budget, a tenth."""

REST_SECONDS = 45
"""Between two batches for a relay that is to go slowly: one with each minute's drain."""

STRIKES = 2
"""Answers in a row that ask to go slower, before we do: one alone may be about one recipient, or one connection."""


@dataclass(frozen=True)
class Taken:
    """What was claimed for a relay; or, when that is nothing, why."""

    batch: list[Claimed]
    why: str = ""


@dataclass
class Outlet:
    """`relays`: its connections, the first of which is always used. `strikes`: answers in a row that asked to go slower.

    `broken`: why it is of no more use in this drain. `period`: it said that this time's limit (hour, day) is reached.
    """

    place: RelayPlace
    relays: list[Relay]
    strikes: int = 0
    broken: str = ""
    period: str = ""

    @property
    def relay(self) -> Relay:
        """Its first connection."""
        return self.relays[0]

    def claim(self, context: Context, most: int) -> Taken:
        """Take a batch of at most so many, as far as the relay's budget and pace go, and book it.

        What is for a paused mailbox is held rather than booked, so a batch may be empty and the next one not.
        """
        config, name = context.config, self.place.name
        with context.pool.connection() as db, db.transaction(SYSTEM):
            relay = relays.lock(db, name)
            if relay.paused_seconds:
                return Taken([], PAUSED)
            pace = relay_pace.find(db, name)
            limits = (tighter(self.place.per_hour, pace.hour), tighter(self.place.per_day, pace.day))
            room = _room(*limits, relays.usage(db, name))
            reserve = _reserve(*limits)
            if room <= 0:
                return Taken([], BUDGET)
            urgent_only = room <= reserve
            many = min(room if urgent_only else room - reserve, max(1, most >> pace.slow))
            found = deliveries.claim(db, many, config.lease_seconds, urgent_only)
            if not found:
                return Taken([], BUDGET if urgent_only else NOTHING_DUE)
            wanted = quarantine.hold_paused(context, db, found)
            relays.book(db, name, len(wanted))
            if pace.slow:
                relay_pace.rest(db, name, REST_SECONDS)
        return Taken(wanted)


def outlets(context: Context) -> list[Outlet]:
    """All relays of the settings, not connected yet, the first one first.

    Of the connections to one, each may want one to the database, and none shall wait for another's.
    """
    most = context.config.db_pool
    return [
        Outlet(place, [Relay(relay_settings(context, place)) for _ in range(min(place.connections, most))])
        for place in places(context.config)
    ]


def relay_settings(context: Context, place: RelayPlace) -> RelaySettings:
    """The relay as the settings describe it."""
    return RelaySettings(
        host=place.host,
        port=place.port,
        tls=place.tls,
        user=place.user,
        password=place.password,
        ca_file=place.ca_file,
        timeout=place.seconds,
        helo=host_name(context.config),
    )


def host_name(config: Config) -> str:
    """What we call ourselves in EHLO."""
    return config.url.split("//")[-1].partition("/")[0].partition(":")[0]


def tighter(set_limit: int, learnt: int | None) -> int:
    """The lower one of a limit that was set (0: none) and one that was learnt."""
    if learnt is None:
        return set_limit
    return min(set_limit, learnt) if set_limit else learnt


def learnt(place: RelayPlace, period: str, usage: Usage) -> int:
    """What a refusal "your limit an hour (a day) is reached" teaches, now that so much is booked.

    No less than a tenth of what was set: the account may be used by others, too, and what they sent is not known here.
    """
    used, limit = (usage.hour, place.per_hour) if period == "hour" else (usage.day, place.per_day)
    return max(used - 1, limit // 10, RESERVE)


def used_percent(place: RelayPlace, pace: Pace, usage: Usage) -> int:
    """How much of the budget is used, of whichever limit is nearer."""
    both = ((usage.hour, tighter(place.per_hour, pace.hour)), (usage.day, tighter(place.per_day, pace.day)))
    return max((100 * used // most for used, most in both if most), default=0)


def _room(per_hour: int, per_day: int, used: Usage) -> int:
    """How many more the budget allows now; 0 as a limit means none."""
    hour = per_hour - used.hour if per_hour else 1_000_000
    day = per_day - used.day if per_day else 1_000_000
    return min(hour, day)


def _reserve(per_hour: int, per_day: int) -> int:
    """How much of it is kept for urgent mail: nobody shall be unable to sign in because others got much mail."""
    limits = [limit for limit in (per_hour, per_day) if limit]
    return min(RESERVE, min(limits) // 10) if limits else 0
