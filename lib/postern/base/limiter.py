"""What stops those who ask too often, before they cost more than a look into memory (base/limit_table.py).

A rule is a name and a rate; who asks is bytes of any kind, and only a keyed hash of them is kept. Where the table cannot be
used, nobody is stopped: a full disk is no reason to refuse mail. The log says so once a process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from postern.base.errors import TooFast
from postern.base.limit_table import LimitTable, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.log import Log


@dataclass(frozen=True)
class Rule:
    """`name` keeps those who are counted by one rule apart from those of another."""

    name: str
    rate: Rate


class Limiter:
    """The rules' judge in one home. `percent` of each rate is allowed; 0: everything."""

    def __init__(self, path: str, percent: int, log: Log) -> None:
        self._table = LimitTable(path)
        self._percent = percent
        self._log = log
        self._said = False

    def check(self, rule: Rule, who: bytes) -> None:
        """Count one request. TooFast where it is one too many; it is not counted then."""
        if not self._percent:
            return
        rate = rule.rate
        if self._percent != 100:
            rate = replace(
                rate,
                count=max(1, rate.count * self._percent // 100),
                burst=max(1, rate.burst * self._percent // 100),
            )
        try:
            verdict = self._table.take(rate, rule.name.encode() + b"\0" + who)
        except (OSError, ValueError) as error:
            self._complain(error)
            return
        if not verdict.allowed:
            raise TooFast(verdict.wait, rate.count, verdict.reset)

    def close(self) -> None:
        """Let the table go."""
        self._table.close()

    def _complain(self, error: Exception) -> None:
        if not self._said:
            self._said = True
            self._log.warning("limits.away", reason=str(error))
