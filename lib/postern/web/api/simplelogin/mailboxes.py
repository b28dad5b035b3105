"""Mailboxes in SimpleLogin's dialect."""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow import mailboxes as keeping
from postern.store import mailboxes
from postern.web import response as responses
from postern.web.api.given import Wrong
from postern.web.api.simplelogin import ids, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.store.mailboxes import Mailbox
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

NOBODY = -1
"""In `transfer_aliases_to`: nobody is named."""


def shape(ring: KeyRing, mailbox: Mailbox, aliases: int) -> dict[str, object]:
    """A mailbox as clients read it; `aliases`: how many forward to it."""
    return {
        "id": mailbox.id,
        "email": mailbox.address(ring),
        "verified": mailbox.verified_at is not None,
        "default": mailbox.is_default,
        "creation_timestamp": times.seconds(mailbox.created_at),
        "nb_alias": aliases,
    }


def page(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v2/mailboxes: all of them."""
    return _page(context, who, False)


def page_v1(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/mailboxes: those that are confirmed."""
    return _page(context, who, True)


def make(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/mailboxes: 201 with the mailbox; a link to confirm it is mailed to it."""
    address = given.text("email").strip()
    if not address:
        raise Wrong("email", "There is no address.", "Send the address of the mailbox.")
    made = keeping.add(context, who.user_id, address)
    return responses.json(201, shape(context.ring, made, 0))


def change(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PUT /api/mailboxes/*: make it the default one. An address is for good, so no change of it ever waits to be cancelled."""
    default, address = given.flag("default"), given.text("email").strip()
    given.flag("cancel_email_change")
    with context.pool.connection() as db, db.transaction(who.user_id):
        mailbox = ids.mailbox(db, request)
    if address and address != mailbox.address(context.ring):
        raise BadInput("The address of a mailbox is for good.", "Add the new one, and delete this one then.")
    if default:
        keeping.make_default(context, mailbox)
    return responses.json(200, {"updated": True})


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/mailboxes/*: aliases that had it alone forward to another one then. No alias is deleted with a mailbox."""
    heir = given.number("transfer_aliases_to")
    with context.pool.connection() as db, db.transaction(who.user_id):
        mailbox = ids.mailbox(db, request)
    keeping.delete(context, mailbox, None if heir == NOBODY else heir)
    return responses.json(200, {"deleted": True})


def _page(context: Context, who: Bearer, confirmed: bool) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = mailboxes.of_user(db, who.user_id)
        uses = mailboxes.uses(db, who.user_id)
    shapes = [
        shape(context.ring, one, uses[one.id].aliases)
        for one in found
        if one.verified_at is not None or not confirmed
    ]
    return responses.json(200, {"mailboxes": shapes})
