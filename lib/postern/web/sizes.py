"""Sizes as pages show them."""

from __future__ import annotations

_KB = 1024
_MB = 1024 * _KB


def words(size: int) -> str:
    """`12 KB`, `3.4 MB`: of so many bytes; what is there at all is 1 KB at least."""
    return f"{size / _MB:,.1f} MB" if size >= _MB else f"{-(-size // _KB):,} KB"


def many(number: int, one: str, more: str) -> str:
    """`1 alias`, `1,200 aliases`."""
    return f"{number:,} {one if number == 1 else more}"
