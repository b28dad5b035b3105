"""Moments as pages show them: in UTC for everybody, in the reader's own time where static/app.js runs."""

from __future__ import annotations

from datetime import timezone

from postern.web import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.web.render import Safe


def day(moment: datetime) -> Safe:
    """`23 Nov 2026`."""
    utc = moment.astimezone(timezone.utc)
    return render.render("time", iso=_iso(utc), kind="day", words=f"{utc.day} {utc:%b %Y}")


def minute(moment: datetime) -> Safe:
    """`23 Nov 2026, 14:05 UTC`."""
    utc = moment.astimezone(timezone.utc)
    return render.render("time", iso=_iso(utc), kind="minute", words=f"{utc.day} {utc:%b %Y, %H:%M} UTC")


def _iso(utc: datetime) -> str:
    return utc.strftime("%Y-%m-%dT%H:%M:%SZ")
