"""/admin/log: what admins and the operator did, newest first, for admins."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.store import admin_acts
from postern.web import ids, render, room, session, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.admin_acts import Act
    from postern.store.sessions import SignedIn
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/admin/log"
MANY = 50


@session.admin_page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin/log. `?before=` shows those older than that id."""
    before = ids.number_or(request.query("before"), 2**62)
    with context.pool.connection() as db, db.transaction(SYSTEM):  # nobody's rows
        found = admin_acts.latest(db, MANY + 1, before)
    older = f"{PATH}?before={found[MANY - 1].id}" if len(found) > MANY else ""
    return room.show(
        context,
        request,
        who,
        "/admin",
        "admin_log",
        "Log",
        tabs=room.tabs("Admin", room.ADMIN_TABS, PATH),
        listing=render.render("admin_log_list", rows=render.join(map(_row, found[:MANY])))
        if found
        else render.render("admin_log_none"),
        older=render.render("activity_older", url=older) if older else render.EMPTY,
    )


def _row(one: Act) -> Safe:
    return render.render(
        "admin_log_row",
        at=times.minute(one.at),
        actor=one.actor,
        act=one.act.capitalize(),
        target=one.target,
        note=f": {one.note}" if one.note else "",
    )
