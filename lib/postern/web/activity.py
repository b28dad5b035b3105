"""/activity: what happened, as plots and as a list."""

from __future__ import annotations

from postern.store import activity, events, stats
from postern.web import event_row, ids, plot, render, room, session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/activity"
DAYS = 30
MANY = 50
TOP = 5


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /activity. `?kind=` shows one kind of event, `?before=` those older than that id."""
    kind = request.query("kind")
    kind = kind if kind in events.KINDS else ""
    before = ids.number_or(request.query("before"), 2**62)
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = activity.page(db, who.user_id, kind, before, MANY + 1)
        days = stats.days(db, who.user_id, DAYS)
        busiest = stats.top(db, who.user_id, DAYS, TOP)
    older = (
        f"{PATH}?{f'kind={kind}&' if kind else ''}before={found[MANY - 1].id}" if len(found) > MANY else ""
    )
    return room.show(
        context,
        request,
        who,
        PATH,
        "activity",
        "Activity",
        tabs=room.tabs("Activity", room.ACTIVITY_TABS, PATH),
        plot=plot.days(days),
        top=render.render("plot_top", rows=plot.top(busiest)) if busiest else render.EMPTY,
        kinds=render.join(
            render.render(
                "option_chosen" if one == kind else "option", value=one, words=event_row.WORDS[one][1]
            )
            for one in events.KINDS
        ),
        events=event_row.rows(context.ring, found[:MANY]),
        older=render.render("activity_older", url=older) if older else render.EMPTY,
    )
