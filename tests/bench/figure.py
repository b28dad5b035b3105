"""What is measured, as it is saved and told."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Line:
    """A line of a table. Milliseconds on the clock and of the processor, MiB at the heaviest; 0 where that was not measured."""

    name: str
    clock: float
    processor: float = 0
    memory: float = 0
    note: str = ""


@dataclass(frozen=True)
class Goal:
    """What is to be reached, and what was. `better`: "less" or "more"."""

    what: str
    goal: float
    reached: float
    unit: str
    better: str = "less"

    @property
    def is_met(self) -> bool:
        return self.reached <= self.goal if self.better == "less" else self.reached >= self.goal


@dataclass
class Section:
    """`name` is also that of its place in the page."""

    name: str
    lines: list[Line]
    goals: list[Goal]
    profile: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def section(found: dict[str, object]) -> Section:
    """From what was saved."""
    return Section(
        found["name"],
        [Line(**line) for line in found["lines"]],
        [Goal(**goal) for goal in found["goals"]],
        found["profile"],
    )


def median(numbers: Sequence[float]) -> float:
    return round(statistics.median(numbers), 3)
