"""What endpoints answer to what they cannot take, as web/api/problem.py and web/api/door.py decide it."""

from __future__ import annotations

from postern.store.api_keys import READ
from postern.web.api.contract import Either, MapOf, Named
from postern.web.api.door import AUTH
from postern.web.api.endpoint import OPEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.api.openapi.entries import Entry

ERROR = Named("Error", {"error": str})
MESSAGE = Named("AddyError", {"message": str})
INVALID = Named("AddyInvalid", {"message": str, "errors": MapOf([str])})
"""The three shapes; the last one names the fields that are wrong."""

MEANINGS = {
    400: "What was sent cannot be meant.",
    401: "The key does not work.",
    403: "The key's scope is too small, a limit is reached, or there is no such thing of this user's.",
    404: "There is no such thing of this user's.",
    405: "The method is not taken.",
    409: "Somebody has it already.",
    410: "It was tried too often.",
    411: "The body's length is not announced.",
    412: "The signed suffix is too old: ask for the options again.",
    413: "The body is too large.",
    422: "What was sent cannot be meant; the fields say why.",
    429: "Too many requests; Retry-After says for how many seconds.",
    440: "An app password is asked for again, at PATCH /api/sudo.",
    503: "Out of service for a moment.",
}


def statuses(entry: Entry) -> list[int]:
    """Those of errors that this endpoint may answer with."""
    found = {411, 413, 429, 503, *entry.contract.fails}
    if entry.endpoint.scope != OPEN:
        found.add(401)
        if entry.endpoint.scope != READ:
            found.add(403)
    if entry.path.startswith(AUTH):
        found |= {400, 422}
    elif entry.dialect == "SimpleLogin":
        found |= {400, 403} if "*" in entry.path else {400}
    else:
        found |= {404, 422} if "*" in entry.path else {422}
    return sorted(found)


def shape(entry: Entry, status: int) -> object:
    """The body of such an answer. Where people sign in, the dialects share paths: each client has errors of its own shape."""
    addys = INVALID if status == 422 else MESSAGE
    if entry.path.startswith(AUTH):
        return addys if status == 422 else Either(ERROR, MESSAGE)
    return ERROR if entry.dialect == "SimpleLogin" else addys
