"""Failed deliveries in addy.io's dialect: what failed, what came back, and what waits in quarantine."""

from __future__ import annotations

from postern.base.errors import BadInput, NotFound
from postern.flow import download, quarantine
from postern.flow import failed as flow
from postern.store import undelivered, users
from postern.store.undelivered import ANY, HELD, LOST
from postern.web import response as responses
from postern.web.api.addy import ids, page, query, undelivered_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.store.undelivered import Undelivered
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

_INBOUND = "inbound"
_FILTERS = {"": ANY, "outbound": LOST, "inbound_quarantined": HELD, _INBOUND: _INBOUND}
"""The filter `email_type` -> what to list. Mail that was refused at the door is in no list: it never came in."""


class CameBack(BadInput):
    """It was delivered, and the other server sent it back."""

    def __init__(self) -> None:
        super().__init__("This came back after it was delivered.", "Nothing can be done with it any more.")


def listing(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/failed-deliveries: a page of them, newest first."""
    asked = query.read(request)
    which, place = _FILTERS[asked.one_of("filter[email_type]", [*_FILTERS], "")], page.asked(asked)
    with context.pool.connection() as db, db.transaction(who.user_id):
        if which == _INBOUND:
            total, found = 0, []
        else:
            total = undelivered.count(db, who.user_id, which)
            found = undelivered.page(db, who.user_id, which, place.size, place.skip)
        data = _shapes(context, db, who, found)
    return responses.json(200, page.shape(context, request, asked, place, data, total))


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/failed-deliveries/*."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        (data,) = _shapes(context, db, who, [_find(db, request)])
    return responses.json(200, {"data": data})


def fetch(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/failed-deliveries/*/download: the message as it came."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _find(db, request)
    size, pieces = download.open_message(context, who.user_id, found.message_uid)
    return responses.stream(f"{found.uid}.eml", "application/octet-stream", size, pieces)


def resend(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/failed-deliveries/*/resend: tried again, or let out of quarantine; where it was going, and nowhere else."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _find(db, request)
    others = [uid for uid in given.texts("recipient_ids") if uid != str(found.mailbox_uid)]
    if others:
        raise BadInput(
            "It can go to the recipient only that it was for.",
            "Leave the others out, or forward it from there.",
        )
    if found.state == HELD:
        quarantine.release(context, who.user_id, found.id)
    elif found.state != "failed":
        raise CameBack
    else:
        try:
            flow.retry(context, who.user_id, found.uid)
        except NotFound as error:
            raise BadInput(error.reason, "Its mail is no longer kept.") from None
    return responses.nothing()


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/failed-deliveries/*: given up."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _find(db, request)
    if found.state == HELD:
        quarantine.drop(context, who.user_id, found.id)
    elif found.state != "failed":
        raise CameBack
    else:
        flow.drop(context, who.user_id, found.uid)
    return responses.nothing()


def _find(db: Database, request: Request) -> Undelivered:
    found = undelivered.get(db, ids.read(request.part(4)))
    if found is None:
        raise ids.Gone
    return found


def _shapes(context: Context, db: Database, who: Bearer, found: list[Undelivered]) -> list[dict[str, object]]:
    user = users.get(db, who.user_id)
    assert user is not None
    return [undelivered_json.shape(context.ring, one, user.uid) for one in found]
