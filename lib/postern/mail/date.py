"""Dates in header fields (RFC 5322 3.3, with the zones of 4.3), read and written in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

# strftime would write them in the host's language.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_DATE = re.compile(
    rb"(?:[A-Za-z]{3},)?\s*(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([+-]\d{4}|[A-Za-z]{1,5})?"
)


def read(value: bytes) -> datetime | None:
    """The moment that a Date names, in UTC; None when it names none."""
    found = _DATE.match(value.strip()[:100])
    if found is None or found[2].decode().title() not in _MONTHS:
        return None
    month = _MONTHS.index(found[2].decode().title()) + 1
    try:
        # A leap second (60) is written as the one before.
        clock = int(found[4]), int(found[5]), min(int(found[6] or 0), 59)
        moment = datetime(int(found[3]), month, int(found[1]), *clock, tzinfo=timezone.utc)
        return moment - _offset((found[7] or b"").decode())
    except (ValueError, OverflowError):
        return None


def _offset(zone: str) -> timedelta:
    """From UTC. Zones that say nothing (RFC 5322 4.3) count as UTC."""
    if zone[:1] in ("+", "-"):
        minutes = int(zone[1:3]) * 60 + int(zone[3:5])
        return timedelta(minutes=-minutes if zone[0] == "-" else minutes)
    return timedelta(hours=_ZONES.get(zone.upper(), 0))


def write(moment: datetime) -> bytes:
    """`Mon, 23 Nov 2026 14:05:00 +0000`."""
    utc = moment.astimezone(timezone.utc)
    day, month = _DAYS[utc.weekday()], _MONTHS[utc.month - 1]
    return f"{day}, {utc.day} {month} {utc.year:04} {utc:%H:%M:%S} +0000".encode()
