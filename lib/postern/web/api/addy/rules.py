"""Rules in addy.io's dialect: there are none here, and none can be made.

What they are mostly for is done elsewhere: who is not wanted is blocked (addy/blocklist.py, contacts), what is forged is held,
and where mail goes is a matter of each alias.
"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.web import response as responses
from postern.web.api.addy import ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


def listing(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/rules: an empty list."""
    return responses.json(200, {"data": []})


def one(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """Whatever names a rule: there is no such one."""
    raise ids.Gone


def refuse(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """Whatever would make one."""
    raise BadInput("There are no rules here.", "Block a sender, or choose the recipients of an alias.")
