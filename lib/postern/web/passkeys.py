"""Passkeys on the pages: the part of Settings, Sign-in about them, one passkey's page, and the form of the sign-in page.
Adding one is in web/settings_sign_in.py, signing in by one in web/sign_in.py: with the pages that their forms stand on.

The forms are sent by static/passkey.js: it asks the browser with what stands in data-options, and adds the answer.
"""

from __future__ import annotations

from postern.base.errors import BadInput, NotFound, PosternError
from postern.flow import passkeys as keeping
from postern.store import passkeys
from postern.web import ids, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.passkeys import Passkey
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

SCRIPT = "passkey.js"
PATH = "/settings/sign-in"


def section(context: Context, request: Request, db: Database, who: SignedIn) -> Safe:
    """The part of Settings, Sign-in about them, in the user's transaction."""
    challenge, asked = keeping.creation(context, db, who.user_id)
    rows = [_row(context, one) for one in passkeys.of_user(db, who.user_id)]
    return render.render(
        "passkey_section",
        csrf=room.csrf_token(context, who),
        listing=render.render("passkey_list", rows=render.join(rows)) if rows else render.EMPTY,
        proposed=session.browser(request),
        **_question(challenge, asked),
    )


def sign_in_form(context: Context, autofill: bool) -> Safe:
    """The form of the sign-in page. `autofill`: the browser may offer a passkey before anybody asks for it."""
    question = _question(*keeping.request(context))
    return render.render("passkey_sign_in", autofill="on" if autofill else "off", **question)


def _question(challenge: bytes, asked: dict[str, object]) -> dict[str, str]:
    import json

    from postern.webauthn import base64url

    return {"challenge": base64url.encode(challenge), "options": json.dumps(asked)}


def _row(context: Context, one: Passkey) -> Safe:
    return render.render(
        "passkey_row",
        uid=str(one.uid),
        name=one.name(context.ring),
        since=times.day(one.created_at),
        used=render.render("passkey_used", at=times.minute(one.used_at))
        if one.used_at
        else render.render("passkey_unused"),
        synced=render.render("passkey_synced") if one.backed_up else render.EMPTY,
    )


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/passkeys/*."""
    return _page(context, request, who, _find(context, request, who))


@session.action
def rename(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/passkeys/*/rename."""
    one = _find(context, request, who)
    try:
        name = keeping.check_name(fields.text("name"))
    except BadInput as error:
        return _page(context, request, who, one, error)
    with context.pool.connection() as db, db.transaction(who.user_id):
        passkeys.rename(db, context.ring, one.uid, name)
    return responses.redirect(said.path(PATH, "passkey-renamed"))


@session.action
def remove(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/passkeys/*/remove."""
    keeping.remove(context, who.user_id, ids.uid(request.part(3)))
    return responses.redirect(said.path(PATH, "passkey-removed"))


def _find(context: Context, request: Request, who: SignedIn) -> Passkey:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = passkeys.get(db, ids.uid(request.part(3)))
    if found is None:
        raise NotFound("There is no such passkey.", "Go to Settings, Sign-in, and choose one.")
    return found


def _page(
    context: Context, request: Request, who: SignedIn, one: Passkey, wrong: PosternError | None = None
) -> Response:
    return room.show(
        context,
        request,
        who,
        "/settings",
        "passkey",
        "Passkey",
        status=200 if wrong is None else wrong.http_status,
        wrong=room.wrong(wrong),
        uid=str(one.uid),
        name=one.name(context.ring),
        since=times.day(one.created_at),
    )
