"""How often one address may ask, by what it asks for: shown in docs/limits.md. API keys, sign-ins and recovery have their own,
in the database, which outlive this table (flow/api_keys.py, flow/sign_in_mail.py, flow/recovery.py).

The rates are far above what a person or an app does, and far below what a shared host bears: a refused request costs a look
into memory.
"""

from __future__ import annotations

from postern.base.limit_table import Rate
from postern.base.limiter import Rule
from postern.web import client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.errors import TooFast
    from postern.flow.context import Context
    from postern.web.request import Request

PAGE = Rule("page", Rate(240, 60, 120))

RULES = (
    ("POST", "/hooks/", Rule("hook", Rate(1200, 60, 600))),
    ("POST", "/sign-in", Rule("sign-in", Rate(30, 60, 30))),
    ("POST", "/register", Rule("sign-in", Rate(30, 60, 30))),
    ("POST", "/invitation/", Rule("sign-in", Rate(30, 60, 30))),
    ("POST", "/api/auth/", Rule("sign-in", Rate(30, 60, 30))),
    ("", "/api/", Rule("api", Rate(300, 60, 150))),
    ("", "", PAGE),
)
"""Method (any, where it is empty) and beginning of the path; the first that fits."""


def check(context: Context, request: Request) -> None:
    """Count the request. TooFast."""
    who = client.counted(request)
    if who:
        context.limiter.check(rule(request.method, request.path), who)


def rule(method: str, path: str) -> Rule:
    """The rule for a request."""
    return next(found for verb, prefix, found in RULES if verb in ("", method) and path.startswith(prefix))


def headers(error: TooFast) -> list[tuple[str, str]]:
    """What a client is told beside 429 (RFC 9110 10.2.3; RateLimit: draft-ietf-httpapi-ratelimit-headers-07)."""
    told = [("Retry-After", str(error.seconds))]
    if error.limit:
        told += [
            ("RateLimit-Limit", str(error.limit)),
            ("RateLimit-Remaining", "0"),
            ("RateLimit-Reset", str(error.reset)),
        ]
    return told
