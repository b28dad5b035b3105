"""Codes that people read and type: Crockford's base32, five random bits a letter, in groups of four.

K7MP-42QX. Case, dashes and blanks do not count, and letters that look like a digit are taken for it. What must be short because
it is typed from a screen is guarded by a limit of tries; what may be guessed at for years is long instead.
"""

from __future__ import annotations

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No letter that is mistaken for another."""

_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})


def new(letters: int) -> str:
    """A new one, without dashes."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(letters))


def written(code: str, group: int = 4) -> str:
    """As people read it."""
    return "-".join(code[start : start + group] for start in range(0, len(code), group))


def meant(typed: str) -> str:
    """The code that somebody typed."""
    return typed.upper().translate(_MEANT)
