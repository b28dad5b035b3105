"""Taking everything along in SimpleLogin's dialect. More of it, and in our own form: flow/export.py."""

from __future__ import annotations

from postern.flow import export
from postern.store import aliases, domains, mailboxes
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


def data(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/export/data."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        mailbox = mailboxes.default(db, who.user_id)
        kept = [one for one in aliases.of_user(db, who.user_id) if one.deleted_at is None]
        own = domains.of_user(db, who.user_id)
    return responses.json(
        200,
        {
            "email": "" if mailbox is None else mailbox.address(context.ring),
            "name": who.handle,
            "aliases": [{"email": one.address, "enabled": one.enabled} for one in kept],
            "apps": [],
            "custom_domains": [one.name for one in own],
        },
    )


def table(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/export/aliases: CSV, as SimpleLogin's import takes it."""
    text = export.table(context, who.user_id, "simplelogin")
    return responses.download("aliases.csv", "text/csv; charset=utf-8", text.encode())
