"""Cross-origin requests (Fetch, "CORS protocol"): any page may ask, because nothing here goes by cookies; who has no key gets
nothing."""

from __future__ import annotations

from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.response import Response

HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Retry-After, X-Postern-Version, X-Request-Id"),
)

_MAY_SEND = (
    "Accept, Authentication, Authorization, Content-Type, X-CSRF-TOKEN, X-HTTP-Method-Override, X-Requested-From, "
    "X-Requested-With, X-Sl-Allowcookies"
)
_MAY_ASK_AGAIN_AFTER = "86400"
"""Seconds; browsers take less where they want to."""


def preflight() -> Response:
    """What a browser asks before a request that a form could not have made."""
    return responses.nothing(
        *HEADERS,
        ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        ("Access-Control-Allow-Headers", _MAY_SEND),
        ("Access-Control-Max-Age", _MAY_ASK_AGAIN_AFTER),
    )
