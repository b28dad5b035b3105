"""Recovery codes: /sign-in/recovery, where one signs in, and /settings/recovery-codes, where they are made and shown once."""

from __future__ import annotations

import re

from postern.base.errors import BadInput, PosternError
from postern.flow import recovery
from postern.store import recovery_codes
from postern.web import client, csrf, form, render, room, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

HOME = "/aliases"

_CODES = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}(?: [0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}){0,9}")
"""What the page of new codes sends back to have it as a file: nothing else is ever put into one."""


def show(context: Context, request: Request) -> Response:
    """GET /sign-in/recovery."""
    return _form()


def use(context: Context, request: Request) -> Response:
    """POST /sign-in/recovery."""
    csrf.check_origin(context, request)
    fields = form.read(request)
    handle, code = fields.text("handle"), fields.text("code")
    agent, before = session.browser(request), session.find(context, request)
    try:
        token = recovery.use(context, handle, code, client.network(request), agent, before)
    except recovery.WrongRecovery as error:
        return _form(handle, error)
    return responses.redirect(HOME, session.set_cookie(context, token))


def _form(handle: str = "", wrong: PosternError | None = None) -> Response:
    page = render.page("recovery", "Use a recovery code", handle=handle, wrong=room.wrong(wrong))
    return responses.html(200 if wrong is None else wrong.http_status, page)


def section(context: Context, db: Database, who: SignedIn) -> Safe:
    """The part of Settings, Sign-in about them, in the user's transaction."""
    left = recovery_codes.left(db, who.user_id)
    return render.render("recovery_section", csrf=room.csrf_token(context, who), left=_left(left))


def _left(left: int) -> str:
    if left == 0:
        return "You have none."
    return "You have one left." if left == 1 else f"You have {left} left."


@session.action
def make(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/recovery-codes: the page that shows them, this once; a redirect would have to keep them somewhere."""
    made = recovery.make(context, who.user_id)
    return room.show(
        context,
        request,
        who,
        "/settings",
        "recovery_codes",
        "Your recovery codes",
        codes=render.join(render.render("recovery_code", code=code) for code in made),
        together=" ".join(made),
    )


@session.action
def download(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/recovery-codes/file: those that the page before shows, as a text."""
    together = fields.get("codes", "")
    if not _CODES.fullmatch(together):
        raise BadInput("These are no recovery codes.", "Make new ones under Settings, Sign-in.")
    site = context.config.url.rstrip("/")
    lines = [f"Recovery codes of {who.handle} at {site}", "Each works once.", "", *together.split(" ")]
    text = "\r\n".join([*lines, ""])
    return responses.download("postern-recovery-codes.txt", "text/plain; charset=utf-8", text.encode())
