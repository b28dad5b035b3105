"""/settings/api-keys: the keys and app passwords by which programs use the account; a new one is shown once.

`?app=` says for which of flow/apps.py the form is filled in.
"""

from __future__ import annotations

from postern.base.errors import BadInput, PosternError
from postern.flow import api_keys as keeping
from postern.flow import app_passwords, apps
from postern.flow.api_keys import Wanted
from postern.store import api_keys, mailboxes
from postern.web import csrf, ids, qr_picture, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

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

KINDS = {
    api_keys.KEY: ("API key", "For programs that ask for a key or a token."),
    api_keys.PASSWORD: ("App password", "For apps that ask for an address and a password."),
}
"""Kind -> its name, and when it is wanted."""

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
    app = apps.BY_KEY.get(request.query("app"))
    wanted = USUAL if app is None else Wanted(app.name, app.scope, USUAL.days, app.kind)
    return _page(context, request, who, wanted)


@session.action
def make(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/api-keys: the page that shows it, this once; a redirect would have to keep it somewhere."""
    wanted = _read(fields)
    try:
        if wanted.kind == api_keys.PASSWORD:
            secret = app_passwords.make(context, who.user_id, wanted)
            page, title, more = "app_password_made", "Your new app password", _login(context, who)
        else:
            secret = keeping.make(context, who.user_id, wanted)
            page, title, more = "api_key_made", "Your new API key", _scanned(context, secret)
    except PosternError as error:
        return _page(context, request, who, wanted, error)
    return room.show(
        context,
        request,
        who,
        "/settings",
        page,
        title,
        name=wanted.name,
        secret=secret,
        site=context.config.url.rstrip("/"),
        may=keeping.MAY[wanted.scope],
        lifetime=keeping.lifetime(wanted.days),
        more=more,
    )


def _login(context: Context, who: SignedIn) -> Safe:
    """What an app asks for beside the password: a mailbox, or the handle."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        mailbox = mailboxes.default(db, who.user_id)
    login = who.handle if mailbox is None else mailbox.address(context.ring)
    return render.render("app_password_login", login=login, handle=who.handle)


def _scanned(context: Context, key: str) -> Safe:
    """What addy.io's apps take off the screen: the server's address and the key, with a bar between."""
    says = "QR code with the server’s address and the key"
    return qr_picture.picture(f"{context.config.url.rstrip('/')}|{key}", says)


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
    kind = fields.get("kind", api_keys.KEY)
    if kind not in KINDS:
        raise BadInput("There is no such kind.", "Load the page again, and choose one of those offered.")
    return Wanted(fields.text("name"), fields.get("scope", ""), chosen[1], kind)


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
        render.render("api_key_list", rows=render.join(_rows(context, token, found)))
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
        kinds=render.join(
            _choice("kind", kind, words, hint, wanted.kind) for kind, (words, hint) in KINDS.items()
        ),
        scopes=render.join(
            _choice("scope", scope, SCOPES[scope], keeping.MAY[scope], wanted.scope)
            for scope in api_keys.SCOPES
        ),
        lifetimes=render.join(
            render.render("option_chosen" if days == wanted.days else "option", value=value, words=words)
            for value, (words, days) in LIFETIMES.items()
        ),
    )


def _choice(field: str, value: str, words: str, hint: str, chosen: str) -> Safe:
    return render.render(
        "api_key_choice",
        field=field,
        value=value,
        words=words,
        hint=hint,
        checked="checked" if value == chosen else "",
    )


def _rows(context: Context, token: str, found: list[ApiKey]) -> Iterator[Safe]:
    """Each; those that an app password made name it."""
    names = {one.uid: one.name(context.ring) for one in found if one.kind == api_keys.PASSWORD}
    for one in found:
        yield _row(context, token, one, names.get(one.made_by) if one.made_by else None)


def _row(context: Context, token: str, one: ApiKey, maker: str | None) -> Safe:
    made = f"made with “{maker}” on " if maker else "made "
    return render.render(
        "api_key_row",
        csrf=token,
        uid=str(one.uid),
        name=one.name(context.ring),
        head=one.head,
        kind=KINDS[one.kind][0],
        note=render.join((made, times.day(one.created_at), ", ", _used(one), ", ", _ends(one))),
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
