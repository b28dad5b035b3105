"""/sign-in: by a mailed link or code, by a passkey, and by the operator's link.

Opening a link shows one button; pressing it signs in. Whoever looks at links before their reader does (mail filters,
previews in a chat) sends no forms, and so does not use the link up.
"""

from __future__ import annotations

from postern.base.errors import BadInput, PosternError
from postern.flow import passkeys as entering
from postern.flow import registration, sign_in, sign_in_mail, tokens
from postern.mail.address import parse_address
from postern.web import client, csrf, form, passkeys, render, room, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response

HOME = "/aliases"
CODE = "/sign-in/code"


def show(context: Context, request: Request) -> Response:
    """GET /sign-in: the address is asked for."""
    if session.find(context, request) is not None:
        return responses.redirect(HOME)
    return _form(context)


def ask(context: Context, request: Request) -> Response:
    """POST /sign-in: the same answer and the same work for every address that could be one."""
    csrf.check_origin(context, request)
    typed = form.read(request).text("address")
    try:
        address = str(parse_address(typed))
    except PosternError as error:
        return _form(context, typed, error)
    browser = session.browser_token(context, request) or tokens.new()
    sign_in_mail.ask(context, address, client.network(request), browser, session.browser(request))
    return responses.redirect(CODE, session.set_browser(context, browser))


def _form(context: Context, typed: str = "", wrong: PosternError | None = None) -> Response:
    register = (
        render.render("sign_in_register")
        if context.config.registration == registration.OPEN
        else render.EMPTY
    )
    content = render.render(
        "sign_in",
        typed=typed,
        wrong=room.wrong(wrong),
        # Not behind a refusal: the passkey that was refused would be the first to be offered.
        passkey=passkeys.sign_in_form(context, autofill=wrong is None),
        register=register,
    )
    page = render.frame("Sign in", content, scripts=(passkeys.SCRIPT,))
    return responses.html(200 if wrong is None else wrong.http_status, page)


def use_passkey(context: Context, request: Request) -> Response:
    """POST /sign-in/passkey."""
    csrf.check_origin(context, request)
    fields = form.read(request)
    agent, before = session.browser(request), session.find(context, request)
    try:
        token = entering.enter(context, fields.text("challenge"), fields.get("answer", ""), agent, before)
    except BadInput as error:
        return _form(context, wrong=error)
    return responses.redirect(HOME, session.set_cookie(context, token))


def show_code(context: Context, request: Request) -> Response:
    """GET /sign-in/code: where the code is typed."""
    return _code_form(None)


def use_code(context: Context, request: Request) -> Response:
    """POST /sign-in/code."""
    csrf.check_origin(context, request)
    typed = form.read(request).text("code")
    browser = session.browser_token(context, request)
    before = session.find(context, request)
    try:
        token = sign_in_mail.use_code(context, typed, browser, session.browser(request), before)
    except sign_in_mail.WrongCode as error:
        return _code_form(error)
    return responses.redirect(HOME, session.set_cookie(context, token))


def _code_form(wrong: PosternError | None) -> Response:
    page = render.page("sign_in_code", "Look at your mail", wrong=room.wrong(wrong))
    return responses.html(200 if wrong is None else wrong.http_status, page)


def show_mail(context: Context, request: Request) -> Response:
    """GET /sign-in/mail/*: the button, in the browser that asked; elsewhere, where to type the code. Changes nothing."""
    browser = session.browser_token(context, request)
    handle, is_same = sign_in_mail.look(context, request.part(3), browser)
    if not is_same:
        return responses.html(200, render.page("sign_in_elsewhere", "Go back to the other device"))
    return responses.html(200, render.page("sign_in_link", f"Sign in as {handle}", handle=handle))


def use_mail(context: Context, request: Request) -> Response:
    """POST /sign-in/mail/*."""
    csrf.check_origin(context, request)
    browser = session.browser_token(context, request)
    before = session.find(context, request)
    token = sign_in_mail.use_link(context, request.part(3), browser, session.browser(request), before)
    return responses.redirect(HOME, session.set_cookie(context, token))


def show_link(context: Context, request: Request) -> Response:
    """GET /sign-in/link/…: the button. Changes nothing."""
    handle = sign_in.look(context, request.part(3))
    return responses.html(200, render.page("sign_in_link", f"Sign in as {handle}", handle=handle))


def use_link(context: Context, request: Request) -> Response:
    """POST /sign-in/link/…: sign in. A session that the browser had is never taken over."""
    csrf.check_origin(context, request)
    before = session.find(context, request)
    token = sign_in.sign_in(context, request.part(3), session.browser(request), before)
    return responses.redirect(HOME, session.set_cookie(context, token))
