"""A claimed batch on its way over one relay, by as many connections as it is worth.

Each connection is a thread, the first one is the drain's own; with a small batch there is no other. Each delivers one after
another: hands over, waits for the answer, and has it written down before it begins the next. So what docs/queue.md says of one
delivery holds for each connection.

A recipient who took nothing in this drain yet is asked by one connection at a time: who refuses is not asked by all at once.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections import deque
from threading import Thread

from postern.base.errors import DatabaseUnavailable, SealBroken
from postern.base.spool import Holder
from postern.flow import canary, record, retry
from postern.flow.letter import prepare, prepare_small
from postern.flow.outlet import SLOW, STRIKES, TROUBLE
from postern.flow.recorder import Recorder
from postern.relay.outcome import ACCOUNT, PASSING, Outcome, RelayTrouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.log import Log
    from postern.flow.drained import Drained
    from postern.flow.outlet import Outlet
    from postern.relay.smtp import Relay
    from postern.store.deliveries import Claimed

NOT_OPENED = "open"
"""The stage of what went wrong before the relay was asked."""

EACH, EACH_BYTES = 8, 4_000_000
"""Deliveries, or bytes of them, for which one more connection is worth its handshake."""

STACK_BYTES = 512 * 1024
"""Of a connection's thread: the system's usual 8 MB count on hosts that limit memory."""

LOOK_SECONDS = 0.5
"""So often whoever waits for another connection asks whether to stop."""


class Batch:
    """`drained` is what the drain knows and shares with its other batches."""

    def __init__(self, drained: Drained, outlet: Outlet, claimed: list[Claimed]) -> None:
        self._drained = drained
        self._context = drained.context
        self._outlet = outlet
        self._recorder = Recorder(drained.context, outlet.place.name)
        self._ready = prepare_small(drained.context, claimed, drained.signer)
        self._waiting = deque(claimed)
        self._asking: set[object] = set()
        self._connections = 0
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def deliver(self) -> list[Claimed]:
        """Deliver; returns those that were not tried, for there was a reason to stop or the relay is of no more use."""
        many = min(len(self._outlet.relays), self._worth())
        self._connections = 1
        threads = [thread for relay in self._outlet.relays[1:many] for thread in self._start(relay)]
        try:
            self._work(self._outlet.relay)
        except Exception as error:  # noqa: BLE001 - raised again when all have ended
            self._error = error
        for thread in threads:
            thread.join()
        if self._error:
            raise self._error
        return list(self._waiting)

    def _worth(self) -> int:
        """For how many connections there is enough to do."""
        by_number = 1 + (len(self._waiting) - 1) // EACH
        by_size = 1 + sum(one.size for one in self._waiting) // EACH_BYTES
        return min(len(self._waiting), max(by_number, by_size))

    def _start(self, relay: Relay) -> list[threading.Thread]:
        """A further connection, where the host allows one more thread. It ends with the process, however that is cut off."""
        thread = Thread(target=self._work_beside, args=(relay,), daemon=True)
        before = threading.stack_size(STACK_BYTES)
        try:
            with self._changed:
                self._connections += 1
            thread.start()
        except RuntimeError:
            self._connections -= 1
            self._outlet.relays.remove(relay)
            self._context.log.info("drain.no_more_threads")
            return []
        finally:
            threading.stack_size(before)
        return [thread]

    def _work_beside(self, relay: Relay) -> None:
        """In a thread of its own. Inside the gate from start to end, so that no answer is lost to an upgrade."""
        try:
            with self._context.pool.gate.enter():
                self._work(relay)
        except Exception as error:  # noqa: BLE001 - raised again when all have ended
            self._error = error

    def _work(self, relay: Relay) -> None:
        goes_on = True
        while goes_on:
            claimed = self._next()
            if claimed is None:
                break
            try:
                goes_on = self._deliver(relay, claimed)
            finally:
                with self._changed:
                    self._asking.discard(claimed.recipient_uid)
                    self._changed.notify_all()
        with self._changed:
            self._connections -= 1

    def _next(self) -> Claimed | None:
        """The next one that may be tried; None: there is none any more, or a reason to stop."""
        with self._changed:
            while self._waiting and not self._outlet.broken and not self._error:
                self._drained.look_whether_to_stop()
                if self._drained.tally.stopped:
                    return None
                self._put_off()
                for number, one in enumerate(self._waiting):
                    if one.recipient_uid not in self._asking or one.recipient_uid in self._drained.proven:
                        del self._waiting[number]
                        self._asking.add(one.recipient_uid)
                        return one
                if self._waiting:
                    self._changed.wait(LOOK_SECONDS)
            return None

    def _put_off(self) -> None:
        """Give back what is for a recipient who met passing trouble."""
        tired = [one for one in self._waiting if one.recipient_uid in self._drained.tired]
        if tired:
            self._waiting = deque(one for one in self._waiting if one not in tired)
            self._drained.give_back(self._outlet, tired, retry.wait_seconds(1, random.random()))

    def _deliver(self, relay: Relay, claimed: Claimed) -> bool:
        """Deliver one. False: this connection is of no more use."""
        log = self._context.log.with_fields(
            delivery=claimed.id, message=str(claimed.message_uid), attempt=claimed.attempts
        )
        try:
            outcome = self._send(relay, claimed)
        except RelayTrouble as trouble:
            self._no_connection(relay, claimed, trouble, log)
            return False
        except DatabaseUnavailable as error:
            log.error("delivery.database_away", reason=error.reason)
            with self._changed:
                self._drained.tally.stopped = "the database went away"
                self._waiting.appendleft(claimed)
            return False
        except SealBroken as error:
            log.error("delivery.sealed", reason=error.reason)
            outcome = Outcome(PASSING, NOT_OPENED, 0, "", error.reason)
        except Exception as error:  # noqa: BLE001
            # One message that meets a fault of ours waits like any other; it must not stop the queue for everybody.
            fault = log.exception("delivery.fault", error)
            outcome = Outcome(PASSING, NOT_OPENED, 0, "", f"A fault of Postern, see its log: {fault}")
        self._record(claimed, outcome, log)
        return self._goes_on(outcome, log)

    def _send(self, relay: Relay, claimed: Claimed) -> Outcome:
        with contextlib.closing(Holder(self._context.spool.tmp)) as holder:
            letter = self._ready.pop(claimed.id, None)
            letter = letter or prepare(self._context, claimed, holder, self._drained.signer)
            if letter.ended:
                return canary.ENDED
            # The body is not looked at, so it may hold 8-bit bytes.
            return relay.send(letter.mail_from, letter.rcpt_to, letter.pieces, letter.size, eight_bit=True)

    def _record(self, claimed: Claimed, outcome: Outcome, log: Log) -> None:
        """Write down what the relay said: the very next thing after its answer."""
        move = self._recorder.record(claimed, outcome)
        log.info(
            f"delivery.{move}",
            stage=outcome.stage,
            code=outcome.code,
            said=outcome.said,
            relay=self._outlet.place.number,
        )
        with self._changed:
            self._drained.note(claimed, move, asked=outcome.stage != NOT_OPENED)

    def _no_connection(self, relay: Relay, claimed: Claimed, trouble: RelayTrouble, log: Log) -> None:
        """Nothing was said about the message. While another connection works, the relay may take no more of them."""
        with self._changed:
            self._waiting.appendleft(claimed)
            is_last = self._connections == 1
            if not is_last:
                self._outlet.relays.remove(relay)
        if is_last:
            self._pause(trouble.outcome, f"{trouble.reason} {trouble.remedy}", log)
        else:
            log.info("relay.fewer_connections", reason=trouble.reason, relay=self._outlet.place.number)

    def _goes_on(self, outcome: Outcome, log: Log) -> bool:
        """Whether the next one may go over this relay, by what it said of the last one."""
        outlet = self._outlet
        with self._changed:
            outlet.strikes = outlet.strikes + 1 if outcome.asks_to_slow_down() else 0
            is_slow = outcome.is_rate() or outlet.strikes >= STRIKES
        if is_slow:
            log.warning("relay.slower", code=outcome.code, said=outcome.said, relay=outlet.place.number)
            record.slower(self._context, outlet.place)
            outlet.broken = SLOW
        elif outcome.kind == ACCOUNT:
            words = f"The relay refuses our account, or its limit is reached: {outcome.said}"
            self._pause(outcome, words, log)
        return not outlet.broken

    def _pause(self, outcome: Outcome, words: str, log: Log) -> None:
        """The relay, not the mail, is at fault."""
        log.error(
            "relay.trouble",
            stage=outcome.stage,
            code=outcome.code,
            said=outcome.said,
            relay=self._outlet.place.number,
        )
        record.trouble(self._context, self._outlet.place.name, outcome, words)
        self._outlet.broken, self._outlet.period = TROUBLE, outcome.limit_period()
