"""Reading answers as typed clients do: a field that is missing or of another kind is a fault there, one too many is not.

USER = {"name": str, "max": Int, "picture": Null(str), "boxes": [{"id": Int}]}
read(answer.json, USER)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Int:
    """A whole number that fits Android's Int: 31 bits without sign."""


class Time:
    """Unix time in whole seconds."""


class Word:
    """One of these texts; another one is none to a client's enumeration."""

    def __init__(self, *known: str) -> None:
        self.known = known


@dataclass(frozen=True)
class Null:
    """That or null, or not there at all."""

    shape: Any


def read(value: Any, shape: Any, where: str = "it") -> Any:
    """The value, if the client can read it."""
    if isinstance(shape, Null):
        return None if value is None else read(value, shape.shape, where)
    if isinstance(shape, dict):
        assert isinstance(value, dict), f"{where}: {value!r} is no object"
        return {name: read(value.get(name), one, f"{where}.{name}") for name, one in shape.items()}
    if isinstance(shape, list):
        assert isinstance(value, list), f"{where}: {value!r} is no list"
        return [read(one, shape[0], f"{where}[{place}]") for place, one in enumerate(value)]
    if isinstance(shape, Word):
        assert value in shape.known, f"{where}: {value!r} is none of {shape.known}"
        return value
    kind = int if shape in (Int, Time) else shape
    assert type(value) is kind, f"{where}: {value!r} is no {kind.__name__}"
    assert shape is not Int or 0 <= value < 1 << 31, f"{where}: {value!r} does not fit"
    assert shape is not Time or 0 < value < 1 << 33, f"{where}: {value!r} is no time in seconds"
    return value
