"""HSTS in stages (RFC 6797): a browser that was told keeps to HTTPS for that long, and nothing on our side can take it back.

So it begins with a day and ends, if ever, with the browsers' own list (hstspreload.org asks for a year and both words).
"""

from __future__ import annotations

STAGES = {
    "off": "",
    "day": "max-age=86400",
    "month": "max-age=2592000",
    "year": "max-age=31536000; includeSubDomains",
    "preload": "max-age=63072000; includeSubDomains; preload",
}
"""Stage -> value of Strict-Transport-Security (seconds)."""


def hsts_value(stage: str) -> str:
    """The header's value; empty: no header."""
    return STAGES[stage]
