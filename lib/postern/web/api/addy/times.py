"""Times as addy.io writes them."""

from __future__ import annotations

from datetime import timezone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


def moment(at: datetime) -> str:
    """`2026-11-23 14:05:09`: UTC, without saying so."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def moment_or_none(at: datetime | None) -> str | None:
    """The same for what may not have happened yet."""
    return None if at is None else moment(at)
