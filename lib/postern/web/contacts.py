"""The contacts of an alias: blocking, and writing to somebody first. How they are shown: web/contact_row.py."""

from __future__ import annotations

from postern.base.errors import NotFound, PosternError
from postern.flow import contacts as making
from postern.store import aliases, contacts
from postern.web import alias as alias_page
from postern.web import ids, said, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.request import Request
    from postern.web.response import Response


@session.action
def make(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/*/contacts: a reverse address for somebody who has not written yet."""
    typed = fields.text("address")
    try:
        with context.pool.connection() as db, db.transaction(who.user_id):
            alias = alias_page.find(db, request)
        contact = making.make(context, alias, typed)
    except NotFound:
        raise
    except PosternError as error:
        return alias_page.page(context, request, who, wrong=error, typed=typed)
    return responses.redirect(f"{alias_page.LIST}/{alias.uid}?contact={contact.uid}")


@session.action
def block(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /contacts/*/block."""
    return _set(context, request, who, True)


@session.action
def unblock(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /contacts/*/unblock."""
    return _set(context, request, who, False)


def _set(context: Context, request: Request, who: SignedIn, blocked: bool) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        contact = contacts.find(db, ids.uid(request.part(2)))
        if contact is None:
            raise NotFound("There is no such contact.", "Go to your aliases, and choose one.")
        contacts.block(db, contact.id, blocked)
        alias_uid = aliases.uid_of(db, contact.alias_id)
    key = "contact-blocked" if blocked else "contact-unblocked"
    return responses.redirect(said.path(f"{alias_page.LIST}/{alias_uid}", key))
