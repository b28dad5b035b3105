"""Times as SimpleLogin writes them."""

from __future__ import annotations

from datetime import timezone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


def date(at: datetime) -> str:
    """`2026-11-23 14:05:09+00:00`."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S+00:00")


def seconds(at: datetime) -> int:
    """Unix time."""
    return int(at.timestamp())
