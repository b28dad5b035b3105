"""/invitation/… and /register: opening an account. The mail that follows is that of signing in (web/sign_in.py)."""

from __future__ import annotations

from postern.base.errors import PosternError
from postern.flow import registration, tokens
from postern.flow.registration import Applicant, DeadInvitation
from postern.web import client, csrf, form, render, room, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response

CODE = "/sign-in/code"


def show_invitation(context: Context, request: Request) -> Response:
    """GET /invitation/*: the form. Changes nothing."""
    registration.look(context, request.part(2))
    return _form()


def use_invitation(context: Context, request: Request) -> Response:
    """POST /invitation/*."""
    return _open(context, request, request.part(2))


def show(context: Context, request: Request) -> Response:
    """GET /register, where anybody may."""
    registration.need_open(context)
    return _form()


def register(context: Context, request: Request) -> Response:
    """POST /register."""
    registration.need_open(context)
    return _open(context, request, "")


def _open(context: Context, request: Request, token: str) -> Response:
    csrf.check_origin(context, request)
    fields = form.read(request)
    handle, address = fields.text("handle"), fields.text("address")
    browser = session.browser_token(context, request) or tokens.new()
    applicant = Applicant(handle, address, client.network(request), browser, session.browser(request))
    try:
        registration.open_account(context, applicant, token)
    except DeadInvitation:
        raise
    except PosternError as error:
        return _form(handle, address, error)
    return responses.redirect(CODE, session.set_browser(context, browser))


def _form(handle: str = "", address: str = "", wrong: PosternError | None = None) -> Response:
    page = render.page(
        "registration", "Open an account", handle=handle, address=address, wrong=room.wrong(wrong)
    )
    return responses.html(200 if wrong is None else wrong.http_status, page)
