"""The network that a request comes from, for limits: not who it is, only who counts together.

REMOTE_ADDR is believed and nothing else: anybody may write X-Forwarded-For. Behind a proxy all visitors then count as one; the
limits are made so that a small instance does not meet them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.request import Request


def network(request: Request) -> str:
    """The /24 of an IPv4 address, the /56 of an IPv6 address: what one household or one host has."""
    import ipaddress

    text = str(request.environ.get("REMOTE_ADDR", ""))
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 56), strict=False))
