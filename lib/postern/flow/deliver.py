"""The drain: one run that delivers what is due. Its steps, and every crash between them: docs/queue.md.

Claim a batch (a transaction), deliver it (flow/batch.py), give back what was not tried; then the next one, until nothing is
due, the relays' budgets are used up, or the time is over.
Not here: what may go over which relay (flow/outlet.py), what an outcome leads to (flow/record.py), what goes out
(flow/letter.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base import clock, dkim_keys
from postern.flow import record, sign_in_mail
from postern.flow.batch import Batch
from postern.flow.drained import Drained, Tally
from postern.flow.notify import NoSender
from postern.flow.outlet import BUDGET, NOTHING_DUE, PAUSED, SLOW, TROUBLE, Outlet, Taken, outlets
from postern.flow.sign import Signer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.stop import Stop
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed

_ORDER = (PAUSED, BUDGET, SLOW, TROUBLE, NOTHING_DUE)
"""Of several relays' reasons to take nothing, the last one of these is told."""

BATCH_SECONDS = 2.0
"""What a batch should take: who asks to sign in meanwhile waits for its end."""

LARGEST = 8
"""A batch grows to so many times POSTERN_DRAIN_BATCH."""


@dataclass
class Drain:
    """One run over these relays. `size`: of the next batch."""

    drained: Drained
    outlets: list[Outlet]
    size: int

    def run(self) -> Tally:
        """Deliver until there is a reason to stop."""
        tally = self.drained.tally
        try:
            while not tally.stopped:
                self._post_asked()
                outlet, batch = self._claim()
                if batch:
                    self._deliver(outlet, batch)
        except BaseException as error:
            # Cut off: other threads may be in the middle of a message, where a goodbye would become part of it.
            self._close(all_of_them=isinstance(error, Exception))
            raise
        self._close(all_of_them=True)
        return tally

    def _close(self, *, all_of_them: bool) -> None:
        for outlet in self.outlets:
            for relay in outlet.relays if all_of_them else outlet.relays[:1]:
                relay.close()

    def _post_asked(self) -> None:
        """Queue the mails of those who want to sign in. That there is nobody to write as holds up no other mail."""
        context = self.drained.context
        try:
            sign_in_mail.post_asked(context)
        except NoSender as error:
            context.log.error("notice.no_sender", reason=str(error))

    def _claim(self) -> tuple[Outlet, list[Claimed]]:
        """A batch for the first relay that may take one. The tally says why there is none."""
        reasons = []
        for outlet in self.outlets:
            taken = (
                Taken([], outlet.broken) if outlet.broken else outlet.claim(self.drained.context, self.size)
            )
            if not taken.why:
                return outlet, taken.batch
            reasons.append(taken.why)
            if taken.why == NOTHING_DUE:
                break
        self.drained.tally.stopped = max(reasons, key=_ORDER.index)
        return self.outlets[0], []

    def _deliver(self, outlet: Outlet, batch: list[Claimed]) -> None:
        began = clock.elapsed()
        left = Batch(self.drained, outlet, batch).deliver()
        if outlet.broken:
            # Where there is another relay, it may take them at once.
            at_once = not all(other.broken for other in self.outlets)
            self.drained.give_back(outlet, left, 0 if at_once else record.PAUSE_TROUBLE_SECONDS)
            if outlet.period:
                record.learn(self.drained.context, outlet.place, outlet.period)
            return
        self.drained.give_back(outlet, left, 0)
        self._fit(len(batch), clock.elapsed() - began)

    def _fit(self, many: int, seconds: float) -> None:
        """The next batch: what goes out in BATCH_SECONDS, at least as many as usual; and no more than in the time left."""
        usual = self.drained.context.config.drain_batch
        a_second = many / max(seconds, 0.001)
        wanted = max(usual, int(a_second * BATCH_SECONDS))
        in_time = int(a_second * (self.drained.until - clock.elapsed()))
        self.size = max(1, min(wanted, in_time, 2 * self.size, LARGEST * usual))


def drain(context: Context, stop: Stop) -> Tally:
    """Deliver what is due, for at most POSTERN_DRAIN_SECONDS. ConfigError where the keys that sign cannot be read.

    Then nothing goes out: receivers may refuse for good what comes without the signature that DMARC asks for.
    """
    config = context.config
    signer = Signer(dkim_keys.read(config.home))
    drained = Drained(context, clock.elapsed() + config.drain_seconds, stop, signer)
    return Drain(drained, outlets(context), config.drain_batch).run()
