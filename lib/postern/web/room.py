"""A page of somebody who is signed in: the frame with the navigation, what was just done, and the page itself.

Every template that is shown here may use $csrf. Its first part is the navigation's name of the page, for "you are here".
"""

from __future__ import annotations

from postern.web import csrf, render, said
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.base.errors import PosternError
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.request import Request
    from postern.web.response import Response

PAGES = (
    ("Aliases", "/aliases"),
    ("Activity", "/activity"),
    ("Mailboxes", "/mailboxes"),
    ("Domains", "/domains"),
    ("Settings", "/settings"),
)
ADMIN = ("Admin", "/admin")
ACTIVITY_TABS = (
    ("Activity", "/activity"),
    ("Quarantine", "/quarantine"),
    ("Failed", "/failed"),
    ("Blocked", "/blocked"),
)
ADMIN_TABS = (
    ("Users", "/admin"),
    ("Invitations", "/admin/invitations"),
    ("Operation", "/admin/operation"),
    ("Figures", "/admin/figures"),
    ("Log", "/admin/log"),
    ("Help", "/admin/help"),
)
SETTINGS_TABS = (
    ("General", "/settings"),
    ("Sign-in", "/settings/sign-in"),
    ("Apps", "/settings/apps"),
    ("API keys", "/settings/api-keys"),
    ("Your data", "/settings/data"),
)


def show(
    context: Context,
    request: Request,
    who: SignedIn,
    here: str,
    name: str,
    title: str,
    /,
    *,
    status: int = 200,
    scripts: Iterable[str] = (),
    **values: str,
) -> Response:
    """The page pages/<name>.html for `who`; `here` is the path of one of PAGES, or of ADMIN."""
    token = csrf.token(context, who)
    pages = (*PAGES, ADMIN) if who.is_admin else PAGES
    nav = render.render("room_nav", links=_links(pages, here), csrf=token, handle=who.handle)
    content = render.join((said.notice(request), render.render(name, csrf=token, **values)))
    return responses.html(status, render.frame(title, content, nav, scripts))


def csrf_token(context: Context, who: SignedIn) -> str:
    """What the forms in rows carry; a page has it as $csrf."""
    return csrf.token(context, who)


def wrong(error: PosternError | None) -> render.Safe:
    """What went wrong with the form that was sent, above it; mostly nothing."""
    if error is None:
        return render.EMPTY
    return render.render("notice", kind="notice-bad", what=error.reason, more=error.remedy)


def tabs(label: str, pages: Iterable[tuple[str, str]], here: str) -> render.Safe:
    """The second navigation, of pages that belong together."""
    return render.render("room_tabs", label=label, links=_links(pages, here))


def _links(pages: Iterable[tuple[str, str]], here: str) -> render.Safe:
    return render.join(
        render.render("room_link_here" if path == here else "room_link", path=path, words=words)
        for words, path in pages
    )
