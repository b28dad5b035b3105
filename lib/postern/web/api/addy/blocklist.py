"""The blocklist in addy.io's dialect: senders from whom no alias takes mail."""

from __future__ import annotations

from postern.base.errors import BadInput, NotFound
from postern.flow import blocklist as flow
from postern.store import blocked_senders, users
from postern.web import response as responses
from postern.web.api.addy import ids, page, query
from postern.web.api.addy.times import moment, moment_or_none
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.store.blocked_senders import BlockedSender
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

    Shape = dict[str, Any]

MOST_ADDED, MOST_DELETED = 50, 500
"""At once, as addy.io has it."""

MAX_SEARCH = 100
SORTS: dict[str, Callable[[Shape], Any]] = {
    "created_at": lambda _one: 0,
    "value": lambda one: one["value"],
    "blocked": lambda one: one["blocked"],
    "last_blocked": lambda one: one["last_blocked"] or "",
}
"""What they may be sorted by; of equals the newest comes first."""


class NoneFound(NotFound):
    """None of them is on the list."""

    def __init__(self) -> None:
        super().__init__("No blocklist entries found.", "Load your list again.")


def listing(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/blocklist: a page of it. Entries are sealed, so all are opened, and there are never too many for that."""
    asked = query.read(request)
    place = page.asked(asked)
    words, kind = (
        asked.get("filter[search]", "").lower(),
        asked.one_of("filter[type]", ("", *blocked_senders.KINDS), ""),
    )
    if len(words) > MAX_SEARCH:
        raise Wrong("filter.search", f"A search has at most {MAX_SEARCH} letters.", "Type fewer.")
    sort = asked.one_of("sort", ("", *SORTS, *(f"-{name}" for name in SORTS)), "") or "-created_at"
    with context.pool.connection() as db, db.transaction(who.user_id):
        every = blocked_senders.of_user(db, who.user_id)
    if sort == "created_at":
        every.reverse()
    found = [
        one for one in _shapes(context, who, every) if words in one["value"] and kind in ("", one["type"])
    ]
    found.sort(key=SORTS[sort.lstrip("-")], reverse=sort.startswith("-"))
    part = found[place.skip : place.skip + place.size]
    return responses.json(200, page.shape(context, request, asked, place, part, len(found)))


def add(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/blocklist: 201 with the entry."""
    kind, value = _kind(given), given.text("value")
    try:
        made = flow.add(context, who.user_id, kind, [value])
    except BadInput as error:
        raise Wrong("value", error.reason, error.remedy) from None
    if not made:
        raise Wrong("value", "This email or domain is already on your blocklist.", "It stands in the list.")
    (shape,) = _shapes(context, who, made)
    return responses.json(201, {"data": shape})


def add_many(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/blocklist/store/bulk: 201 with those that are new; one that makes no sense, and none is added."""
    kind, values = _kind(given), given.texts("values")
    if not 1 <= len(values) <= MOST_ADDED:
        raise Wrong("values", f"The values must be 1 to {MOST_ADDED}.", "Send them as a list.")
    for place, value in enumerate(values):
        try:
            flow.read(kind, value)
        except BadInput as error:
            raise Wrong(f"values.{place}", error.reason, error.remedy) from None
    made = flow.add(context, who.user_id, kind, values)
    skipped = len({flow.read(kind, value) for value in values}) - len(made)
    return responses.json(
        201, {"data": _shapes(context, who, made), "message": _told(len(made), skipped), "skipped": skipped}
    )


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/blocklist/*."""
    uid = ids.read(request.part(4))
    with context.pool.connection() as db, db.transaction(who.user_id):
        if not blocked_senders.delete(db, who.user_id, [uid]):
            raise ids.Gone
    return responses.nothing()


def delete_many(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/blocklist/delete/bulk."""
    wanted = ids.many(given, MOST_DELETED)
    with context.pool.connection() as db, db.transaction(who.user_id):
        gone = blocked_senders.delete(db, who.user_id, wanted)
    if not gone:
        raise NoneFound
    count = "1 entry" if len(gone) == 1 else f"{len(gone)} entries"
    return responses.json(
        200, {"message": f"{count} removed from blocklist", "ids": [str(uid) for uid in gone]}
    )


def _kind(given: Given) -> str:
    kind = given.text("type")
    if kind not in blocked_senders.KINDS:
        raise Wrong("type", "The type must be either email or domain.", "Send one of the two.")
    return kind


def _shapes(context: Context, who: Bearer, found: Sequence[BlockedSender]) -> list[Shape]:
    with context.pool.connection() as db, db.transaction(who.user_id):
        user = users.get(db, who.user_id)
    assert user is not None
    return [
        {
            "id": str(one.uid),
            "user_id": str(user.uid),
            "value": one.value(context.ring),
            "type": one.kind,
            "blocked": one.blocked,
            "last_blocked": moment_or_none(one.blocked_at),
            "created_at": moment(one.created_at),
            "updated_at": moment(one.blocked_at or one.created_at),
        }
        for one in found
    ]


def _told(added: int, skipped: int) -> str:
    if not added:
        return "All entries were already on your blocklist."
    words = "1 entry added to blocklist." if added == 1 else f"{added} entries added to blocklist."
    return f"{words} {skipped} already on blocklist." if skipped else words
