"""Fresh keys and secrets, from the operating system's randomness."""

from __future__ import annotations

import base64
import os

from postern.base.keyring import new_key


def fresh() -> dict[str, str]:
    """The variables that hold secrets of our own making, with new values."""
    return {
        "POSTERN_SEAL_KEYS": new_key(),
        "POSTERN_INDEX_KEY": base64.b64encode(os.urandom(32)).decode(),
        "POSTERN_WEBHOOK_SECRETS": "whsec_" + base64.b64encode(os.urandom(32)).decode(),
    }
