"""/settings/data: taking everything along, and going away."""

from __future__ import annotations

from postern.base.errors import BadInput, NotFound, PosternError
from postern.flow import delete_account, export
from postern.web import render, room, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/settings/data"


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/data."""
    return _page(context, request, who)


@session.page
def download_all(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/data/everything: one JSON document."""
    from json import dumps

    text = dumps(export.document(context, who.user_id), indent=2, ensure_ascii=False)
    return responses.download("postern-export.json", "application/json", text.encode())


@session.page
def download_table(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/data/aliases/*: the aliases as CSV for another service."""
    service = request.part(4)
    if service not in export.TABLES:
        raise NotFound("There is no such table.", "Choose one under Settings, Your data.")
    text = export.table(context, who.user_id, service)
    return responses.download(f"aliases-{service}.csv", "text/csv; charset=utf-8", text.encode())


@session.action
def delete(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /settings/data/delete: the account, when its name is typed."""
    if fields.text("handle").lower() != who.handle:
        error = BadInput(
            "The name is not yours; nothing was deleted.", f"Type {who.handle} to delete your account."
        )
        return _page(context, request, who, wrong=error)
    delete_account.delete(context, who.user_id, who.handle)
    page = render.page("account_deleted", "Account deleted")
    return responses.html(200, page, session.drop_cookie(context))


def _page(context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None) -> Response:
    return room.show(
        context,
        request,
        who,
        "/settings",
        "settings_data",
        "Your data",
        status=200 if wrong is None else wrong.http_status,
        tabs=room.tabs("Settings", room.SETTINGS_TABS, PATH),
        wrong=room.wrong(wrong),
        handle=who.handle,
    )
