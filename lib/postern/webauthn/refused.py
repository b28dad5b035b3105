"""The one error of this room."""

from __future__ import annotations

from postern.base.errors import BadInput

_AGAIN = "Load the page again and repeat it. If that does not help, try another browser, or another passkey."


class Refused(BadInput):
    """An answer proves nothing. Neither field quotes the answer."""

    def __init__(self, reason: str, remedy: str = _AGAIN) -> None:
        super().__init__(reason, remedy)


class Copied(Refused):
    """The passkey's counter did not grow: there may be a copy of it (6.1.1)."""

    def __init__(self) -> None:
        super().__init__(
            "This passkey has been used further than it says; there may be a copy of it.",
            "Try once more. If that does not help, sign in another way, remove the passkey and add a new one.",
        )


def unreadable(what: str) -> Refused:
    """For an answer that is not of its format."""
    return Refused(f"The passkey's answer cannot be read: {what}.")
