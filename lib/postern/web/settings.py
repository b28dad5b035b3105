"""/settings: what a user chooses once: how new aliases are made, what becomes of forged mail, how often there is a digest."""

from __future__ import annotations

from postern.base.errors import PosternError
from postern.flow import preferences as choosing
from postern.mail import names
from postern.store import domains, preferences
from postern.store.preferences import Preferences
from postern.web import ids, render, room, said, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/settings"

_KINDS = {
    names.WORDS: "Two words",
    names.CHARACTERS: "Letters and digits",
    names.UUID: "A UUID",
}


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings."""
    return _page(context, request, who)


@session.action
def save(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings."""
    try:
        choosing.save(context, who.user_id, _read(fields))
    except PosternError as error:
        return _page(context, request, who, wrong=error)
    return responses.redirect(said.path(PATH, "settings-saved"))


def _read(fields: Fields) -> Preferences:
    """What the form says."""
    return Preferences(
        ids.number_or(fields.get("domain", ""), 0) or None,
        fields.get("kind", ""),
        fields.get("dmarc_fail", ""),
        fields.get("offer_block") == "1",
        fields.get("digest", ""),
    )


def _page(context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        own = preferences.of_user(db, who.user_id)
        usable = domains.usable(db, who.user_id)
    chosen = own.default_domain_id or (usable[0].id if usable else 0)
    return room.show(
        context,
        request,
        who,
        PATH,
        "settings",
        "Settings",
        status=200 if wrong is None else wrong.http_status,
        tabs=room.tabs("Settings", room.SETTINGS_TABS, PATH),
        wrong=room.wrong(wrong),
        domains=render.join(
            render.render(
                "option_chosen" if one.id == chosen else "option", value=str(one.id), words=one.name
            )
            for one in usable
        ),
        kinds=render.join(_kind(kind, words, own.default_kind) for kind, words in _KINDS.items()),
        quarantine="checked" if own.dmarc_fail == "quarantine" else "",
        forward="checked" if own.dmarc_fail == "forward" else "",
        offer_block="checked" if own.offer_block else "",
        **{f"digest_{one}": "checked" if own.digest == one else "" for one in preferences.DIGEST},
    )


def _kind(kind: str, words: str, chosen: str) -> Safe:
    return render.render(
        "settings_kind",
        value=kind,
        words=words,
        example=names.new_local(kind),
        checked="checked" if kind == chosen else "",
    )
