"""The drain: one run that delivers what is due. Its steps, and every crash between them: docs/queue.md.

Claim (a transaction), prepare (another), talk to the relay (none), record (another); then the next one, until nothing
is due, the relays' budgets are used up, or the time is over.
Not here: what may go over which relay (flow/outlet.py), what an outcome leads to (flow/record.py), what goes out
(flow/letter.py).
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field

from postern.base import clock, dkim_keys
from postern.base.errors import DatabaseUnavailable, SealBroken
from postern.base.spool import Holder
from postern.flow import canary, record, retry, sign_in_mail
from postern.flow.letter import prepare
from postern.flow.notify import NoSender
from postern.flow.outlet import BUDGET, NOTHING_DUE, PAUSED, SLOW, STRIKES, TROUBLE, Outlet, Taken, outlets
from postern.flow.sign import Signer
from postern.relay.outcome import ACCOUNT, PASSING, Outcome, RelayTrouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.log import Log
    from postern.base.stop import Stop
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed

NOT_OPENED = "open"
"""The stage of what went wrong before the relay was asked."""

_ORDER = (PAUSED, BUDGET, SLOW, TROUBLE, NOTHING_DUE)
"""Of several relays' reasons to take nothing, the last one of these is told."""


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
    outlets: list[Outlet]
    until: float
    stop: Stop
    signer: Signer
    tally: Tally = field(default_factory=Tally)
    tired: set[UUID] = field(default_factory=set)

    def run(self) -> Tally:
        """Deliver until there is a reason to stop."""
        with contextlib.ExitStack() as stack:
            for outlet in self.outlets:
                stack.enter_context(outlet.relay)
            while not self.tally.stopped:
                self._post_asked()
                self._deliver_all(*self._claim())
        return self.tally

    def _post_asked(self) -> None:
        """Queue the mails of those who want to sign in. That there is nobody to write as holds up no other mail."""
        try:
            sign_in_mail.post_asked(self.context)
        except NoSender as error:
            self.context.log.error("notice.no_sender", reason=str(error))

    def _claim(self) -> tuple[Outlet, list[Claimed]]:
        """A batch for the first relay that may take one. The tally says why there is none."""
        reasons = []
        for outlet in self.outlets:
            taken = Taken([], outlet.broken) if outlet.broken else outlet.claim(self.context)
            if not taken.why:
                return outlet, taken.batch
            reasons.append(taken.why)
            if taken.why == NOTHING_DUE:
                break
        self.tally.stopped = max(reasons, key=_ORDER.index)
        return self.outlets[0], []

    def _deliver_all(self, outlet: Outlet, batch: list[Claimed]) -> None:
        """Deliver one after another; what cannot be tried any more is given back."""
        for number, claimed in enumerate(batch):
            self.tally.stopped = self._why_stop()
            if self.tally.stopped:
                self._give_back(outlet, batch[number:], 0)
                return
            if claimed.recipient_uid in self.tired:
                self._give_back(outlet, [claimed], retry.wait_seconds(1, random.random()))
            elif not self._deliver(outlet, claimed):
                # Where there is another relay, it may take them at once.
                at_once = outlet.broken and not all(other.broken for other in self.outlets)
                self._give_back(outlet, batch[number:], 0 if at_once else record.PAUSE_TROUBLE_SECONDS)
                if outlet.period:
                    record.learn(self.context, outlet.place, outlet.period)
                return

    def _why_stop(self) -> str:
        """Why no further delivery may begin; empty: it may."""
        if clock.elapsed() >= self.until:
            return "the time is over"
        return self.stop.why()

    def _deliver(self, outlet: Outlet, claimed: Claimed) -> bool:
        """Deliver one. False: there is no going on over this relay; what is still leased is to be given back."""
        log = self.context.log.with_fields(
            delivery=claimed.id, message=str(claimed.message_uid), attempt=claimed.attempts
        )
        try:
            outcome = self._send(outlet, claimed)
        except RelayTrouble as trouble:
            self._pause(outlet, trouble.outcome, f"{trouble.reason} {trouble.remedy}", log)
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
        self._record(outlet, claimed, outcome, log)
        return self._goes_on(outlet, outcome, log)

    def _send(self, outlet: Outlet, claimed: Claimed) -> Outcome:
        with contextlib.closing(Holder(self.context.spool.tmp)) as holder:
            letter = prepare(self.context, claimed, holder, self.signer)
            if letter.ended:
                return canary.ENDED
            # The body is not looked at, so it may hold 8-bit bytes.
            return outlet.relay.send(
                letter.mail_from, letter.rcpt_to, letter.pieces, letter.size, eight_bit=True
            )

    def _record(self, outlet: Outlet, claimed: Claimed, outcome: Outcome, log: Log) -> None:
        """Write down what the relay said: the very next thing after its answer."""
        move = record.outcome(self.context, outlet.place.name, claimed, outcome)
        log.info(
            f"delivery.{move}",
            stage=outcome.stage,
            code=outcome.code,
            said=outcome.said,
            relay=outlet.place.number,
        )
        if move != record.LEASE_LOST:
            setattr(self.tally, move, getattr(self.tally, move) + 1)
        if move == record.LATER and outcome.stage != NOT_OPENED:
            self.tired.add(claimed.recipient_uid)

    def _goes_on(self, outlet: Outlet, outcome: Outcome, log: Log) -> bool:
        """Whether the next one may go over this relay, by what it said of the last one."""
        outlet.strikes = outlet.strikes + 1 if outcome.asks_to_slow_down() else 0
        if outcome.is_rate() or outlet.strikes >= STRIKES:
            log.warning("relay.slower", code=outcome.code, said=outcome.said, relay=outlet.place.number)
            record.slower(self.context, outlet.place)
            outlet.broken = SLOW
        elif outcome.kind == ACCOUNT:
            words = f"The relay refuses our account, or its limit is reached: {outcome.said}"
            self._pause(outlet, outcome, words, log)
        return not outlet.broken

    def _pause(self, outlet: Outlet, outcome: Outcome, words: str, log: Log) -> None:
        """The relay, not the mail, is at fault."""
        log.error(
            "relay.trouble",
            stage=outcome.stage,
            code=outcome.code,
            said=outcome.said,
            relay=outlet.place.number,
        )
        record.trouble(self.context, outlet.place.name, outcome, words)
        outlet.broken, outlet.period = TROUBLE, outcome.limit_period()

    def _give_back(self, outlet: Outlet, batch: list[Claimed], wait_seconds: int) -> None:
        """Return what was claimed and not tried."""
        name = outlet.place.name
        self.tally.given_back += record.give_back(self.context, name, batch, wait_seconds)


def drain(context: Context, stop: Stop) -> Tally:
    """Deliver what is due, for at most POSTERN_DRAIN_SECONDS. ConfigError where the keys that sign cannot be read.

    Then nothing goes out: receivers may refuse for good what comes without the signature that DMARC asks for.
    """
    until = clock.elapsed() + context.config.drain_seconds
    signer = Signer(dkim_keys.read(context.config.home))
    return Drain(context, outlets(context), until, stop, signer).run()
