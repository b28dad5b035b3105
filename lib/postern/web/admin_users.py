"""/admin: the users, for admins; one of them with quotas, role, and the ways to shut and to delete the account.

Admins see how much there is, and never what: no address of a mailbox, no contact, no note, no mail.
"""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, NotFound, PosternError
from postern.flow import administration
from postern.store import quotas, user_list, users
from postern.store.quotas import Limits
from postern.web import ids, pager, render, room, said, session, sizes, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.store.user_list import Listed
    from postern.store.users import User
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/admin"
PER_PAGE = 50
MAX_WORDS = 63

_QUOTAS = (
    ("aliases", "Aliases"),
    ("mailboxes", "Mailboxes"),
    ("domains", "Domains"),
    ("messages_day", "Messages a day"),
    ("bytes_day", "Bytes a day"),
)
"""Name of a quota -> what the form calls it."""


@session.admin_page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin. `?q=`: a part of the handle."""
    words = request.query("q").strip().lower()[:MAX_WORDS]
    number = max(1, ids.number_or(request.query("page"), 1))
    with context.pool.connection() as db, db.transaction(SYSTEM):  # other users' rows
        found = user_list.page(db, words, PER_PAGE, (number - 1) * PER_PAGE)
        total = user_list.count(db, words)
    return room.show(
        context,
        request,
        who,
        PATH,
        "admin_users",
        "Users",
        tabs=room.tabs("Admin", room.ADMIN_TABS, PATH),
        words=words,
        total=sizes.many(total, "user", "users"),
        listing=render.render("admin_user_list", rows=render.join(map(_row, found)))
        if found
        else render.render("admin_user_none"),
        pager=pager.links(PATH, {"q": words}, number, -(-total // PER_PAGE)),
    )


@session.admin_page
def show_one(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin/users/*."""
    return _one(context, request, who)


@session.admin_action
def enable(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/users/*/enable."""
    administration.switch(context, who, ids.uid(request.part(3)), disabled=False)
    return _done(request, "user-enabled")


@session.admin_action
def disable(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/users/*/disable."""
    administration.switch(context, who, ids.uid(request.part(3)), disabled=True)
    return _done(request, "user-disabled")


@session.admin_action
def set_role(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/users/*/role."""
    administration.set_role(context, who, ids.uid(request.part(3)), fields.get("role", ""))
    return _done(request, "user-saved")


@session.admin_action
def set_quotas(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/users/*/quotas: an empty field is what holds for all."""
    try:
        wanted = Limits(**{name: _limit(words, fields.text(name)) for name, words in _QUOTAS})
    except BadInput as error:
        return _one(context, request, who, error, fields)
    administration.set_quotas(context, who, ids.uid(request.part(3)), wanted)
    return _done(request, "user-saved")


@session.admin_action
def delete(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /admin/users/*/delete: the handle must be typed."""
    try:
        administration.delete(context, who, ids.uid(request.part(3)), fields.text("handle"))
    except BadInput as error:
        return _one(context, request, who, error)
    return responses.redirect(said.path(PATH, "user-deleted"))


def _done(request: Request, key: str) -> Response:
    return responses.redirect(said.path(f"{PATH}/users/{request.part(3)}", key))


def _limit(words: str, typed: str) -> int | None:
    number = ids.number_or(typed, -1)
    if typed and number < 0:
        raise BadInput(f"{words}: that is no number.", "Give a whole number, or leave it empty.")
    return number if typed else None


def _row(one: Listed) -> Safe:
    return render.render(
        "admin_user_row",
        uid=str(one.uid),
        handle=one.handle,
        since=times.day(one.created_at),
        aliases=sizes.many(one.aliases, "alias", "aliases"),
        mailboxes=sizes.many(one.mailboxes, "mailbox", "mailboxes"),
        domains=sizes.many(one.domains, "domain", "domains"),
        messages=sizes.many(one.messages_day, "message", "messages"),
        size=sizes.words(one.bytes_day),
        badge=_badge(one),
    )


def _badge(one: Listed | User) -> Safe:
    if one.disabled_at is not None:
        return render.render("admin_user_disabled")
    if one.confirmed_at is None:
        return render.render("admin_user_unconfirmed")
    return render.render("admin_user_admin") if one.role == users.ADMIN else render.EMPTY


def _one(
    context: Context,
    request: Request,
    who: SignedIn,
    wrong: PosternError | None = None,
    typed: Fields | None = None,
) -> Response:
    with context.pool.connection() as db, db.transaction(SYSTEM):  # another user's rows
        user = users.of_uid(db, ids.uid(request.part(3)))
        if user is None:
            raise NotFound("There is no such user (any more).", "Go to Admin, and choose one.")
        own, used = quotas.own(db, user.id), quotas.used(db, user.id)
        allowed = quotas.limits(db, context.config, user.id)
    token = room.csrf_token(context, who)
    given = {name: "" if getattr(own, name) is None else str(getattr(own, name)) for name in quotas.NAMES}
    return room.show(
        context,
        request,
        who,
        PATH,
        "admin_user",
        user.handle,
        status=200 if wrong is None else wrong.http_status,
        wrong=room.wrong(wrong),
        uid=str(user.uid),
        handle=user.handle,
        badge=_badge(user),
        since=times.day(user.created_at),
        use=render.join(
            render.render(
                "admin_use",
                words=words,
                used=_amount(name, getattr(used, name)),
                allowed=_amount(name, allowed[name]),
            )
            for name, words in _QUOTAS
        ),
        quotas=render.join(
            render.render("admin_quota", name=name, words=words, value=(typed or given).get(name, ""))
            for name, words in _QUOTAS
        ),
        acts=render.render("admin_user_self") if user.id == who.user_id else _acts(token, user),
    )


def _amount(name: str, number: int) -> str:
    return sizes.words(number) if name == "bytes_day" else f"{number:,}"


def _acts(token: str, user: User) -> Safe:
    is_admin, uid = user.role == users.ADMIN, str(user.uid)
    return render.render(
        "admin_user_acts",
        csrf=token,
        uid=uid,
        handle=user.handle,
        access=render.render(
            "admin_user_shut" if user.disabled_at is None else "admin_user_open", csrf=token, uid=uid
        ),
        role=users.USER if is_admin else users.ADMIN,
        role_words="Make an ordinary user" if is_admin else "Make an admin",
    )
