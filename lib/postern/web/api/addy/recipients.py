"""Mailboxes in addy.io's dialect, where they are recipients; and what of PGP clients try to switch on them."""

from __future__ import annotations

from postern.base.errors import BadInput, PosternError
from postern.flow import mailboxes as keeping
from postern.store import mailboxes, users
from postern.web import response as responses
from postern.web.api.addy import ids, query, recipient_json
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.store.mailboxes import Mailbox
    from postern.web.api.addy.query import Query
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


class IsDefault(PosternError):
    """The default mailbox is not deleted from afar."""

    http_status = 403

    def __init__(self) -> None:
        super().__init__("You cannot delete your default recipient.", "Make another one the default first.")


def listing(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/recipients: all of them, the newest first."""
    asked = query.read(request)
    verified = asked.flag("filter[verified]")
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = [
            one
            for one in mailboxes.of_user(db, who.user_id)
            if verified is None or (one.verified_at is not None) is verified
        ]
        found.sort(key=lambda one: one.id, reverse=True)
        return responses.json(200, {"data": _shapes(context, db, who, found, asked)})


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/recipients/*."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = ids.mailbox(db, request.part(4))
        (shape,) = _shapes(context, db, who, [found], query.read(request))
    return responses.json(200, {"data": shape})


def add(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/recipients: 201, and the link that confirms it is mailed to it."""
    typed = given.text("email")
    try:
        found = keeping.add(context, who.user_id, typed)
    except BadInput as error:
        raise Wrong("email", error.reason, error.remedy) from None
    with context.pool.connection() as db, db.transaction(who.user_id):
        (shape,) = _shapes(context, db, who, [found], query.Query())
    return responses.json(201, {"data": shape})


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/recipients/*: aliases that had it alone go to the default one."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = ids.mailbox(db, request.part(4))
    if found.is_default:
        raise IsDefault
    keeping.delete(context, found)
    return responses.nothing()


def send_proof(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/recipients/email/resend."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = ids.mailbox(db, given.text("recipient_id"))
    keeping.send_proof(context, found)
    return responses.json(200, {"message": "The link was mailed again."})


def allow(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/allowed-recipients: each confirmed one may reply already."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = ids.mailbox(db, given.text("id"))
        (shape,) = _shapes(context, db, who, [found], query.Query())
    return responses.json(200, {"data": shape})


def disallow(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/allowed-recipients/*: refused, and nothing changes."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        ids.mailbox(db, request.part(4))
    raise BadInput("Each of your confirmed recipients may reply here.", "Delete it, if it shall not.")


def switch_pgp_on(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST (PATCH for keys) of whatever has to do with PGP: refused, and nothing changes."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        ids.mailbox(db, request.part(4) or given.text("id"))
    raise BadInput(
        "Mail is not encrypted with PGP here.", "Use a mailbox whose provider encrypts what arrives."
    )


def switch_pgp_off(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE of the same: it is off."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        ids.mailbox(db, request.part(4))
    return responses.nothing()


def _shapes(
    context: Context, db: Database, who: Bearer, found: list[Mailbox], asked: Query
) -> list[dict[str, object]]:
    user = users.get(db, who.user_id)
    assert user is not None
    counted = asked.flag("filter[alias_count]") is not False and asked.flag("alias_count") is not False
    uses = mailboxes.uses(db, who.user_id) if counted else {}
    return [
        recipient_json.shape(context.ring, one, user.uid, _aliases(uses, one.id) if counted else None)
        for one in found
    ]


def _aliases(uses: dict[int, mailboxes.Use], mailbox_id: int) -> int:
    use = uses.get(mailbox_id)
    return use.aliases if use else 0
