"""What went wrong, in the shape that a dialect's clients read.

SimpleLogin   {"error": "…"}
addy.io       {"message": "…"}, and for 422 also {"errors": {"field": ["…"]}}

Clients show these words to people, and go by the status: a 401 signs them out, so nothing but a key that does not work is one.
"""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict
from postern.flow.aliases import Taken
from postern.store.quotas import OverQuota
from postern.web import response as responses
from postern.web.api import cors
from postern.web.api.door import ADDY, AUTH
from postern.web.api.given import Wrong
from postern.web.paths import MethodNotAllowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.web.request import Request
    from postern.web.response import Response

_SIMPLELOGIN = {401: "Wrong api key", 440: "Need sudo"}
_ADDY = {401: "Unauthenticated."}
"""Words that clients or their authors know by heart."""


def answer(
    request: Request, error: Exception, status: int, words: str, headers: Sequence[tuple[str, str]]
) -> Response:
    """The answer to what was raised: `status` and `words` as a page would say them."""
    if isinstance(error, Conflict) and not isinstance(error, Taken):
        # 409 is "somebody has this alias" to SimpleLogin's clients, and nothing else.
        status = 403 if isinstance(error, OverQuota) and _is_addy(request) else 400
    if not _is_addy(request):
        return responses.json(status, {"error": _SIMPLELOGIN.get(status, words)}, *headers, *cors.HEADERS)
    body: dict[str, object] = {"message": _ADDY.get(status, words)}
    if _is_about_a_field(error, status):
        status = 422
        body["errors"] = {error.field if isinstance(error, Wrong) else "request": [words]}
    return responses.json(status, body, *headers, *cors.HEADERS)


def _is_addy(request: Request) -> bool:
    """By the path. Signing in is one for both: there addy.io's clients say that a script asks, and SimpleLogin's do not."""
    is_shared = request.path.startswith(AUTH) and request.header("X-Requested-With") != ""
    return is_shared or request.path.startswith(ADDY)


def _is_about_a_field(error: Exception, status: int) -> bool:
    """Laravel answers 422 to what it cannot take (RFC 9110 15.5.21)."""
    if isinstance(error, MethodNotAllowed):
        return False
    return isinstance(error, (BadInput, Conflict)) and status in (400, 409)
