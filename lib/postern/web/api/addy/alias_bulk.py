"""Up to 25 aliases at once, in addy.io's dialect. What is as wanted already is passed over; nothing left is a 404."""

from __future__ import annotations

from postern.base.errors import NotFound
from postern.store import alias_list, alias_search, aliases, retired
from postern.web import response as responses
from postern.web.api.addy import alias_json, ids
from postern.web.api.addy.alias_switches import RestoreFirst

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


class NoneFound(NotFound):
    """None of them is there, or all are as wanted."""

    def __init__(self) -> None:
        super().__init__("No aliases found.", "Load your list again.")


def get(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/get/bulk."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = alias_search.among(db, ids.many(given))
        if not found:
            raise NoneFound
        data = alias_json.shapes(db, context.ring, who.user_id, found)
    return responses.json(200, {"data": data})


def activate(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/activate/bulk."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        off = _those(db, given, lambda one: not one.enabled or one.deleted_at is not None)
        found = [one for one in off if one.deleted_at is None]
        if not found:
            raise RestoreFirst
        alias_list.enable(db, [one.uid for one in found], True)
    return _done("activated", found)


def deactivate(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/deactivate/bulk."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _those(db, given, lambda one: one.enabled and one.deleted_at is None)
        alias_list.enable(db, [one.uid for one in found], False)
    return _done("deactivated", found)


def pin(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/pin/bulk."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _those(db, given, lambda one: not one.pinned and one.deleted_at is None)
        alias_list.pin(db, [one.uid for one in found], True)
    return _done("pinned", found)


def unpin(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/unpin/bulk."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _those(db, given, lambda one: one.pinned)
        alias_list.pin(db, [one.uid for one in found], False)
    return _done("unpinned", found)


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/delete/bulk."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _those(db, given, lambda one: one.deleted_at is None)
        alias_list.delete(db, [one.uid for one in found])
    return _done("deleted", found)


def restore(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/restore/bulk."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _those(db, given, lambda one: one.deleted_at is not None)
        alias_list.restore(db, [one.uid for one in found])
    return _done("restored", found)


def forget(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/forget/bulk."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _those(db, given)
        retired.forget(db, context.ring, found)
    return _done("forgotten", found)


def set_recipients(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases/recipients/bulk; no recipient stands for the default one."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _those(db, given)
        chosen = ids.recipients(db, who.user_id, given)
        for one in found:
            aliases.forward_only_to(db, one, chosen)
    return _done("recipients updated for", found)


def _those(db: Database, given: Given, wanted: Callable[[Alias], bool] | None = None) -> list[Alias]:
    found = [one for one in alias_search.among(db, ids.many(given)) if wanted is None or wanted(one)]
    if not found:
        raise NoneFound
    return found


def _done(what: str, found: Sequence[Alias]) -> Response:
    count = "1 alias" if len(found) == 1 else f"{len(found)} aliases"
    words = f"{what} {count} successfully" if " " in what else f"{count} {what} successfully"
    return responses.json(200, {"message": words, "ids": [str(one.uid) for one in found]})
