"""/admin/invitations: the links by which people open accounts, for admins; a new one is shown once."""

from __future__ import annotations

from datetime import datetime, timezone

from postern.base import clock
from postern.base.database import SYSTEM
from postern.base.errors import BadInput
from postern.flow import administration
from postern.store import invitations, users
from postern.web import ids, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.errors import PosternError
    from postern.flow.context import Context
    from postern.store.invitations import Invitation
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/admin/invitations"
DAYS = "7"

_ROLES = ((users.USER, "An ordinary user"), (users.ADMIN, "An admin"))


@session.admin_page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin/invitations."""
    return _page(context, request, who)


@session.admin_action
def make(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/invitations: the page that shows it, this once; a redirect would have to keep it somewhere."""
    days = ids.number_or(fields.text("days"), 0)
    try:
        link = administration.invite(context, who, fields.get("role", ""), fields.text("note"), days)
    except BadInput as error:
        return _page(context, request, who, error, fields)
    return room.show(
        context,
        request,
        who,
        "/admin",
        "admin_invitation_made",
        "The invitation",
        link=link,
        days="one day" if days == 1 else f"{days} days",
    )


@session.admin_action
def revoke(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/invitations/*/revoke."""
    administration.revoke_invitation(context, who, ids.uid(request.part(3)))
    return responses.redirect(said.path(PATH, "invitation-revoked"))


def _page(
    context: Context,
    request: Request,
    who: SignedIn,
    wrong: PosternError | None = None,
    typed: Fields | None = None,
) -> Response:
    with context.pool.connection() as db, db.transaction(SYSTEM):  # nobody's rows
        found = invitations.all_invitations(db)
    given: dict[str, str] = typed or {}
    token, now = room.csrf_token(context, who), datetime.fromtimestamp(clock.now(), timezone.utc)
    return room.show(
        context,
        request,
        who,
        "/admin",
        "admin_invitations",
        "Invitations",
        status=200 if wrong is None else wrong.http_status,
        tabs=room.tabs("Admin", room.ADMIN_TABS, PATH),
        wrong=room.wrong(wrong),
        listing=render.render(
            "admin_invitation_list", rows=render.join(_row(token, one, now) for one in found)
        )
        if found
        else render.render("admin_invitation_none"),
        roles=render.join(
            render.render("option_chosen" if role == given.get("role") else "option", value=role, words=words)
            for role, words in _ROLES
        ),
        note=given.get("note", ""),
        days=given.get("days", DAYS),
    )


def _row(token: str, one: Invitation, now: datetime) -> Safe:
    is_open = one.used_at is None and one.expires_at > now
    return render.render(
        "admin_invitation_row",
        note=one.note or "No note",
        role="an admin" if one.role == users.ADMIN else "a user",
        actor=one.made_by,
        at=times.day(one.created_at),
        until=_until(one, is_open),
        badge=_badge(one, is_open),
        acts=render.render("admin_invitation_revoke", csrf=token, uid=str(one.uid), note=one.note)
        if is_open
        else render.EMPTY,
    )


def _until(one: Invitation, is_open: bool) -> Safe:
    if one.used_at is not None:
        return render.join(("used ", times.day(one.used_at)))
    return render.join(("works until " if is_open else "worked until ", times.minute(one.expires_at)))


def _badge(one: Invitation, is_open: bool) -> Safe:
    if one.used_at is not None:
        return render.render("admin_invitation_used")
    return render.render("admin_invitation_open" if is_open else "admin_invitation_expired")
