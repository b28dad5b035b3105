"""/admin/figures: the last 30 days in plots, for admins: how much mail, what waited, how large the database is.

All users together, and nobody in particular. The figures are those of the job `stats` (flow/figures.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.database import SYSTEM
from postern.store import figures
from postern.web import plot, render, room, session, sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from postern.flow.context import Context
    from postern.store.figures import Day
    from postern.store.sessions import SignedIn
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/admin/figures"
DAYS = 30


def _number(number: int) -> str:
    return f"{number:,}"


def _time(seconds: int) -> str:
    """`40 s`, `12 min`, `3 h`."""
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600:,} h"


def _size(size: int) -> str:
    return sizes.words(size) if size else "nothing"


@dataclass(frozen=True)
class Plot:
    """`name`: of the figure. `adds_up`: a day is the sum of its hours; else its highest hour."""

    name: str
    title: str
    adds_up: bool = True
    kind: str = "forwarded"
    words: Callable[[int], str] = _number


PLOTS = (
    Plot("received", "Messages taken in"),
    Plot("sent", "Deliveries to the relay"),
    Plot("failed", "Deliveries that failed", kind="blocked"),
    Plot("bounced", "Deliveries that came back", kind="blocked"),
    Plot("waiting", "Deliveries waiting, at most", adds_up=False, kind="replied"),
    Plot("oldest", "Longest wait", adds_up=False, kind="replied", words=_time),
    Plot("canary", "Round trip of the canary, at most", adds_up=False, kind="replied", words=_time),
    Plot("database", "Size of the database", adds_up=False, words=_size),
)


@session.admin_page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin/figures."""
    with context.pool.connection() as db, db.transaction(SYSTEM):  # nobody's rows
        found = figures.days(db, [one.name for one in PLOTS], DAYS)
    return room.show(
        context,
        request,
        who,
        "/admin",
        "admin_figures",
        "Figures",
        tabs=room.tabs("Admin", room.ADMIN_TABS, PATH),
        plots=render.join(_plot(one, [day for day in found if day.name == one.name]) for one in PLOTS),
    )


def _plot(one: Plot, days: list[Day]) -> Safe:
    numbers = [(day.day, day.total if one.adds_up else day.most) for day in days]
    return plot.figure(one.title, one.kind, numbers, one.words)
