"""GET /: a page that says what answers here, to people who followed an address."""

from __future__ import annotations

from postern.web import render
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response


def show(context: Context, request: Request) -> Response:
    """The front page; those who are signed in go on to their aliases."""
    if request.header("Cookie"):
        from postern.web import session  # strangers, who have none, need not wait for it

        if session.find(context, request) is not None:
            return responses.redirect("/aliases")
    host = context.config.url.split("//")[-1].rstrip("/")
    return responses.html(200, render.page("front", "Postern", host=host))
