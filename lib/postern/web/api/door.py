"""Where every request under /api comes in: whom it is from, what it wants, and which handler answers.

    handler(context, request, who, given) -> Response      for those with a key of enough scope
    handler(context, request, given) -> Response           for all, where the endpoint's scope is OPEN

The key comes in SimpleLogin's header (Authentication: KEY) or addy.io's (Authorization: Bearer KEY), whichever the dialect.
Never in the query: logs see it. Web firewalls refuse PUT, PATCH and DELETE; each of them may be sent as POST, with the method
meant in X-HTTP-Method-Override or in the query's `_method`.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from postern.base.errors import PosternError
from postern.flow import api_keys
from postern.web.api import cors
from postern.web.api import given as bodies
from postern.web.api.endpoint import OPEN
from postern.web.paths import UNKNOWN, Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.endpoint import Endpoint
    from postern.web.request import Request
    from postern.web.response import Response

ADDY = "/api/v1/"
"""What begins with it is addy.io's dialect."""

AUTH = "/api/auth/"
"""What begins with it is of both, in SimpleLogin's table."""

_ONLY_BY_OVERRIDE = ("PUT", "PATCH", "DELETE")


class NoKey(PosternError):
    """The request carries no key that works."""

    http_status = 401

    def __init__(self) -> None:
        super().__init__("This API key does not work.", "Make one under Settings, API keys.")


class OutOfScope(PosternError):
    """The key may do less than this."""

    http_status = 403

    def __init__(self, scope: str) -> None:
        super().__init__(
            "This API key may not do that.", f"Make one of the scope “{scope}” under Settings, API keys."
        )


class NoEndpoint(PosternError):
    """There is nothing at this path."""

    http_status = 404

    def __init__(self) -> None:
        super().__init__("No such endpoint.", "Look at /api/openapi.json for those there are.")


def answer(context: Context, request: Request) -> Response:
    """Answer it. What goes wrong is raised, and web/api/problem.py writes it down in the dialect's shape."""
    if request.method == "OPTIONS":
        return cors.preflight()
    request = _meant(request)
    endpoint = find(request)
    handler: Callable[..., Response] = _handler(endpoint)
    if endpoint.scope == OPEN:
        response = handler(context, request, bodies.read(request))
    else:
        who = _who(context, request, endpoint)
        response = handler(context, request, who, bodies.read(request))
    return replace(response, headers=(*response.headers, *cors.HEADERS))


def routes(path: str) -> dict[tuple[str, str], Endpoint]:
    """The table of the dialect that a path is in."""
    if path.startswith(ADDY):
        from postern.web.api.addy.routes import ROUTES
    else:
        from postern.web.api.simplelogin.routes import ROUTES
    return ROUTES


def find(request: Request) -> Endpoint:
    """The endpoint of a request. NoEndpoint, MethodNotAllowed."""
    table = routes(request.path)
    paths = Paths(table)
    pattern = paths.pattern(request.path)
    if pattern == UNKNOWN:
        raise NoEndpoint
    found = table.get(("GET" if request.method == "HEAD" else request.method, pattern))
    if found is None:
        raise paths.refusal(pattern)
    return found


def _meant(request: Request) -> Request:
    if request.method != "POST":
        return request
    method = (request.header("X-HTTP-Method-Override") or request.query("_method")).upper()
    return replace(request, method=method) if method in _ONLY_BY_OVERRIDE else request


def _handler(endpoint: Endpoint) -> Any:
    module, _, name = endpoint.where.partition(":")
    return getattr(import_module("postern.web.api." + module), name)


def _who(context: Context, request: Request, endpoint: Endpoint) -> Bearer:
    key = request.header("Authentication").strip()
    if not key:
        scheme, _, token = request.header("Authorization").strip().partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else ""
    found = api_keys.use(context, key, endpoint.cost)
    if found is None:
        raise NoKey
    if not found.may(endpoint.scope):
        raise OutOfScope(endpoint.scope)
    return found
