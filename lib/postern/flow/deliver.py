"""The drain: one run that delivers what is due. Its steps, and every crash between them: docs/queue.md.

Claim (a transaction), prepare (another), talk to the relay (none), record (another); then the next one, until nothing
is due, the relay's budget is used up, or the time is over.
"""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass, field

from postern.base import clock, database, redact
from postern.base.database import SYSTEM
from postern.base.errors import DatabaseUnavailable, SealBroken
from postern.base.spool import Holder
from postern.flow import retry
from postern.flow.letter import prepare
from postern.relay.outcome import Outcome, RelayTrouble
from postern.relay.smtp import Relay, RelaySettings
from postern.store import deliveries, events, messages, relays
from postern.store.deliveries import Said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from postern.base.log import Log
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed

    T = TypeVar("T")

PAUSE_TROUBLE_SECONDS = 60
"""The relay cannot be reached: the next minute's drain may try again."""

PAUSE_ACCOUNT_SECONDS = 900
"""The relay refuses our account, or says that a limit is reached: asking more often makes it worse."""

NOT_OPENED = "open"
"""The stage of what went wrong before the relay was asked."""

RECORD_SECONDS = 120
"""How long recording an outcome is tried while the database is away; well within the lease."""


@dataclass
class Tally:
    """What a drain did."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    given_back: int = 0
    stopped: str = "nothing is due"


@dataclass
class Drain:
    """One run. `tired` holds mailboxes that met passing trouble: their other deliveries wait too."""

    context: Context
    relay: Relay
    until: float
    tally: Tally = field(default_factory=Tally)
    tired: set[int] = field(default_factory=set)

    def run(self) -> Tally:
        """Deliver until there is a reason to stop."""
        with self.relay:
            while True:
                batch = self._claim()
                while batch:
                    if clock.elapsed() >= self.until:
                        self._give_back(batch, 0)
                        self.tally.stopped = "the time is over"
                        return self.tally
                    if not self._deliver(batch[0]):
                        self._give_back(batch, PAUSE_TROUBLE_SECONDS)
                        return self.tally
                    batch = batch[1:]
                if self.tally.stopped != "":
                    return self.tally

    def _claim(self) -> list[Claimed]:
        """Take a batch, as far as the relay's budget goes, and book it. Says in the tally why it may be the last one."""
        config = self.context.config
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            relay = relays.lock(db, relay_name(self.context))
            if relay.paused_seconds:
                self.tally.stopped = "the relay is paused"
                return []
            room = _room(config.relay_per_hour, config.relay_per_day, relays.usage(db, relay.name))
            if room <= 0:
                self.tally.stopped = "the relay's budget is used up"
                return []
            batch = deliveries.claim(db, min(room, config.drain_batch), config.lease_seconds)
            if batch:
                relays.book(db, relay.name, len(batch))
            self.tally.stopped = "" if batch else "nothing is due"
            return batch

    def _deliver(self, claimed: Claimed) -> bool:
        """Deliver one. False: the relay itself is in trouble, and this one is to be given back with the rest."""
        log = self.context.log.with_fields(
            delivery=claimed.id, message=str(claimed.message_uid), attempt=claimed.attempts
        )
        if claimed.mailbox_id in self.tired:
            self._give_back([claimed], retry.wait_seconds(1, random.random()))
            return True
        try:
            outcome = self._send(claimed)
        except RelayTrouble as trouble:
            self._note_trouble(trouble.outcome, f"{trouble.reason} {trouble.remedy}", log)
            return False
        except DatabaseUnavailable as error:
            log.error("delivery.database_away", reason=error.reason)
            self.tally.stopped = "the database went away"
            return False
        except SealBroken as error:
            log.error("delivery.sealed", reason=error.reason)
            outcome = Outcome("passing", NOT_OPENED, 0, "", error.reason)
        except Exception as error:  # noqa: BLE001
            # One message that meets a fault of ours waits like any other; it must not stop the queue for everybody.
            fault = log.exception("delivery.fault", error)
            outcome = Outcome("passing", NOT_OPENED, 0, "", f"A fault of Postern, see its log: {fault}")
        if outcome.kind == "account":
            self._note_trouble(
                outcome, f"The relay refuses our account or its limit is reached: {outcome.said}", log
            )
            return False
        self._record(claimed, outcome, log)
        return True

    def _send(self, claimed: Claimed) -> Outcome:
        with contextlib.closing(Holder(self.context.spool.tmp)) as holder:
            letter = prepare(self.context, claimed, holder)
            self.relay.open()
            return self.relay.send(
                letter.mail_from, letter.rcpt_to, letter.pieces, letter.size, letter.eight_bit
            )

    def _record(self, claimed: Claimed, outcome: Outcome, log: Log) -> None:
        """Write down what the relay said. The very next thing after its answer: until then a crash means a double."""
        moved = self._persist(lambda: self._record_once(claimed, outcome))
        log.info(f"delivery.{moved}", stage=outcome.stage, code=outcome.code, said=outcome.said)

    def _record_once(self, claimed: Claimed, outcome: Outcome) -> str:
        """One transaction; returns the move that was made."""
        ring = self.context.ring
        said = Said(outcome.code, outcome.stage, outcome.said)
        move = self._move(claimed, outcome)
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            if move == "later":
                wait = retry.wait_seconds(claimed.attempts, random.random())
                held = deliveries.later(db, ring, claimed, said, wait)
            elif move == "sent":
                held = deliveries.sent(db, ring, claimed, said)
                relays.note_ok(db, relay_name(self.context))
            else:
                held = deliveries.failed(db, ring, claimed, said)
            if held and move != "later":
                note: dict[str, object] = {"code": outcome.code, "said": outcome.said}
                of = {
                    "alias_id": claimed.alias_id,
                    "message_id": claimed.message_id,
                    "delivery_id": claimed.id,
                }
                events.add(db, ring, claimed.user_id, move, note=note, **of)
                messages.clear_when_done(db, claimed.message_id)
        if not held:
            return "lease_lost"
        setattr(self.tally, move, getattr(self.tally, move) + 1)
        if move == "later" and outcome.stage != NOT_OPENED:
            self.tired.add(claimed.mailbox_id)
        return move

    def _move(self, claimed: Claimed, outcome: Outcome) -> str:
        if outcome.kind == "sent":
            return "sent"
        too_old = claimed.age_seconds > self.context.config.retry_days * 86400
        return "failed" if outcome.kind == "permanent" or too_old else "later"

    def _note_trouble(self, outcome: Outcome, words: str, log: Log) -> None:
        """The relay, not the mail, is at fault: pause it and say so where /health looks."""
        pause = PAUSE_ACCOUNT_SECONDS if outcome.kind == "account" else PAUSE_TROUBLE_SECONDS
        log.error(
            "relay.trouble", stage=outcome.stage, code=outcome.code, said=outcome.said, pause_seconds=pause
        )
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            relays.note_trouble(db, relay_name(self.context), redact.clean(words), pause)
        self.tally.stopped = "the relay is in trouble"

    def _persist(self, work: Callable[[], T]) -> T:
        """Do it, and again while the database is away (it restarts), for RECORD_SECONDS."""
        deadline = clock.elapsed() + RECORD_SECONDS
        while True:
            try:
                return database.retrying(work)
            except DatabaseUnavailable as error:
                if clock.elapsed() >= deadline:
                    raise
                self.context.log.warning("drain.database_away", reason=error.reason)
                time.sleep(0.2)

    def _give_back(self, batch: list[Claimed], wait_seconds: int) -> None:
        """Return what was claimed and not tried, and its place in the budget."""
        self.tally.given_back += self._persist(lambda: self._give_back_once(batch, wait_seconds))

    def _give_back_once(self, batch: list[Claimed], wait_seconds: int) -> int:
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            back = deliveries.give_back(db, batch[0].lease, [claimed.id for claimed in batch], wait_seconds)
            relays.book(db, relay_name(self.context), -len(batch))
        return back


def _room(per_hour: int, per_day: int, used: relays.Usage) -> int:
    """How many more the budget allows now; 0 as a limit means none."""
    hour = per_hour - used.hour if per_hour else 1_000_000
    day = per_day - used.day if per_day else 1_000_000
    return min(hour, day)


def relay_name(context: Context) -> str:
    """The relay's key in the database."""
    return f"{context.config.relay_host}:{context.config.relay_port}"


def relay_settings(context: Context) -> RelaySettings:
    """The relay as the settings describe it."""
    config = context.config
    return RelaySettings(
        host=config.relay_host,
        port=config.relay_port,
        tls=config.relay_tls,
        user=config.relay_user,
        password=config.relay_password,
        ca_file=config.relay_ca_file,
        timeout=config.relay_seconds,
        helo=config.url.split("//")[-1].partition("/")[0].partition(":")[0],
    )


def drain(context: Context) -> Tally:
    """Deliver what is due, for at most POSTERN_DRAIN_SECONDS."""
    return Drain(
        context, Relay(relay_settings(context)), clock.elapsed() + context.config.drain_seconds
    ).run()
