"""Tokens that stand in links and cookies: 256 random bits in 52 letters (base32 in lower case, no padding).

None of the letters means anything in a URL, in a cookie, or to a web firewall. The database holds keyed hashes of tokens only.
"""

from __future__ import annotations

import base64
import os
import re

_TOKEN = re.compile(r"[a-z2-7]{52}")


def new() -> str:
    """A new one."""
    return base64.b32encode(os.urandom(32)).decode().rstrip("=").lower()


def is_one(text: str) -> bool:
    """Has it the form of one?"""
    return _TOKEN.fullmatch(text) is not None
