"""/welcome: the tour of the first visit. Mailbox, first alias, a test mail, and seeing it arrive.

Nothing but its end is remembered: each step is shown as done when what it asks for is there, so the tour can be left,
gone on with in another browser, or walked in any order on the other pages.
"""

from __future__ import annotations

from postern.base.errors import PosternError
from postern.flow import aliases as making
from postern.flow import mailboxes as keeping
from postern.store import activity, alias_list, domains, mailboxes, users
from postern.store.alias_list import Wanted
from postern.web import event_row, render, room, said, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.flow.context import Context
    from postern.store.activity import Told
    from postern.store.aliases import Alias
    from postern.store.mailboxes import Mailbox
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

TOUR = "/welcome"
HOME = "/aliases"
MANY_EVENTS = 5

TITLES = ("Your mailbox", "Your first alias", "A test mail", "See it arrive")
_NEWEST = Wanted(words="", state="all", sort="newest")


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /welcome."""
    return _page(context, request, who)


@session.action
def add_mailbox(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /welcome/mailbox."""
    typed = fields.text("address")
    try:
        keeping.add(context, who.user_id, typed)
    except PosternError as error:
        return _page(context, request, who, wrong=error, typed=typed)
    return responses.redirect(TOUR)


@session.action
def make_alias(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /welcome/alias."""
    try:
        making.make_random(context, who.user_id)
    except PosternError as error:
        return _page(context, request, who, wrong=error)
    return responses.redirect(TOUR)


@session.action
def finish(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /welcome/done: it was walked to its end, or left."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        users.welcomed(db, who.user_id)
    return responses.redirect(said.path(HOME, "welcomed"))


def _page(
    context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None, typed: str = ""
) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        own = mailboxes.of_user(db, who.user_id)
        mailbox = mailboxes.default(db, who.user_id)
        has_domain = bool(domains.usable(db, who.user_id))
        newest = alias_list.page(db, who.user_id, _NEWEST, 1, 0)
        happened = activity.of_alias(db, newest[0].id, MANY_EVENTS) if newest else []
    alias = newest[0] if newest else None
    bodies = (
        _mailbox(context, who, own, mailbox, typed),
        _alias(context, who, alias, has_domain),
        _write(context, alias, mailbox, happened),
        _arrive(context, who, mailbox, happened),
    )
    done = (mailbox is not None, alias is not None, bool(happened), False)
    return room.show(
        context,
        request,
        who,
        HOME,
        "welcome",
        "Welcome",
        status=200 if wrong is None else wrong.http_status,
        wrong=room.wrong(wrong),
        handle=who.handle,
        steps=_steps(done, bodies),
        wait=_wait(done.index(False), bool(own), happened),
    )


def _steps(done: Sequence[bool], bodies: Sequence[Safe]) -> Safe:
    """Those that are done, the first that is not, and the titles of those that follow."""
    now = done.index(False)
    shown = []
    for number, (title, body) in enumerate(zip(TITLES, bodies)):
        if number > now and not done[number]:
            shown.append(render.render("welcome_step_later", title=title))
        else:
            kind = "done" if done[number] else "now"
            shown.append(render.render(f"welcome_step_{kind}", title=title, body=body))
    return render.join(shown)


def _wait(now: int, has_mailbox: bool, happened: Sequence[Told]) -> Safe:
    """Lets the page look again by itself where something outside it comes next: a link that is opened, a mail."""
    if _was_sent(happened) or not has_mailbox or now == 1:
        return render.EMPTY
    return render.render("welcome_wait", where=f"{now}-{len(happened)}")


def _mailbox(
    context: Context, who: SignedIn, own: Sequence[Mailbox], usable: Mailbox | None, typed: str
) -> Safe:
    if usable is not None:
        return render.render("welcome_mailbox_done", address=_address(context, usable))
    if own:
        return render.render("welcome_mailbox_unproven", address=_address(context, own[-1]))
    return render.render("welcome_mailbox", csrf=room.csrf_token(context, who), typed=typed)


def _alias(context: Context, who: SignedIn, alias: Alias | None, has_domain: bool) -> Safe:
    if alias is not None:
        return render.render("welcome_alias_done", address=alias.address)
    if not has_domain:
        return render.render("alias_needs_domain")
    return render.render("welcome_alias", csrf=room.csrf_token(context, who))


def _write(context: Context, alias: Alias | None, mailbox: Mailbox | None, happened: Sequence[Told]) -> Safe:
    if happened:
        return render.render("welcome_write_done")
    if alias is None or mailbox is None:
        return render.EMPTY
    return render.render("welcome_write", address=alias.address, mailbox=_address(context, mailbox))


def _arrive(context: Context, who: SignedIn, mailbox: Mailbox | None, happened: Sequence[Told]) -> Safe:
    if mailbox is None or not happened:
        return render.EMPTY
    listing = event_row.rows(context.ring, happened)
    if not _was_sent(happened):
        hint = "welcome_soon" if happened[0].kind in ("received", "released") else "welcome_stuck"
        return render.render("welcome_arrive", events=listing, hint=render.render(hint))
    csrf = room.csrf_token(context, who)
    return render.render("welcome_arrived", events=listing, mailbox=_address(context, mailbox), csrf=csrf)


def _was_sent(happened: Sequence[Told]) -> bool:
    return any(one.kind == "sent" for one in happened)


def _address(context: Context, mailbox: Mailbox) -> Safe:
    return render.address(mailbox.address(context.ring))
