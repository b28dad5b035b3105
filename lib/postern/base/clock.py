"""The only place that reads this machine's clock.

The queue does not use it: leases and waits are reckoned by the database's clock, the one clock that all hosts share.
"""

from __future__ import annotations

import time


def now() -> float:
    """Unix time in seconds."""
    return time.time()


def elapsed() -> float:
    """Seconds on a clock that never jumps; only differences mean anything."""
    return time.monotonic()
