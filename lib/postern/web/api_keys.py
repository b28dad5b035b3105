"""/settings/api-keys: the keys by which programs use the account; a new one is shown once."""

from __future__ import annotations

from postern.base.errors import BadInput, PosternError
from postern.flow import api_keys as keeping
from postern.flow.api_keys import Wanted
from postern.store import api_keys
from postern.web import csrf, ids, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import ApiKey
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

SCOPES = {
    api_keys.READ: "Look only",
    api_keys.ALIASES: "Aliases",
    api_keys.ALL: "Everything",
}
"""Scope -> its short name."""

LIFETIMES: dict[str, tuple[str, int | None]] = {
    "30": ("30 days", 30),
    "90": ("90 days", 90),
    "365": ("A year", 365),
    "never": ("Until I revoke it", None),
}
"""What the form sends -> words, and days."""

USUAL = Wanted("", api_keys.ALIASES, 365)


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/api-keys."""
    return _page(context, request, who)


@session.action
def make(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/api-keys: the page that shows it, this once; a redirect would have to keep it somewhere."""
    wanted = _read(fields)
    try:
        key = keeping.make(context, who.user_id, wanted)
    except PosternError as error:
        return _page(context, request, who, wanted, error)
    return room.show(
        context,
        request,
        who,
        "/settings",
        "api_key_made",
        "Your new API key",
        name=wanted.name,
        key=key,
        site=context.config.url.rstrip("/"),
        may=keeping.MAY[wanted.scope],
        lifetime=keeping.lifetime(wanted.days),
    )


@session.action
def revoke(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/api-keys/*/revoke."""
    keeping.revoke(context, who.user_id, ids.uid(request.part(3)))
    return responses.redirect(said.path(keeping.PATH, "api-key-revoked"))


def _read(fields: Fields) -> Wanted:
    """What the form says. BadInput for what no form of ours offers; the rest is checked where the key is made."""
    chosen = LIFETIMES.get(fields.get("lifetime", ""))
    if chosen is None:
        raise BadInput(
            "A choice is none of those offered.", "Load the page again, and choose from its lists."
        )
    return Wanted(fields.text("name"), fields.get("scope", ""), chosen[1])


def _page(
    context: Context,
    request: Request,
    who: SignedIn,
    wanted: Wanted = USUAL,
    wrong: PosternError | None = None,
) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = api_keys.of_user(db, who.user_id)
    token = csrf.token(context, who)
    listing = (
        render.render("api_key_list", rows=render.join(_row(context, token, one) for one in found))
        if found
        else render.render("api_key_none")
    )
    return room.show(
        context,
        request,
        who,
        "/settings",
        "api_keys",
        "API keys",
        status=200 if wrong is None else wrong.http_status,
        tabs=room.tabs("Settings", room.SETTINGS_TABS, keeping.PATH),
        wrong=room.wrong(wrong),
        listing=listing,
        name=wanted.name,
        longest=str(keeping.MAX_NAME),
        scopes=render.join(_scope(scope, wanted.scope) for scope in api_keys.SCOPES),
        lifetimes=render.join(
            render.render("option_chosen" if days == wanted.days else "option", value=value, words=words)
            for value, (words, days) in LIFETIMES.items()
        ),
    )


def _scope(scope: str, chosen: str) -> Safe:
    return render.render(
        "api_key_scope",
        value=scope,
        words=SCOPES[scope],
        hint=keeping.MAY[scope],
        checked="checked" if scope == chosen else "",
    )


def _row(context: Context, token: str, one: ApiKey) -> Safe:
    return render.render(
        "api_key_row",
        csrf=token,
        uid=str(one.uid),
        name=one.name(context.ring),
        head=one.head,
        note=render.join(("made ", times.day(one.created_at), ", ", _used(one), ", ", _ends(one))),
        badge=render.render("api_key_expired" if one.expired else "api_key_badge", words=SCOPES[one.scope]),
    )


def _used(one: ApiKey) -> Safe:
    if one.used_at is None:
        return render.join(("never used",))
    return render.join(("last used ", times.minute(one.used_at)))


def _ends(one: ApiKey) -> Safe:
    if one.expires_at is None:
        return render.join(("no end",))
    return render.join(("expired " if one.expired else "expires ", times.day(one.expires_at)))
