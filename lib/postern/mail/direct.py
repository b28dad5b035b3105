"""The direct form of an address: `alias+user=host@domain` is user@host, written to from alias@domain.

addy.io's clients make it up by themselves; nothing is stored behind it. The part before the @ may be longer than servers take
(RFC 5321 4.5.3.1.1), which is for whoever reads it to say.
"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.mail.address import MAX_LOCAL, parse_address


def read(local: str) -> tuple[str, str] | None:
    """The alias's own part before the @, and whom it writes to. None for what has not this form."""
    alias, plus, rest = local.partition("+")
    user, equals, host = rest.rpartition("=")
    if not (alias and plus and equals):
        return None
    try:
        return alias, str(parse_address(f"{user}@{host}"))
    except BadInput:
        return None


def fits(local: str) -> bool:
    """Whether every server takes it."""
    return len(local) <= MAX_LOCAL
