"""/quarantine: mail that is held, with what its sender claims; let out, given up, or looked at."""

from __future__ import annotations

from postern.base.errors import Conflict, NotFound, PosternError
from postern.flow import download, quarantine
from postern.store import held
from postern.web import ids, render, room, said, session, sizes, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.flow.context import Context
    from postern.store.held import Held
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/quarantine"
MANY = 200

_WHY = {
    "dmarc": "The sender’s domain says that this mail is forged (DMARC).",
    "paused": "Its mailbox is paused. It goes out by itself once that is forwarded to again.",
}


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /quarantine."""
    return _page(context, request, who)


@session.action
def release(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /quarantine/*/release."""
    try:
        for delivery_id in _waiting(context, who, ids.uid(request.part(2))):
            quarantine.release(context, who.user_id, delivery_id)
    except Conflict as error:
        return _page(context, request, who, wrong=error)
    return responses.redirect(said.path(PATH, "mail-released"))


@session.action
def drop(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /quarantine/*/drop."""
    for delivery_id in _waiting(context, who, ids.uid(request.part(2))):
        quarantine.drop(context, who.user_id, delivery_id)
    return responses.redirect(said.path(PATH, "mail-dropped"))


@session.page
def download_mail(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /mail/*: the message as it came, never shown in the browser."""
    size, pieces = download.open_message(context, who.user_id, ids.uid(request.part(2)))
    return responses.stream("message.eml", "application/octet-stream", size, pieces)


def _waiting(context: Context, who: SignedIn, uid: UUID) -> list[int]:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = held.waiting(db, uid)
    if not found:
        raise NotFound("This mail is no longer held.", "Load the page again.")
    return found


def _page(context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = held.held(db, who.user_id, context.config.quarantine_days, MANY)
    token = room.csrf_token(context, who)
    return room.show(
        context,
        request,
        who,
        "/activity",
        "quarantine",
        "Quarantine",
        status=200 if wrong is None else wrong.http_status,
        tabs=room.tabs("Activity", room.ACTIVITY_TABS, PATH),
        wrong=room.wrong(wrong),
        days=str(context.config.quarantine_days),
        listing=render.render("held_list", rows=render.join(_row(context, token, one) for one in found))
        if found
        else render.render("held_none"),
    )


def _row(context: Context, token: str, one: Held) -> Safe:
    summary = one.summary(context.ring)
    return render.render(
        "held_row",
        csrf=token,
        uid=str(one.uid),
        subject=summary.get("subject") or "(no subject)",
        name=summary.get("name", ""),
        sender=summary.get("from") or "(no sender)",
        alias=render.address(one.alias),
        why=_WHY.get(one.held_why, ""),
        at=times.minute(one.received_at),
        size=sizes.words(one.size),
        left="1 day left" if one.days_left == 1 else f"{one.days_left} days left",
    )
