"""Loops: mail that comes back to us again and again is stopped.

Each forward carries `Postern-Loop: <count>.<tag>`, the tag made with this instance's key, so that a stranger can
neither reset the count nor make us refuse somebody's mail. A cap on Received fields (RFC 5321 6.3) catches the loops that
drop our field.
"""

from __future__ import annotations

import hmac

from postern.mail import rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.keyring import KeyRing
    from postern.mail.header import HeaderBlock

MAX_HOPS = 5
"""An alias may forward to a mailbox that forwards to another alias here; nobody needs that five times."""

MAX_RECEIVED = 25
"""As Forward Email does; Postfix stops at 50, Exim at 30."""


def hops(ring: KeyRing, block: HeaderBlock) -> int:
    """How often this mail passed here already."""
    return max((_count(ring, mark) for mark in rewrite.loop_marks(block)), default=0)


def mark(ring: KeyRing, count: int) -> bytes:
    """The value of Postern-Loop for mail that passes here for the `count`th time."""
    number = str(count).encode()
    return number + b"." + ring.tag("loop", number, 12).hex().encode()


def is_looping(ring: KeyRing, block: HeaderBlock) -> bool:
    """Whether to refuse it."""
    return hops(ring, block) >= MAX_HOPS or rewrite.received_count(block) > MAX_RECEIVED


def _count(ring: KeyRing, value: bytes) -> int:
    number = value.partition(b".")[0]
    if not number.isdigit() or len(number) > 3:
        return 0
    return int(number) if hmac.compare_digest(value, mark(ring, int(number))) else 0
