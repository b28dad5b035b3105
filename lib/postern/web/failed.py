"""/failed: deliveries that failed or came back: why, and what can be done."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import NotFound
from postern.flow import wake
from postern.store import events, held, messages, queue
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
    with context.pool.connection() as db, db.transaction(who.user_id):
        delivery_id = held.failed_id(db, ids.uid(request.part(2)))
        if delivery_id is None or queue.retry(db, delivery_id) is None:
            raise NotFound("This cannot be tried again (any more).", "Load the page again.")
        events.add(db, context.ring, who.user_id, "retried", delivery_id=delivery_id)
    wake.drain(context)
    return responses.redirect(said.path(PATH, "mail-retried"))


@session.action
def drop(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /failed/*/drop."""
    with context.pool.connection() as db:
        with db.transaction(who.user_id):
            delivery_id = held.failed_id(db, ids.uid(request.part(2)))
            dropped = queue.drop(db, delivery_id) if delivery_id is not None else None
            if dropped is None:
                raise NotFound("This was given up already.", "Load the page again.")
            events.add(
                db, context.ring, who.user_id, "dropped", message_id=dropped[1], delivery_id=delivery_id
            )
        with db.transaction(SYSTEM):
            # Sealed MIME is deleted by the program alone (schema/0006).
            messages.clear_when_done(db, dropped[1])
    return responses.redirect(said.path(PATH, "mail-dropped"))


def _row(context: Context, token: str, one: Failed) -> Safe:
    summary = one.summary(context.ring)
    can_retry = one.state == "failed" and one.has_mail
    return render.render(
        "failed_row",
        subject=summary.get("subject") or ("Your reply" if one.kind == "reply" else "A message"),
        alias=render.address(one.alias or ""),
        address=render.address(one.address(context.ring)),
        meaning=_meaning(one),
        said=one.said(context.ring) or "It said nothing.",
        at=times.minute(one.at),
        badge="came back" if one.state == "sent" else "failed",
        acts=render.render("failed_acts", csrf=token, uid=str(one.uid), message=str(one.message_uid))
        if can_retry
        else render.EMPTY,
    )


def _meaning(one: Failed) -> str:
    status = one.bounced_status or ""
    for beginning, words in _MEANING:
        if status.startswith(beginning):
            return words
    return (
        "It was tried for days in vain."
        if one.attempts > 1 and one.state == "failed"
        else "The other server refused it."
    )
