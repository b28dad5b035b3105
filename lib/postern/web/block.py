"""/block/*: the link in forwarded mail that blocks a contact in one click (RFC 8058).

GET shows a button. POST blocks, without a session and from anywhere: mail programs send it by themselves, and the token is the
proof. It tells the mailbox's owner nothing that he does not know, and strangers nothing at all.
"""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import NotFound
from postern.flow.forward import read_block_token
from postern.store import contacts
from postern.web import render
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response


def show(context: Context, request: Request) -> Response:
    """GET /block/*: the question."""
    if read_block_token(context.ring, request.part(2)) is None:
        raise _dead()
    return responses.html(200, render.page("block", "Block this sender"))


def block(context: Context, request: Request) -> Response:
    """POST /block/*: mail of this contact to this alias is refused from now on. Once more changes nothing."""
    uid = read_block_token(context.ring, request.part(2))
    if uid is None:
        raise _dead()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        # Nobody is signed in; the token names the contact.
        contact = contacts.find(db, uid)
        if contact is None:
            raise _dead()
        contacts.block(db, contact.id, True)
    context.log.info("contact.blocked", user=contact.user_id, by="link")
    return responses.html(200, render.page("blocked", "Blocked"))


def _dead() -> NotFound:
    return NotFound(
        "This link blocks nobody.", "Open the one in the mail, or block the contact on the page of its alias."
    )
