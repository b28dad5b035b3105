"""GET /api/openapi.json."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from postern.web import response as responses
from postern.web.api.openapi.document import document
from postern.web.response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.api.given import Given
    from postern.web.request import Request


def show(context: Context, request: Request, given: Given) -> Response:
    """The document; 304 to who has it as it is (RFC 9110 13.1.2)."""
    found = responses.json(200, document())
    mark = sha256(found.body).hexdigest()[:16]
    headers = (("ETag", f'"{mark}"'), ("Cache-Control", "no-cache"))
    if mark in request.header("If-None-Match"):  # Apache puts -gzip behind it where it compresses
        return Response(304, b"", "", headers)
    return replace(found, headers=headers)
