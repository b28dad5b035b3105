"""The one check whose state cannot stand in the database: whether that can be used. It is a file of the home, monitor.json."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace

from postern.base import clock
from postern.store.findings import LOOKS, REPEAT_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context


@dataclass(frozen=True)
class State:
    """As in store/findings.py; times are Unix time of this host."""

    bad: bool = False
    since: float = 0.0
    streak: int = 0
    pending: bool = False
    told: float = 0.0

    def after(self, ok: bool, now: float) -> State:
        """The state after one more look."""
        if ok != self.bad:
            return replace(self, streak=0)
        if self.streak + 1 < LOOKS:
            return replace(self, streak=self.streak + 1)
        return replace(self, bad=not self.bad, since=now, streak=0, pending=True)

    def is_to_be_told(self, now: float) -> bool:
        """A change, or a day of the same. A clock that was set back tells once more."""
        return self.pending or (self.bad and not 0 <= now - self.told < REPEAT_SECONDS)

    def after_telling(self, now: float) -> State:
        """Somebody knows."""
        return replace(self, pending=False, told=now)


def read(context: Context) -> State:
    """As it was left; a file that is no state counts as none."""
    try:
        with open(_path(context), encoding="utf-8") as file:
            return State(**json.load(file))
    except (OSError, ValueError, TypeError):
        return State()


def write(context: Context, state: State) -> None:
    """Keep it, if the disk takes it."""
    beside = f"{_path(context)}.new"
    try:
        with open(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(asdict(state), file)
        os.replace(beside, _path(context))
    except OSError as error:
        context.log.warning("monitor.state_not_kept", reason=error.strerror)


def look(context: Context, ok: bool) -> State:
    """One more look, kept."""
    state = read(context).after(ok, clock.now())
    write(context, state)
    return state


def _path(context: Context) -> str:
    return os.path.join(context.config.home, "monitor.json")
