"""Where a request comes from, for limits: not who it is, only who counts together.

REMOTE_ADDR is believed. What another host says of its own clients is not, but for Cloudflare's proxies: a site behind them
would count all its visitors as one. Their addresses are in cloudflare-ranges.txt, with the date of the list.
"""

from __future__ import annotations

import os
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.request import Request

RANGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cloudflare-ranges.txt")

_MAPPED = bytes(10) + b"\xff\xff"


def counted(request: Request) -> bytes:
    """The address as it counts: an IPv4 address, or the /64 of an IPv6 address. Empty when there is none."""
    return _address(request)[:8]


def network(request: Request) -> str:
    """The /24 of an IPv4 address, the /56 of an IPv6 address: what one household or one host has."""
    import ipaddress

    packed = _address(request)
    if not packed:
        return ""
    return str(ipaddress.ip_network((packed, 24 if len(packed) == 4 else 56), strict=False))


def _address(request: Request) -> bytes:
    seen = _packed(str(request.environ.get("REMOTE_ADDR", "")))
    named = request.header("CF-Connecting-IP")
    if named and seen and is_cloudflare(seen):
        return _packed(named) or seen
    return seen


def _packed(text: str) -> bytes:
    """Four bytes or sixteen; empty for what is no address."""
    import _socket  # what `socket` is built on, without the 7 ms of its import

    text = text.strip().partition("%")[0]
    try:
        packed = _socket.inet_pton(_socket.AF_INET6 if ":" in text else _socket.AF_INET, text)
    except (OSError, ValueError):
        return b""
    return packed[12:] if packed.startswith(_MAPPED) else packed


def is_cloudflare(packed: bytes) -> bool:
    """Whether this address is one of Cloudflare's proxies."""
    number, bits = int.from_bytes(packed, "big"), len(packed) * 8
    return any(
        number >> bits - length == int.from_bytes(network, "big") >> bits - length
        for network, length in _ranges()
        if len(network) == len(packed)
    )


@cache
def _ranges() -> tuple[tuple[bytes, int], ...]:
    """Cloudflare's networks and the lengths of their prefixes; read once a process, and only behind Cloudflare."""
    with open(RANGES, encoding="ascii") as file:
        pairs = [line.strip().partition("/") for line in file if not line.startswith("#")]
    return tuple((_packed(base), int(length)) for base, _, length in pairs)
