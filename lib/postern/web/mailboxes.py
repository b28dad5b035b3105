"""/mailboxes: the user's real addresses; and /mailbox/*, the link that proves one."""

from __future__ import annotations

from postern.base.errors import NotFound, PosternError
from postern.flow import mailboxes as keeping
from postern.store import mailboxes
from postern.store.mailboxes import open_address
from postern.web import csrf, ids, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.flow.context import Context
    from postern.store.mailboxes import Mailbox, Use
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

LIST = "/mailboxes"


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /mailboxes."""
    return _page(context, request, who)


@session.action
def add(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /mailboxes/add."""
    typed = fields.text("address")
    try:
        keeping.add(context, who.user_id, typed)
    except PosternError as error:
        return _page(context, request, who, wrong=error, typed=typed)
    return responses.redirect(said.path(LIST, "mailbox-added"))


@session.action
def send_proof(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /mailboxes/*/proof."""
    try:
        keeping.send_proof(context, _find(context, request, who))
    except NotFound:
        raise
    except PosternError as error:
        return _page(context, request, who, wrong=error)
    return responses.redirect(said.path(LIST, "proof-sent"))


@session.action
def make_default(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /mailboxes/*/default."""
    keeping.make_default(context, _find(context, request, who))
    return responses.redirect(said.path(LIST, "mailbox-default"))


@session.action
def resume(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /mailboxes/*/resume."""
    keeping.resume(context, _find(context, request, who))
    return responses.redirect(said.path(LIST, "mailbox-resumed"))


@session.page
def ask_delete(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /mailboxes/*/delete: the question."""
    mailbox = _find(context, request, who)
    return room.show(
        context,
        request,
        who,
        LIST,
        "mailbox_delete",
        "Delete a mailbox",
        uid=str(mailbox.uid),
        address=render.address(mailbox.address(context.ring)),
    )


@session.action
def delete(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /mailboxes/*/delete."""
    try:
        keeping.delete(context, _find(context, request, who))
    except NotFound:
        raise
    except PosternError as error:
        return _page(context, request, who, wrong=error)
    return responses.redirect(said.path(LIST, "mailbox-deleted"))


def show_proof(context: Context, request: Request) -> Response:
    """GET /mailbox/*: the button. Changes nothing: mail filters open links, too."""
    proof = keeping.look(context, request.part(2))
    address = open_address(context.ring, proof.uid, proof.address_sealed)
    page = render.page(
        "mailbox_proof", "Confirm this mailbox", address=render.address(address), handle=proof.handle
    )
    return responses.html(200, page)


def prove(context: Context, request: Request) -> Response:
    """POST /mailbox/*: whoever reads the mail need not be signed in."""
    csrf.check_origin(context, request)
    proof = keeping.prove(context, request.part(2))
    address = open_address(context.ring, proof.uid, proof.address_sealed)
    return responses.html(200, render.page("mailbox_proven", "Confirmed", address=render.address(address)))


def _find(context: Context, request: Request, who: SignedIn) -> Mailbox:
    with context.pool.connection() as db, db.transaction(who.user_id):
        mailbox = mailboxes.get(db, ids.uid(request.part(2)))
    if mailbox is None:
        raise NotFound("There is no such mailbox.", "Go to your mailboxes, and choose one.")
    return mailbox


def _page(
    context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None, typed: str = ""
) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = mailboxes.of_user(db, who.user_id)
        uses = mailboxes.uses(db, who.user_id)
    token = csrf.token(context, who)
    listing = (
        render.render("mailbox_list", rows=render.join(_row(context, token, one, uses) for one in found))
        if found
        else render.render("mailbox_none")
    )
    return room.show(
        context,
        request,
        who,
        LIST,
        "mailboxes",
        "Mailboxes",
        status=200 if wrong is None else wrong.http_status,
        wrong=room.wrong(wrong),
        typed=typed,
        listing=listing,
    )


def _row(context: Context, token: str, mailbox: Mailbox, uses: Mapping[int, Use]) -> Safe:
    use = uses[mailbox.id]
    many = "1 alias" if use.aliases == 1 else f"{use.aliases:,} aliases"
    bounced = f", {use.bounces:,} bounced this week" if use.bounces else ""
    name, acts = _state(mailbox)
    uid = str(mailbox.uid)
    return render.render(
        "mailbox_row",
        uid=uid,
        address=render.address(mailbox.address(context.ring)),
        note=render.join((many, bounced, ", added ", times.day(mailbox.created_at))),
        badge=render.render(name),
        acts=render.join(
            render.render("mailbox_act", csrf=token, uid=uid, act=act, words=words) for act, words in acts
        ),
    )


def _state(mailbox: Mailbox) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Its badge, and what can be done."""
    if mailbox.verified_at is None:
        return "mailbox_unproven", (("proof", "Send the mail again"),)
    if mailbox.paused_at is not None:
        return "mailbox_paused", (("resume", "Forward to it again"),)
    if mailbox.is_default:
        return "mailbox_default", ()
    return "mailbox_ready", (("default", "Make it the default"),)
