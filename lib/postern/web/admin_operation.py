"""/admin/operation: whether mail flows, for admins: health, jobs, the relay's budget, who sends much, and the queue.

Of a delivery it shows whose it is, how large, and the relay's reply code; not the alias, the addresses, nor the relay's words.
"""

from __future__ import annotations

from postern.base import guide
from postern.base.database import SYSTEM
from postern.base.errors import Conflict
from postern.base.relay_place import places
from postern.flow import administration
from postern.store import jobs, queue, relays, user_list
from postern.web import health, ids, render, room, said, session, sizes, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.errors import PosternError
    from postern.base.relay_place import RelayPlace
    from postern.flow.context import Context
    from postern.store.jobs import Listed
    from postern.store.queue import Entry
    from postern.store.relays import Usage
    from postern.store.sessions import SignedIn
    from postern.store.user_list import Share
    from postern.web.form import Fields
    from postern.web.health import Check
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/admin/operation"
ENTRIES = "docs/operations/monitoring.md"
"""It has an entry for each check of /health, under the check's own name; the drain is the job `deliver`."""

MANY = 100
BUSIEST = 10


@session.admin_page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin/operation."""
    return _page(context, request, who)


@session.admin_action
def retry(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/deliveries/*/retry."""
    try:
        administration.retry(context, who, ids.uid(request.part(3)))
    except Conflict as error:
        return _page(context, request, who, error)
    return responses.redirect(said.path(PATH, "mail-retried"))


@session.admin_action
def drop(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/deliveries/*/drop."""
    try:
        administration.drop(context, who, ids.uid(request.part(3)))
    except Conflict as error:
        return _page(context, request, who, error)
    return responses.redirect(said.path(PATH, "mail-given-up"))


def _page(context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None) -> Response:
    checks = health.look(context)
    with context.pool.connection() as db, db.transaction(SYSTEM):  # of all users
        runs = jobs.all_jobs(db)
        usage = [(place, relays.usage(db, place.name)) for place in places(context.config)]
        busiest = user_list.busiest(db, BUSIEST)
        found = queue.entries(db, ["queued", "failed"], MANY)
    token = room.csrf_token(context, who)
    return room.show(
        context,
        request,
        who,
        "/admin",
        "admin_operation",
        "Operation",
        status=200 if wrong is None else wrong.http_status,
        tabs=room.tabs("Admin", room.ADMIN_TABS, PATH),
        wrong=room.wrong(wrong),
        checks=render.join(map(_check, checks)),
        budget=render.join(_budget(place, used, len(usage) > 1) for place, used in usage),
        busiest=render.render("admin_busiest", rows=render.join(map(_share, busiest)))
        if busiest
        else render.render("admin_busiest_none"),
        jobs=render.render("admin_jobs", rows=render.join(map(_job, runs)))
        if runs
        else render.render("admin_jobs_none"),
        deliveries=render.render("admin_queue", rows=render.join(_delivery(token, one) for one in found))
        if found
        else render.render("admin_queue_none"),
    )


def _check(one: Check) -> Safe:
    return render.render(
        "admin_check",
        name=one.name.capitalize(),
        detail=one.detail,
        badge=render.render("admin_check_ok")
        if one.ok
        else render.render("admin_check_fail", name=one.name, guide=guide.path(f"{ENTRIES}#{_entry(one)}")),
    )


def _entry(one: Check) -> str:
    return "job" if one.name == "drain" else one.name


def _budget(place: RelayPlace, usage: Usage, several: bool) -> Safe:
    which = f", {place.host}" if several else ""
    hours = (
        (f"This hour{which}", usage.hour, place.per_hour),
        (f"Today{which}", usage.day, place.per_day),
    )
    return render.join(
        render.render(
            "admin_budget", words=words, used=f"{used:,}", most=f"of {most:,}" if most else "no limit"
        )
        for words, used, most in hours
    )


def _share(one: Share) -> Safe:
    return render.render(
        "admin_busiest_row", handle=one.handle, messages=f"{one.messages:,}", size=sizes.words(one.bytes)
    )


def _job(one: Listed) -> Safe:
    return render.render(
        "admin_jobs_row",
        job=one.job,
        at=times.minute(one.started_at),
        result="running" if one.ok is None else "went well" if one.ok else "failed",
        error=one.error or "",
        items=f"{one.items:,}",
    )


def _delivery(token: str, one: Entry) -> Safe:
    last = f"{one.said_stage} {one.said_code or ''}".strip() if one.said_stage else "not tried yet"
    return render.render(
        "admin_queue_row",
        csrf=token,
        uid=str(one.uid),
        id=str(one.id),
        handle=one.handle,
        size=sizes.words(one.size),
        at=times.minute(one.created_at),
        due=render.join((", due ", times.minute(one.due_at))) if one.state == "queued" else render.EMPTY,
        tries=sizes.many(one.attempts, "try", "tries"),
        last=last,
        badge=render.render("admin_queue_failed" if one.state == "failed" else "admin_queue_queued"),
    )
