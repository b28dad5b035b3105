"""Two runs side by side, and what has become worse.

A row is worse when it is 1.3 times what it was, and by more than both runs' spreads together. A host that was busy makes all
of it slow: the row of the processor, always the same work, tells by how much, and that much is forgiven the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.ops.bench.rows import BY_NAME, MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.ops.bench.result import Result

WORSE = 1.3
HOST = "host.processor"
FEW_ROUNDS = 3
"""With fewer, the spread is not known; then a quarter of the median stands for it."""


@dataclass(frozen=True)
class Regression:
    """A row that has become worse. `ratio`: now to before, as measured."""

    name: str
    ratio: float
    before: float
    now: float

    def __str__(self) -> str:
        unit = BY_NAME[self.name].unit
        return f"{self.name}: {self.now:g} {unit}, was {self.before:g} ({self.ratio:.2f} times)"


def ratio(now: Mapping[str, Result], before: Mapping[str, Result], name: str) -> float | None:
    """Now to before; None where one of them is missing or nothing."""
    if name not in now or name not in before or not before[name].median:
        return None
    return now[name].median / before[name].median


def host_factor(now: Mapping[str, Result], before: Mapping[str, Result]) -> float:
    """How much slower the host itself is now; at least 1."""
    return max(1.0, ratio(now, before, HOST) or 1.0)


def regressions(now: Mapping[str, Result], before: Mapping[str, Result]) -> list[Regression]:
    """What has become worse, the worst first."""
    slower = host_factor(now, before)
    found = []
    for name in now:
        factor = 1.0 if name == HOST or BY_NAME[name].unit == MIB else slower
        times = ratio(now, before, name)
        if times is None or times <= WORSE * factor:
            continue
        apart = now[name].median - before[name].median * factor
        if apart > _spread(now[name]) + _spread(before[name]) * factor:
            found.append(Regression(name, times, before[name].median, now[name].median))
    return sorted(found, key=lambda one: -one.ratio)


def _spread(one: Result) -> float:
    return one.spread if one.rounds >= FEW_ROUNDS else max(one.spread, one.median / 4)
