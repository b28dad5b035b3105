"""/failed: deliveries that failed or came back: why, and what can be done."""

from __future__ import annotations

import re

from postern.flow import failed as flow
from postern.store import held
from postern.web import ids, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.held import Failed
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/failed"
MANY = 200

_MEANING = (
    ("5.1.1", "There is no such mailbox there."),
    ("5.1.2", "There is no such domain."),
    ("5.2.1", "The mailbox is switched off."),
    ("5.2.2", "The mailbox is full."),
    ("5.2.3", "The message is too large for that mailbox."),
    ("5.3.4", "The message is too large for that server."),
    ("5.4", "That server could not be reached."),
    ("5.7", "That server did not want it: its rules, or its spam filter."),
    ("5.1", "The address is wrong."),
    ("5.2", "The mailbox cannot take it."),
)
"""Beginning of a status (RFC 3463) -> what it means."""

_STATUS = re.compile(r"(?:5\d\d[ -])?(5\.\d{1,3}\.\d{1,3})\b")


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /failed."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = held.failed(db, who.user_id, MANY)
    token = room.csrf_token(context, who)
    return room.show(
        context,
        request,
        who,
        "/activity",
        "failed",
        "Failed",
        tabs=room.tabs("Activity", room.ACTIVITY_TABS, PATH),
        days=str(context.config.keep_failed_days),
        listing=render.render("failed_list", rows=render.join(_row(context, token, one) for one in found))
        if found
        else render.render("failed_none"),
    )


@session.action
def retry(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /failed/*/retry."""
    flow.retry(context, who.user_id, ids.uid(request.part(2)))
    return responses.redirect(said.path(PATH, "mail-retried"))


@session.action
def drop(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /failed/*/drop."""
    flow.drop(context, who.user_id, ids.uid(request.part(2)))
    return responses.redirect(said.path(PATH, "mail-dropped"))


def _row(context: Context, token: str, one: Failed) -> Safe:
    summary, told = one.summary(context.ring), one.said(context.ring)
    can_retry = one.state == "failed" and one.has_mail
    return render.render(
        "failed_row",
        subject=summary.get("subject") or ("Your reply" if one.kind == "reply" else "A message"),
        alias=render.address(one.alias or ""),
        address=render.address(one.address(context.ring)),
        meaning=_meaning(one, told),
        said=told or "It said nothing.",
        at=times.minute(one.at),
        badge="came back" if one.state == "sent" else "failed",
        acts=render.render("failed_acts", csrf=token, uid=str(one.uid), message=str(one.message_uid))
        if can_retry
        else render.EMPTY,
    )


def _meaning(one: Failed, told: str) -> str:
    """By the status in the bounce, or with which the server's words begin (RFC 2034)."""
    found = _STATUS.match(told)
    status = one.bounced_status or (found[1] if found else "")
    for beginning, words in _MEANING:
        if status.startswith(beginning):
            return words
    return (
        "It was tried for days in vain."
        if one.attempts > 1 and one.state == "failed"
        else "The other server refused it."
    )
