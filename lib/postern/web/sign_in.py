"""/sign-in, and the link that signs in.

Opening a link shows one button; pressing it signs in. Whoever looks at links before their reader does (mail filters,
previews in a chat) sends no forms, and so does not use the link up.
"""

from __future__ import annotations

from postern.flow import sign_in
from postern.web import csrf, render, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response

HOME = "/account"


def show(context: Context, request: Request) -> Response:
    """GET /sign-in: how to sign in."""
    if session.find(context, request) is not None:
        return responses.redirect(HOME)
    return responses.html(200, render.page("sign_in", "Sign in"))


def show_link(context: Context, request: Request) -> Response:
    """GET /sign-in/link/…: the button. Changes nothing."""
    handle = sign_in.look(context, _token(request))
    return responses.html(200, render.page("sign_in_link", f"Sign in as {handle}", handle=handle))


def use_link(context: Context, request: Request) -> Response:
    """POST /sign-in/link/…: sign in. A session that the browser had is never taken over."""
    csrf.check_origin(context, request)
    before = session.find(context, request)
    token = sign_in.sign_in(context, _token(request), session.browser(request), before)
    return responses.redirect(HOME, session.set_cookie(context, token))


def _token(request: Request) -> str:
    return request.path[len(sign_in.LINK_PATH) :]
