"""/aliases/*: one alias, what is set for it, its contacts, and what happened to it."""

from __future__ import annotations

from datetime import timedelta

from postern.base.errors import NotFound, PosternError
from postern.flow import aliases as making
from postern.store import activity, alias_list, aliases, contacts, mailboxes
from postern.web import (
    alias_row,
    contact_row,
    event_row,
    ids,
    render,
    room,
    said,
    session,
    times,
)
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.request import Request
    from postern.web.response import Response

LIST = "/aliases"
UNDO_DAYS = 30
MANY_CONTACTS = 100
MANY_EVENTS = 20


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /aliases/*. `?contact=` carries the uid of a contact whose reverse address was asked for."""
    return page(context, request, who)


@session.action
def save(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/*/save: note, name, mailboxes, pin."""
    try:
        note = making.check_note(fields.get("note", "").strip())
        name = making.check_name(fields.get("name", ""))
        with context.pool.connection() as db, db.transaction(who.user_id):
            alias = find(db, request)
            chosen = making.choose_mailboxes(db, who.user_id, fields.chosen)
            aliases.describe(db, context.ring, alias, note, name)
            aliases.forward_only_to(db, alias, chosen)
            alias_list.pin(db, [alias.uid], fields.get("pinned") == "1")
    except NotFound:
        raise
    except PosternError as error:
        return page(context, request, who, wrong=error)
    return responses.redirect(said.path(f"{LIST}/{alias.uid}", "alias-saved"))


@session.action
def turn_on(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/*/on."""
    return _switch(context, request, who, True)


@session.action
def turn_off(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/*/off."""
    return _switch(context, request, who, False)


def _switch(context: Context, request: Request, who: SignedIn, enabled: bool) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = find(db, request)
        alias_list.enable(db, [alias.uid], enabled)
    return responses.redirect(said.path(LIST, "alias-on" if enabled else "alias-off"))


@session.action
def delete(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/*/delete: no question asked, for the next page offers to undo it."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = find(db, request)
        alias_list.delete(db, [alias.uid])
    return responses.redirect(f"{LIST}?undo={alias.uid}")


@session.action
def restore(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/*/restore."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = find(db, request)
        alias_list.restore(db, [alias.uid])
    return responses.redirect(said.path(f"{LIST}/{alias.uid}", "alias-restore"))


def find(db: Database, request: Request) -> Alias:
    """The alias that the path names, when it is this user's. NotFound."""
    alias = aliases.get(db, ids.uid(request.part(2)))
    if alias is None:
        raise NotFound("There is no such alias.", "Go to your aliases, and choose one.")
    return alias


def page(
    context: Context,
    request: Request,
    who: SignedIn,
    wrong: PosternError | None = None,
    typed: str = "",
) -> Response:
    """The page, with what went wrong on top."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = find(db, request)
        links = alias_list.mailboxes_of(db, [alias.id])[alias.id]
        own = mailboxes.of_user(db, who.user_id)
        known = contacts.of_alias(db, alias.id, MANY_CONTACTS)
        happened = activity.of_alias(db, alias.id, MANY_EVENTS)
        asked = ids.uid_or_none(request.query("contact"))
        reverse_of = contacts.find(db, asked) if asked else None
    if alias.deleted_at is not None:
        return _deleted(context, request, who, alias)
    token = room.csrf_token(context, who)
    boxes = render.join(
        render.render(
            "alias_mailbox_choice",
            uid=str(one.uid),
            address=render.address(one.address(context.ring)),
            checked="checked" if one.id in links else "",
        )
        for one in own
        if one.verified_at or one.id in links
    )
    return room.show(
        context,
        request,
        who,
        LIST,
        "alias",
        alias.address,
        status=200 if wrong is None else wrong.http_status,
        undo=contact_row.made(context.ring, alias, reverse_of),
        wrong=room.wrong(wrong),
        address=render.address(alias.address),
        plain=alias.address,
        uid=str(alias.uid),
        switch=alias_row.switch(token, alias),
        forwarded=f"{alias.forwarded:,}",
        blocked=f"{alias.blocked:,}",
        replied=f"{alias.replied:,}",
        seen=times.day(alias.seen_at) if alias.seen_at else "not used yet",
        since=times.day(alias.created_at),
        note=alias.note,
        name=alias.name(context.ring),
        mailboxes=boxes,
        pinned="checked" if alias.pinned else "",
        contacts=contact_row.rows(context.ring, token, alias, known),
        typed=typed,
        activity=event_row.rows(context.ring, happened),
    )


def _deleted(context: Context, request: Request, who: SignedIn, alias: Alias) -> Response:
    assert alias.deleted_at is not None
    return room.show(
        context,
        request,
        who,
        LIST,
        "alias_deleted",
        alias.address,
        address=render.address(alias.address),
        uid=str(alias.uid),
        since=times.day(alias.deleted_at),
        until=times.day(alias.deleted_at + timedelta(days=UNDO_DAYS)),
    )
