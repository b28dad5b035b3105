"""JSON from strangers: one object, of a limited size."""

from __future__ import annotations

from postern.webauthn.refused import unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARACTERS = 65_536
"""The longest that are known, with the certificates of a TPM, have some 10,000."""


def read(text: str) -> Mapping[str, object]:
    """The members of the object. Refused."""
    import json

    if len(text) > MAX_CHARACTERS:
        raise unreadable("it is too long")
    try:
        found = json.loads(text)
    # Python's reader recurses, and gives up where brackets are nested too deep.
    except (ValueError, RecursionError):
        raise unreadable("it is no JSON") from None
    if not isinstance(found, dict):
        raise unreadable("it is no JSON object")
    return found
