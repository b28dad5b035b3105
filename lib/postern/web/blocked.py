"""/blocked: senders from whom no alias takes mail."""

from __future__ import annotations

from postern.base.errors import NotFound, PosternError
from postern.flow import blocklist
from postern.store import blocked_senders
from postern.web import ids, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.blocked_senders import BlockedSender
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/blocked"


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /blocked."""
    return _page(context, request, who)


@session.action
def add(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /blocked: an address, or a domain when there is nothing before an @."""
    typed = fields.text("sender")
    is_address = "@" in typed.strip().lstrip("@")
    kind = blocked_senders.EMAIL if is_address else blocked_senders.DOMAIN
    try:
        blocklist.add(context, who.user_id, kind, [typed])
    except PosternError as error:
        return _page(context, request, who, wrong=error, typed=typed)
    return responses.redirect(said.path(PATH, "sender-blocked"))


@session.action
def remove(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /blocked/*/remove."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        if not blocked_senders.delete(db, who.user_id, [ids.uid(request.part(2))]):
            raise NotFound("This is not blocked (any more).", "Load the page again.")
    return responses.redirect(said.path(PATH, "sender-unblocked"))


def _page(
    context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None, typed: str = ""
) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = blocked_senders.of_user(db, who.user_id)
    token = room.csrf_token(context, who)
    return room.show(
        context,
        request,
        who,
        "/activity",
        "blocklist",
        "Blocked",
        status=200 if wrong is None else wrong.http_status,
        tabs=room.tabs("Activity", room.ACTIVITY_TABS, PATH),
        wrong=room.wrong(wrong),
        typed=typed,
        listing=render.render("blocklist_list", rows=render.join(_row(context, token, one) for one in found))
        if found
        else render.render("blocklist_none"),
    )


def _row(context: Context, token: str, one: BlockedSender) -> Safe:
    value = one.value(context.ring)
    times_refused = "once" if one.blocked == 1 else f"{one.blocked:,} times"
    note = (
        f"refused {times_refused}, last {times.minute(one.blocked_at)}"
        if one.blocked_at
        else "nothing refused yet"
    )
    return render.render(
        "blocklist_row",
        csrf=token,
        uid=str(one.uid),
        value=render.address(value if one.kind == blocked_senders.EMAIL else f"@{value}"),
        plain=value,
        note=note,
    )
