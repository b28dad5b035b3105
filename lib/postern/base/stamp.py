"""The names of fingerprinted copies in static/: app.css has the copy app.3f2a9c1b.css.

The mark is the first 8 hex digits of the SHA-256 of the file. Other bytes have another name, so browsers may keep a copy for a
year. ops/install/static.py makes the copies, web/assets.py links to them.
"""

from __future__ import annotations

import os
import re

_COPY = r"(?P<stem>[\w-]+)\.[0-9a-f]{8}(?P<suffix>\.\w+)"


def copy_name(name: str, data: bytes) -> str:
    """What the copy of this file is called while it holds these bytes."""
    from hashlib import sha256

    stem, suffix = os.path.splitext(name)
    return f"{stem}.{sha256(data).hexdigest()[:8]}{suffix}"


def original(name: str) -> str:
    """The file that this is a copy of; empty when it is no copy."""
    found = re.fullmatch(_COPY, name)
    return found["stem"] + found["suffix"] if found else ""
