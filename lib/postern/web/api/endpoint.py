"""An entry of a dialect's route table."""

from __future__ import annotations

from dataclasses import dataclass

OPEN = "open"
"""The scope of what needs no key."""

MAKING_COSTS = 6
"""Seconds of a key's rate for making something that stays: ten a minute, and twenty at once."""


@dataclass(frozen=True)
class Endpoint:
    """`where`: room.module:function below postern.web.api. `scope`: what the key must have (store/api_keys.py), or OPEN.
    `cost`: seconds of the key's rate that a request takes."""

    where: str
    scope: str
    cost: int = 1
