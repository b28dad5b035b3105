"""/settings/data/import: moving in. A file is sent, its user sees what it would make, and takes it in.

The file waits sealed in the database meanwhile: what is shown is what is made, with no file to be sent or chosen twice.
"""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict, NotFound, PosternError
from postern.flow import import_aliases
from postern.store import domains
from postern.web import ids, render, room, session, sizes
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from postern.flow.context import Context
    from postern.flow.import_aliases import Plan, Skipped
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/settings/data/import"
SHOWN = 200
"""Rows of each list; how many there are is said."""


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/data/import. `?to=`: id of the domain that takes the addresses on domains that are not here."""
    return _look(context, request, who, _chosen(request.query("to")))


@session.upload
def send(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/data/import: the file."""
    try:
        if not fields.file:
            raise BadInput("No file was chosen.", "Choose the file that the other service gave you.")
        import_aliases.keep(context, who.user_id, fields.file)
    except BadInput as error:
        return _problem(context, request, who, error)
    return responses.redirect(PATH)


@session.action
def make(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/data/import/make: take it in, and say what was made."""
    try:
        uid, plan = _plan(context, who, _chosen(fields.text("to")))
        if fields.text("uid") != str(uid):
            raise Conflict(
                "Another file was sent meanwhile; nothing was made.", "Look at that one, and make it."
            )
    except PosternError as error:
        return _problem(context, request, who, error)
    made, skipped = import_aliases.make(context, who.user_id, plan)
    import_aliases.forget(context, who.user_id)
    return room.show(
        context,
        request,
        who,
        "/settings",
        "import_done",
        "Moved in",
        made=sizes.many(len(made), "alias was made", "aliases were made"),
        skipped=_skipped(skipped),
    )


def _chosen(text: str) -> int | None:
    return ids.number(text) if text else None


def _plan(context: Context, who: SignedIn, to: int | None) -> tuple[UUID, Plan]:
    found = import_aliases.read(context, who.user_id)
    if found is None:
        raise NotFound(
            "There is no file to take in (any more).",
            "Send it under Settings, Your data; it is kept for a day.",
        )
    uid, entries = found
    return uid, import_aliases.plan(context, who.user_id, entries, to)


def _problem(context: Context, request: Request, who: SignedIn, wrong: PosternError) -> Response:
    return room.show(
        context,
        request,
        who,
        "/settings",
        "import_problem",
        "Move in",
        status=wrong.http_status,
        wrong=room.wrong(wrong),
    )


def _look(context: Context, request: Request, who: SignedIn, to: int | None) -> Response:
    try:
        uid, plan = _plan(context, who, to)
    except PosternError as error:
        return _problem(context, request, who, error)
    with context.pool.connection() as db, db.transaction(who.user_id):
        usable = domains.usable(db, who.user_id)
    options = render.join(
        render.render("option_chosen" if one.id == to else "option", value=str(one.id), words=one.name)
        for one in usable
    )
    return room.show(
        context,
        request,
        who,
        "/settings",
        "import",
        "Move in",
        new=sizes.many(len(plan.new), "new alias", "new aliases"),
        made=render.render("import_new", rows=_rows(plan)) if plan.new else render.render("import_nothing"),
        elsewhere=render.render("import_elsewhere", many=_names(list(plan.elsewhere)), options=options)
        if plan.elsewhere and usable
        else render.EMPTY,
        act=render.render(
            "import_make",
            csrf=room.csrf_token(context, who),
            uid=str(uid),
            to=str(to or ""),
            many=sizes.many(len(plan.new), "alias", "aliases"),
        )
        if plan.new
        else render.EMPTY,
        skipped=_skipped(plan.skipped),
    )


def _names(elsewhere: Sequence[str]) -> str:
    shown = ", ".join(elsewhere[:5])
    return shown if len(elsewhere) <= 5 else f"{shown} and {len(elsewhere) - 5:,} more"


def _rows(plan: Plan) -> Safe:
    shown = list(plan.new.items())
    rows = render.join(
        render.render(
            "import_row",
            address=render.address(address),
            why=new.note,
            badge=render.EMPTY if new.enabled else render.render("import_off"),
        )
        for address, new in shown[:SHOWN]
    )
    return render.join((rows, _more(len(shown))))


def _skipped(skipped: Sequence[Skipped]) -> Safe:
    if not skipped:
        return render.EMPTY
    rows = render.join(
        render.render("import_row", address=one.address, why=one.why, badge=render.EMPTY)
        for one in skipped[:SHOWN]
    )
    return render.render(
        "import_skipped",
        many=sizes.many(len(skipped), "alias is not made", "aliases are not made"),
        rows=render.join((rows, _more(len(skipped)))),
    )


def _more(many: int) -> Safe:
    return render.render("import_more", many=f"{many - SHOWN:,}") if many > SHOWN else render.EMPTY
