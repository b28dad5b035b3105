"""When is a delivery tried again?"""

from __future__ import annotations

WAITS_SECONDS = (60, 300, 900, 1800, 3600, 7200, 14400)
"""After the first, second, … failed try. RFC 5321 4.5.4.1 asks for at least 30 minutes in the long run; the first ones are
shorter because greylisting lets mail in after a few."""

SPREAD = 0.2
"""Each wait is this much longer or shorter by chance, so that a crowd does not come back as one."""


def wait_seconds(attempts: int, chance: float) -> int:
    """How long to wait after the `attempts`th try. `chance` is evenly drawn from 0 to 1."""
    wait = WAITS_SECONDS[min(max(attempts, 1), len(WAITS_SECONDS)) - 1]
    return round(wait * (1 - SPREAD + 2 * SPREAD * chance))
