"""The drain: one run that delivers what is due. Its steps, and every crash between them: docs/queue.md.

Claim (a transaction), prepare (another), talk to the relay (none), record (another); then the next one, until nothing
is due, the relay's budget is used up, or the time is over.
Not here: what an outcome leads to (flow/record.py), what goes out (flow/letter.py).
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field

from postern.base import clock
from postern.base.database import SYSTEM
from postern.base.errors import DatabaseUnavailable, SealBroken
from postern.base.spool import Holder
from postern.flow import quarantine, record, retry, sign_in_mail
from postern.flow.letter import prepare
from postern.flow.notify import NoSender
from postern.relay.outcome import ACCOUNT, PASSING, Outcome, RelayTrouble
from postern.relay.settings import RelaySettings
from postern.relay.smtp import Relay
from postern.store import deliveries, relays

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.log import Log
    from postern.base.stop import Stop
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed

NOTHING_DUE = "nothing is due"

RESERVE = 10
"""Deliveries of the relay's budget that only urgent mail may use; of a small budget, a tenth."""

BUDGET = "the relay's budget is used up"

NOT_OPENED = "open"
"""The stage of what went wrong before the relay was asked."""


@dataclass
class Tally:
    """What a drain did."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    given_back: int = 0
    stopped: str = ""


@dataclass
class Drain:
    """One run. `tired` holds recipients that met passing trouble: their other deliveries wait too."""

    context: Context
    relay: Relay
    until: float
    stop: Stop
    tally: Tally = field(default_factory=Tally)
    tired: set[UUID] = field(default_factory=set)

    def run(self) -> Tally:
        """Deliver until there is a reason to stop."""
        with self.relay:
            while not self.tally.stopped:
                self._post_asked()
                self._deliver_all(self._claim())
        return self.tally

    def _post_asked(self) -> None:
        """Queue the mails of those who want to sign in. That there is nobody to write as holds up no other mail."""
        try:
            sign_in_mail.post_asked(self.context)
        except NoSender as error:
            self.context.log.error("notice.no_sender", reason=str(error))

    def _claim(self) -> list[Claimed]:
        """Take a batch, as far as the relay's budget goes, and book it. The tally says why nothing was due.

        What is for a paused mailbox is held rather than booked, so a batch may be empty and the next one not.
        """
        config, name = self.context.config, relay_name(self.context)
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            relay = relays.lock(db, name)
            room = _room(config.relay_per_hour, config.relay_per_day, relays.usage(db, name))
            reserve = _reserve(config.relay_per_hour, config.relay_per_day)
            if relay.paused_seconds:
                self.tally.stopped = "the relay is paused"
            elif room <= 0:
                self.tally.stopped = BUDGET
            if self.tally.stopped:
                return []
            urgent_only = room <= reserve
            many = min(room if urgent_only else room - reserve, config.drain_batch)
            batch = deliveries.claim(db, many, config.lease_seconds, urgent_only)
            wanted = quarantine.hold_paused(self.context, db, batch)
            relays.book(db, name, len(wanted))
        if not batch:
            self.tally.stopped = BUDGET if urgent_only else NOTHING_DUE
        return wanted

    def _deliver_all(self, batch: list[Claimed]) -> None:
        """Deliver one after another; what cannot be tried any more is given back."""
        for number, claimed in enumerate(batch):
            self.tally.stopped = self._why_stop()
            if self.tally.stopped:
                self._give_back(batch[number:], 0)
                return
            if claimed.recipient_uid in self.tired:
                self._give_back([claimed], retry.wait_seconds(1, random.random()))
            elif not self._deliver(claimed):
                self._give_back(batch[number:], record.PAUSE_TROUBLE_SECONDS)
                return

    def _why_stop(self) -> str:
        """Why no further delivery may begin; empty: it may."""
        if clock.elapsed() >= self.until:
            return "the time is over"
        return self.stop.why()

    def _deliver(self, claimed: Claimed) -> bool:
        """Deliver one. False: there is no going on; what is still leased is to be given back."""
        log = self.context.log.with_fields(
            delivery=claimed.id, message=str(claimed.message_uid), attempt=claimed.attempts
        )
        try:
            outcome = self._send(claimed)
        except RelayTrouble as trouble:
            self._pause(trouble.outcome, f"{trouble.reason} {trouble.remedy}", log)
            return False
        except DatabaseUnavailable as error:
            log.error("delivery.database_away", reason=error.reason)
            self.tally.stopped = "the database went away"
            return False
        except SealBroken as error:
            log.error("delivery.sealed", reason=error.reason)
            outcome = Outcome(PASSING, NOT_OPENED, 0, "", error.reason)
        except Exception as error:  # noqa: BLE001
            # One message that meets a fault of ours waits like any other; it must not stop the queue for everybody.
            fault = log.exception("delivery.fault", error)
            outcome = Outcome(PASSING, NOT_OPENED, 0, "", f"A fault of Postern, see its log: {fault}")
        self._record(claimed, outcome, log)
        if outcome.kind == ACCOUNT:
            self._pause(
                outcome, f"The relay refuses our account, or its limit is reached: {outcome.said}", log
            )
        return outcome.kind != ACCOUNT

    def _send(self, claimed: Claimed) -> Outcome:
        with contextlib.closing(Holder(self.context.spool.tmp)) as holder:
            letter = prepare(self.context, claimed, holder)
            # The body is not looked at, so it may hold 8-bit bytes.
            return self.relay.send(
                letter.mail_from, letter.rcpt_to, letter.pieces, letter.size, eight_bit=True
            )

    def _record(self, claimed: Claimed, outcome: Outcome, log: Log) -> None:
        """Write down what the relay said: the very next thing after its answer."""
        move = record.outcome(self.context, relay_name(self.context), claimed, outcome)
        log.info(f"delivery.{move}", stage=outcome.stage, code=outcome.code, said=outcome.said)
        if move != record.LEASE_LOST:
            setattr(self.tally, move, getattr(self.tally, move) + 1)
        if move == record.LATER and outcome.stage != NOT_OPENED:
            self.tired.add(claimed.recipient_uid)

    def _pause(self, outcome: Outcome, words: str, log: Log) -> None:
        """The relay, not the mail, is at fault."""
        log.error("relay.trouble", stage=outcome.stage, code=outcome.code, said=outcome.said)
        record.trouble(self.context, relay_name(self.context), outcome, words)
        self.tally.stopped = "the relay is in trouble"

    def _give_back(self, batch: list[Claimed], wait_seconds: int) -> None:
        """Return what was claimed and not tried."""
        self.tally.given_back += record.give_back(self.context, relay_name(self.context), batch, wait_seconds)


def _room(per_hour: int, per_day: int, used: relays.Usage) -> int:
    """How many more the budget allows now; 0 as a limit means none."""
    hour = per_hour - used.hour if per_hour else 1_000_000
    day = per_day - used.day if per_day else 1_000_000
    return min(hour, day)


def _reserve(per_hour: int, per_day: int) -> int:
    """How much of it is kept for urgent mail: nobody shall be unable to sign in because others got much mail."""
    limits = [limit for limit in (per_hour, per_day) if limit]
    return min(RESERVE, min(limits) // 10) if limits else 0


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


def drain(context: Context, stop: Stop) -> Tally:
    """Deliver what is due, for at most POSTERN_DRAIN_SECONDS."""
    until = clock.elapsed() + context.config.drain_seconds
    return Drain(context, Relay(relay_settings(context)), until, stop).run()
