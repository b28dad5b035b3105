"""What a drain has done so far, and whether it goes on: shared by the connections of its batches."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.base import clock
from postern.flow import record
from postern.relay.outcome import SENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.stop import Stop
    from postern.flow.context import Context
    from postern.flow.outlet import Outlet
    from postern.flow.sign import Signer
    from postern.store.deliveries import Claimed


@dataclass
class Tally:
    """What a drain did."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    given_back: int = 0
    stopped: str = ""


@dataclass
class Drained:
    """One run. `tired` holds recipients that met passing trouble: their other deliveries wait too. `proven`: they took one."""

    context: Context
    until: float
    stop: Stop
    signer: Signer
    tally: Tally = field(default_factory=Tally)
    tired: set[UUID] = field(default_factory=set)
    proven: set[UUID] = field(default_factory=set)

    def look_whether_to_stop(self) -> None:
        """Say in the tally why no further delivery may begin, where there is a reason."""
        if not self.tally.stopped:
            self.tally.stopped = "the time is over" if clock.elapsed() >= self.until else self.stop.why()

    def note(self, claimed: Claimed, move: str, *, asked: bool) -> None:
        """A move was made of it. `asked`: the relay was asked to take it. One thread at a time."""
        if move != record.LEASE_LOST:
            setattr(self.tally, move, getattr(self.tally, move) + 1)
        if move == record.LATER and asked:
            self.tired.add(claimed.recipient_uid)
        if move == SENT:
            self.proven.add(claimed.recipient_uid)

    def give_back(self, outlet: Outlet, batch: list[Claimed], wait_seconds: int) -> None:
        """Return what was claimed and not tried."""
        if batch:
            self.tally.given_back += record.give_back(self.context, outlet.place.name, batch, wait_seconds)
