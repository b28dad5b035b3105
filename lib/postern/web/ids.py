"""Ids as they come in paths, queries and forms: a uid or a small number, or NotFound."""

from __future__ import annotations

from postern.base.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID


def uid(text: str) -> UUID:
    """The uid in its one usual spelling. NotFound for anything else: no row has it."""
    found = uid_or_none(text)
    if found is None:
        raise NotFound("This is not there (any more).", "Go back, and load the page again.")
    return found


def uid_or_none(text: str) -> UUID | None:
    """The same, or None."""
    if len(text) != 36:
        return None
    from uuid import UUID

    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def number(text: str) -> int:
    """A whole number that fits a bigint. NotFound for anything else."""
    found = number_or(text, -1)
    if found < 0:
        raise NotFound("This is not there (any more).", "Go back, and load the page again.")
    return found


def number_or(text: str, otherwise: int) -> int:
    """The same, or what is given."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else otherwise
