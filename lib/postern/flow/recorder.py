"""Writing down what relays said, for several connections at once: those who wait are written down together.

Nobody goes on before his own answer is written down. So a connection never has more than one message of which nobody knows yet
that it arrived, and what connections have in common is one commit, not a wider window for doubles (docs/queue.md).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from postern.base import clock
from postern.base.errors import DatabaseUnavailable, PosternError
from postern.flow import record
from postern.relay.outcome import SENT, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed


NOTE_SECONDS = 1.0
"""So often it is noted that the relay works: its row is one that the claims of all drains wait for."""


@dataclass
class Entry:
    """An answer, and the move that was made for it once it is written down; or what kept it from that."""

    claimed: Claimed
    outcome: Outcome
    move: str = ""
    error: Exception | None = None


class Recorder:
    """Of one relay."""

    def __init__(self, context: Context, relay: str) -> None:
        self._context = context
        self._relay = relay
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[Entry] = []
        self._noted_ok = float("-inf")

    def record(self, claimed: Claimed, outcome: Outcome) -> str:
        """Write it down; returns the move that was made (flow/record.py)."""
        entry = Entry(claimed, outcome)
        with self._guard:
            self._waiting.append(entry)
        with self._turn:
            # Whoever had the turn before may have done it.
            if not entry.move and not entry.error:
                self._write_down()
        if entry.error:
            raise entry.error
        return entry.move

    def _write_down(self) -> None:
        with self._guard:
            entries, self._waiting = self._waiting, []
        try:
            sent = [one for one in entries if one.outcome.kind == SENT]
            if len(sent) > 1:
                self._together(sent)
            for one in entries:
                if not one.move:
                    self._one(one)
        finally:
            # Cut off in the middle: whoever has the next turn does the rest.
            with self._guard:
                self._waiting += [one for one in entries if not one.move and not one.error]

    def _together(self, entries: list[Entry]) -> None:
        """In one transaction; where that goes wrong, one by one tells of which it is."""
        try:
            self._sent(entries)
        except DatabaseUnavailable:
            raise
        except PosternError as error:
            self._context.log.warning("drain.one_by_one", reason=error.reason)

    def _sent(self, entries: list[Entry]) -> None:
        now = clock.elapsed()
        is_news = now - self._noted_ok > NOTE_SECONDS
        done = [(one.claimed, one.outcome) for one in entries]
        moves = record.sent(self._context, done, self._relay if is_news else "")
        self._noted_ok = now if is_news else self._noted_ok
        for one, move in zip(entries, moves):
            one.move = move

    def _one(self, entry: Entry) -> None:
        try:
            if entry.outcome.kind == SENT:
                self._sent([entry])
            else:
                entry.move = record.outcome(self._context, entry.claimed, entry.outcome)
        except Exception as error:  # noqa: BLE001 - raised again where its message is
            entry.error = error
