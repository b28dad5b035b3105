"""The rows of `postern bench`: what is measured, in what unit, and from where on it is good or slow.

Less is better in each. The bounds are for a shared host; `slow` says what a bad figure means, and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

MS, US, MIB = "ms", "µs", "MiB"


@dataclass(frozen=True)
class Row:
    """One row. `good`: up to here all is well; `poor`: from here on it is slow."""

    name: str
    what: str
    unit: str
    good: float
    poor: float
    slow: str

    def verdict(self, median: float) -> str:
        """good, fair or slow."""
        return "good" if median <= self.good else "fair" if median < self.poor else "slow"


_SMALL = "The processor is slow or shared with many: take Passenger or the resident (docs/resident.md), or a larger plan."
_DISK = "Each accepted message waits for the disk: ask the host for SSD, or use a managed database."
_FAR = "The database is far or busy: each page and each mail asks it several times. Choose one near the host."
_MEMORY = "Twenty such processes may pass the account's memory: see docs/SCALING.md."

ROWS = (
    Row("host.processor", "a fixed piece of Python's work", MS, 30, 120, _SMALL),
    Row("host.sync", "4 KB written and synced to disk", MS, 5, 30, _DISK),
    Row("start.python", "start of the interpreter, as the door has it", MS, 20, 80, _SMALL),
    Row("start.driver", "and import of what asks the database", MS, 80, 400, _SMALL),
    Row("start.seal", "and import of what seals", MS, 80, 400, _SMALL),
    Row("limiter", "one look at the rate limits", US, 25, 200, _SMALL),
    Row("seal", "1 MB sealed and opened", MS, 10, 60, _SMALL),
    Row("database.connect", "a connection to the database", MS, 20, 100, _FAR),
    Row("database.query", "a question and its answer", MS, 2, 15, _FAR),
    Row("database.commit", "one row written and committed", MS, 10, 50, _DISK),
    Row("request.cold", "a CGI request that asks the database, all by itself", MS, 200, 1000, _SMALL),
    Row("request.warm", "the same, answered by the resident", MS, 40, 200, _SMALL),
    Row("request.memory", "memory of a CGI request by itself", MIB, 48, 100, _MEMORY),
    Row("site.cold", "the first request to POSTERN_URL without a resident", MS, 500, 2000, _SMALL),
    Row("site.warm", "a request to POSTERN_URL, as a visitor sees it", MS, 100, 500, _SMALL),
    Row("receipt.4k", "receipt of a message of 4 KB", MS, 60, 400, _SMALL),
    Row("receipt.1m", "receipt of 1 MB", MS, 200, 1500, _DISK),
    Row("receipt.25m", "receipt of 25 MB", MS, 3000, 20000, _DISK),
    Row("receipt.memory", "memory that 25 MB take over idle, door and resident", MIB, 12, 64, _MEMORY),
    Row("drain.start", "a drain that finds nothing, as cron starts it each minute", MS, 400, 2000, _SMALL),
    Row("drain.4k", "a delivery of 4 KB to a relay on this host", MS, 10, 100, _DISK),
    Row("drain.25m", "a delivery of 25 MB", MS, 2000, 15000, _DISK),
    Row("drain.memory", "memory of a drain that delivers 25 MB", MIB, 64, 128, _MEMORY),
)

BY_NAME = {row.name: row for row in ROWS}
