"""What was found of one row: the median of its rounds and how far they lay apart."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Result:
    """In the unit of the row. `spread`: half of the distance in which the middle half of the rounds lies.

    `processor`: milliseconds of the processor, 0 where they were not counted.
    """

    name: str
    median: float
    spread: float
    rounds: int
    processor: float = 0


def of(name: str, samples: Sequence[float], processor: Sequence[float] = ()) -> Result:
    """From the rounds, at least one."""
    spread = 0.0
    if len(samples) > 1:
        low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
        spread = (high - low) / 2
    used = statistics.median(processor) if processor else 0
    return Result(name, _short(statistics.median(samples)), _short(spread), len(samples), _short(used))


def _short(number: float) -> float:
    return round(number, 3)


class LeftOut(Exception):
    """A row could not be measured; the words say why."""
