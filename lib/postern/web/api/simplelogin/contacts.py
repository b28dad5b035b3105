"""Contacts in SimpleLogin's dialect."""

from __future__ import annotations

from postern.base.errors import NotFound
from postern.flow import contacts as making
from postern.mail.address_list import parse_list
from postern.store import contacts
from postern.web import response as responses
from postern.web.api.given import Wrong
from postern.web.api.simplelogin import contact_json, ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


def page(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/aliases/*/contacts: twenty of them, newest first."""
    skip = ids.skip(request)
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, request)
        found = contacts.page(db, alias.id, ids.PAGE, skip)
    shapes = [contact_json.shape(context.ring, one, alias.domain, False) for one in found]
    return responses.json(200, {"contacts": shapes})


def make(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/aliases/*/contacts: 201 with the contact, or 200 when it is known already."""
    typed = given.text("contact")
    people = parse_list(typed.encode())
    if len(people) != 1:
        raise Wrong("contact", "This is not one e-mail address.", "Send one, with or without a name.")
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, request)
        known = contacts.with_address(db, context.ring, alias.id, people[0].address)
    contact = known or making.make(context, alias, people[0].address, people[0].name)
    shape = contact_json.shape(context.ring, contact, alias.domain, known is not None)
    return responses.json(200 if known else 201, shape)


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/contacts/*: its reverse address leads nowhere then."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        contacts.forget(db, ids.contact(db, request)[0].id)
    return responses.json(200, {"deleted": True})


def toggle(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/contacts/*/toggle: block it, or let it write again."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        contact, _ = ids.contact(db, request)
        blocked = contact.blocked_at is None
        if not contacts.block(db, contact.id, blocked):
            raise NotFound("Somebody switched it at the same time.", "Look at it again.")
    return responses.json(200, {"block_forward": blocked})
