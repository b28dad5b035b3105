"""What of an alias is switched by a resource of its own in addy.io's dialect: active, pinned, its recipients."""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.store import alias_list, aliases
from postern.web import response as responses
from postern.web.api.addy import ids
from postern.web.api.addy.aliases import one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


class RestoreFirst(BadInput):
    """A deleted alias is neither on nor off."""

    def __init__(self) -> None:
        super().__init__("You need to restore this alias before you can activate it.", "Restore it.")


def activate(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/active-aliases."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, given.text("id"))
        if alias.deleted_at is not None:
            raise RestoreFirst
        alias_list.enable(db, [alias.uid], True)
        return one(context, db, alias)


def deactivate(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/active-aliases/*."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias_list.enable(db, [ids.alias(db, request.part(4)).uid], False)
    return responses.nothing()


def pin(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/pinned-aliases."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, given.text("id"))
        alias_list.pin(db, [alias.uid], True)
        return one(context, db, alias)


def unpin(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/pinned-aliases/*."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias_list.pin(db, [ids.alias(db, request.part(4)).uid], False)
    return responses.nothing()


def attach_only(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/attached-recipients-only: refused, and nothing changes."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        ids.alias(db, given.text("id"))
    raise BadInput(
        "Each of your confirmed recipients may reply from each alias here.", "There is no such switch."
    )


def attach_all(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/attached-recipients-only/*: it is so already."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        ids.alias(db, request.part(4))
    return responses.nothing()


def set_recipients(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/alias-recipients; no recipient stands for the default one."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, given.text("alias_id"))
        aliases.forward_only_to(db, alias, ids.recipients(db, who.user_id, given))
        return one(context, db, alias)
