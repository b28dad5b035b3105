"""Base64url as WebAuthn writes it (3): without padding, blanks or line ends; one text for each value."""

from __future__ import annotations

import base64
import re

from postern.webauthn.refused import unreadable

_TEXT = re.compile(r"[A-Za-z0-9_-]*")


def encode(data: bytes) -> str:
    """Bytes as text."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def decode(text: str) -> bytes:
    """Text as bytes. Refused."""
    # One letter more than whole groups of four holds no byte.
    if not _TEXT.fullmatch(text) or len(text) % 4 == 1:
        raise unreadable("it holds something else than base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise unreadable("its base64url has bits to spare")
    return data
