"""/settings/sign-in: where the user is signed in, signing out, passkeys, and the recovery codes."""

from __future__ import annotations

from postern.base.errors import BadInput, Busy, Conflict, NotFound
from postern.flow import passkeys as keeping
from postern.flow import sign_in
from postern.store import sessions
from postern.web import csrf, ids, passkeys, recovery, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.errors import PosternError
    from postern.flow.context import Context
    from postern.store.sessions import Session, SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/settings/sign-in"


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/sign-in."""
    return _page(context, request, who)


def _page(context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = sessions.of_user(db, who.user_id)
        keys = passkeys.section(context, request, db, who)
        codes = recovery.section(context, db, who)
    token = csrf.token(context, who)
    return room.show(
        context,
        request,
        who,
        "/settings",
        "settings_sign_in",
        "Sign-in",
        status=200 if wrong is None else wrong.http_status,
        scripts=(passkeys.SCRIPT,),
        wrong=room.wrong(wrong),
        tabs=room.tabs("Settings", room.SETTINGS_TABS, PATH),
        handle=who.handle,
        since=times.day(who.user_since),
        passkeys=keys,
        recovery=codes,
        sessions=render.join(_row(context, token, one, who) for one in found),
    )


@session.action
def add_passkey(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/passkeys."""
    challenge, answer, name = fields.text("challenge"), fields.get("answer", ""), fields.text("name")
    try:
        keeping.add(context, who.user_id, challenge, answer, name)
    except (BadInput, Busy, Conflict) as error:
        return _page(context, request, who, error)
    return responses.redirect(said.path(PATH, "passkey-added"))


def _row(context: Context, token: str, one: Session, who: SignedIn) -> Safe:
    agent = one.agent(context.ring)
    name = "session_row_this" if one.id == who.id else "session_row"
    return render.render(
        name,
        csrf=token,
        uid=str(one.uid),
        agent=agent,
        since=times.day(one.created_at),
        seen=times.minute(one.seen_at),
    )


@session.page
def moved(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /account: where this page was before."""
    return responses.redirect(PATH)


@session.action
def end(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/sessions/*/end: sign another browser out."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        if not sessions.end_of_user(db, who.user_id, ids.uid(request.part(3))):
            raise NotFound("This browser is signed out already.", "Load the page again.")
    return responses.redirect(said.path(PATH, "signed-out-elsewhere"))


@session.action
def end_others(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/sessions/end-others: sign every other browser out."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        sessions.end_others(db, who.user_id, who.id)
    return responses.redirect(said.path(PATH, "signed-out-others"))


@session.action
def sign_out(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /sign-out: this browser."""
    sign_in.sign_out(context, who, everywhere=False)
    return responses.redirect(session.SIGN_IN, session.drop_cookie(context))


@session.action
def sign_out_everywhere(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /sign-out/everywhere: every browser of this user."""
    sign_in.sign_out(context, who, everywhere=True)
    return responses.redirect(session.SIGN_IN, session.drop_cookie(context))
