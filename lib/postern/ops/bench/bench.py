"""One run of the benchmark as its parts see it: who starts processes, how long there is, where things are."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from postern.base import clock
from postern.ops.bench import lab, result
from postern.ops.bench.lab import Lab
from postern.ops.bench.result import LeftOut, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from postern.base.settings import Config
    from postern.ops.bench.spawn import Spawner

    class Resident(Protocol):
        """What is asked of the process that stays, which lives a floor above (resident/ask.py)."""

        def status(self, home: str) -> Mapping[str, Any] | None:
            """What it says of itself; None where there is none."""

        def stop(self, home: str) -> bool:
            """Let it leave."""


ALL_SECONDS = 100
"""From here on no round begins that is not a row's first, and no group of rows either. What is begun takes its time."""

QUICK_ROUNDS = 2


@dataclass
class Bench:
    """`settings` raises ConfigError where the instance has none; `python`: as the door is run."""

    home: str
    python: str
    spawner: Spawner
    resident: Resident
    settings: Callable[[], Config]
    quick: bool = False
    began: float = field(default_factory=clock.elapsed)
    results: dict[str, Result] = field(default_factory=dict)
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _lab: Lab | None = None
    _why_no_lab: str = ""

    def is_over(self) -> bool:
        """Whether the two minutes are nearly up. Two rounds of each take their time, also on a very busy machine."""
        return not self.quick and clock.elapsed() - self.began > ALL_SECONDS

    def rounds(self, most: int, seconds: float) -> Iterator[int]:
        """Numbers of rounds: one in any case, then as many as the time allows."""
        until = clock.elapsed() + seconds
        for number in range(min(most, QUICK_ROUNDS) if self.quick else most):
            if number and (clock.elapsed() > until or self.is_over()):
                return
            yield number

    def found(self, name: str, samples: Sequence[float], processor: Sequence[float] = ()) -> None:
        """A row is measured."""
        self.results[name] = result.of(name, samples, processor)

    def lab(self) -> Lab:
        """The instance of its own, made when it is first asked for; it ends with `stack`. LeftOut."""
        if self._why_no_lab:
            raise LeftOut(self._why_no_lab)
        if self._lab is None:
            try:
                self._lab = self.stack.enter_context(lab.opened(self.settings()))
                # Before it goes: nothing may be at work in it.
                self.stack.callback(self.spawner.settle)
            except LeftOut as error:
                self._why_no_lab = str(error)
                raise
        return self._lab
