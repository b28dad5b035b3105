"""Recording: what the relay's answer leads to, in one transaction; done again while the database is away.

The outcome of a delivery is recorded under its lease; trouble with the relay itself pauses the relay.
"""

from __future__ import annotations

import random
import time

from postern.base import clock, database, redact
from postern.base.database import SYSTEM
from postern.base.errors import DatabaseUnavailable
from postern.flow import bounce, outlet, retry
from postern.relay.outcome import ACCOUNT, PERMANENT, SENT, Outcome
from postern.store import deliveries, events, messages, outcomes, relay_pace, relays
from postern.store.deliveries import Said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from postern.base.database import Database
    from postern.base.relay_place import RelayPlace
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed

    T = TypeVar("T")

LATER, FAILED, LEASE_LOST = "later", "failed", "lease_lost"
"""The moves of docs/queue.md beside SENT; the last one: somebody else has it, nothing was changed."""

PAUSE_TROUBLE_SECONDS = 60
"""The relay cannot be reached: the next minute's drain may try again."""

PAUSE_ACCOUNT_SECONDS = 900
"""The relay refuses our account, or says that a limit is reached: asking more often makes it worse."""

PATIENCE_SECONDS = 120
"""How long the database may be away while something is to be recorded; well within the lease."""


def outcome(context: Context, claimed: Claimed, outcome: Outcome) -> str:
    """Record what the relay said of one delivery that it did not take; returns the move that was made."""
    return _persist(context, lambda: _record(context, claimed, outcome))


def _record(context: Context, claimed: Claimed, outcome: Outcome) -> str:
    move = LATER
    if outcome.kind == PERMANENT or claimed.age_seconds > context.config.retry_days * 86400:
        move = FAILED
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if move == LATER:
            wait = retry.wait_seconds(claimed.attempts, random.random())
            held = deliveries.later(db, context.ring, claimed, _said(outcome), wait)
        else:
            held = deliveries.failed(db, context.ring, claimed, _said(outcome))
            if held:
                _finish(db, context, claimed, outcome)
    return move if held else LEASE_LOST


def sent(context: Context, done: list[tuple[Claimed, Outcome]], relay: str = "") -> list[str]:
    """Record of several at once that the relay took them; returns the move that was made of each.

    `relay`: it is noted of this one that it works; that need not be written each time.
    """
    return _persist(context, lambda: _sent(context, done, relay))


def _sent(context: Context, done: list[tuple[Claimed, Outcome]], relay: str) -> list[str]:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if relay:
            relays.note_ok(db, relay)
        told = [(claimed, _said(outcome)) for claimed, outcome in done]
        moved = outcomes.sent(db, context.ring, told, is_last=True)
    return [SENT if claimed.id in moved else LEASE_LOST for claimed, _ in done]


def _said(outcome: Outcome) -> Said:
    return Said(outcome.code, outcome.stage, outcome.said)


def _finish(db: Database, context: Context, claimed: Claimed, outcome: Outcome) -> None:
    """It has failed: write the event, tell who waits for it, and delete the MIME when nobody needs it any more."""
    if claimed.kind != "notice":
        events.add(
            db,
            context.ring,
            claimed.user_id,
            FAILED,
            alias_id=claimed.alias_id,
            message_id=claimed.message_id,
            delivery_id=claimed.id,
            contact_id=claimed.contact_id,
            note={"code": outcome.code, "said": outcome.said},
        )
    if claimed.kind == "reply":
        bounce.tell_reply_failed(context, db, claimed.user_id, claimed.contact_id, outcome.said)
    messages.clear_when_done(db, claimed.message_id)


def trouble(context: Context, relay: str, outcome: Outcome, words: str) -> None:
    """Pause the relay, and say why where /health and the operator look."""
    pause = PAUSE_ACCOUNT_SECONDS if outcome.kind == ACCOUNT else PAUSE_TROUBLE_SECONDS

    def note() -> None:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            relays.note_trouble(db, relay, redact.clean(words), pause)
            if outcome.asks_to_slow_down():
                relay_pace.slower(db, relay)

    _persist(context, note)


def slower(context: Context, place: RelayPlace) -> None:
    """The relay asked to be fed more slowly."""

    def note() -> None:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            relay_pace.slower(db, place.name)

    _persist(context, note)


def learn(context: Context, place: RelayPlace, period: str) -> None:
    """It said that its limit for this time is reached: with what is booked now, what was not sent being given back."""

    def note() -> None:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            most = outlet.learnt(place, period, relays.usage(db, place.name))
            relay_pace.learn(db, place.name, period, most)

    _persist(context, note)


def give_back(context: Context, relay: str, batch: list[Claimed], wait_seconds: int) -> int:
    """Return leased deliveries that were not tried, and their place in the budget; returns how many were still ours."""

    def back() -> int:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            ours = deliveries.give_back(db, batch[0].lease, [claimed.id for claimed in batch], wait_seconds)
            relays.book(db, relay, -ours)
        return ours

    return _persist(context, back)


def _persist(context: Context, work: Callable[[], T]) -> T:
    """Do it, and again while the database is away (it restarts), for PATIENCE_SECONDS."""
    deadline = clock.elapsed() + PATIENCE_SECONDS
    while True:
        try:
            return database.retrying(work)
        except DatabaseUnavailable as error:
            if clock.elapsed() >= deadline:
                raise
            context.log.warning("drain.database_away", reason=error.reason)
            time.sleep(0.2)
