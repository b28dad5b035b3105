"""/admin/help: the guide, for admins: docs/ as pages of this site, in the order of docs/README.md.

Made of the Markdown when it is asked for (web/markdown/): there is nothing made beforehand that could be out of date.
"""

from __future__ import annotations

import re

from postern.base.errors import NotFound
from postern.web import guide, render, room, session
from postern.web.markdown import document, inline
from postern.web.response import Response as Answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.guide import Guide, Page
    from postern.web.markdown.document import Document
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/admin/help"
PICTURE_SECONDS = 86_400
_PICTURE = re.compile(r"[a-z0-9-]+\.(webp|svg)")
_KINDS = {"webp": "image/webp", "svg": "image/svg+xml"}


@session.admin_page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin/help: the contents."""
    pages = guide.Guide()
    return _show(context, request, who, "help_contents", pages, guide.INDEX, pages.read(guide.INDEX))


@session.admin_page
def show_one(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin/help/*."""
    pages = guide.Guide()
    one = pages.find(request.part(3))
    page = pages.read(one.file)
    before, behind = pages.beside(one)
    foot = render.render(
        "help_foot", before=_neighbour("help_before", before), behind=_neighbour("help_behind", behind)
    )
    crumb = render.render("help_crumb", chapter=one.chapter)
    side = render.render("help_side", here=_sections(page), chapter=_chapter(pages, one))
    return _show(context, request, who, "help", pages, one.file, page, crumb=crumb, foot=foot, side=side)


@session.admin_page
def picture(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /admin/help/img/*."""
    name = request.part(4)
    try:
        found = _PICTURE.fullmatch(name)
        if found:
            kept = ("Cache-Control", f"private, max-age={PICTURE_SECONDS}")
            return Answer(200, guide.picture(name), _KINDS[found[1]], (kept,))
    except OSError:
        pass
    raise NotFound("There is no such picture.", "Release archives leave the pictures of the guide out.")


def _show(
    context: Context,
    request: Request,
    who: SignedIn,
    template: str,
    pages: Guide,
    file: str,
    page: Document,
    *,
    crumb: Safe = render.EMPTY,
    foot: Safe = render.EMPTY,
    side: Safe = render.EMPTY,
) -> Response:
    place = pages.place(file)
    return room.show(
        context,
        request,
        who,
        "/admin",
        template,
        inline.plain(page.title),
        tabs=room.tabs("Admin", room.ADMIN_TABS, PATH),
        heading=inline.html(page.title, place.link),
        article=document.article(page, place),
        crumb=crumb,
        foot=foot,
        side=side,
    )


def _sections(page: Document) -> Safe:
    """The headings of the second rank."""
    links = render.join(
        render.render("help_link", path=f"#{one.name}", words=inline.plain(one.heading.text))
        for one in page.anchors
        if one.heading.level == 2
    )
    return render.render("help_list", title="On this page", links=links) if links else links


def _chapter(pages: Guide, here: Page) -> Safe:
    links = render.join(
        render.render("help_link_here" if one is here else "help_link", path=one.path, words=one.title)
        for one in pages.chapter(here.chapter)
    )
    return render.render("help_list", title=here.chapter, links=links)


def _neighbour(name: str, page: Page | None) -> Safe:
    return render.render(name, path=page.path, title=page.title) if page else render.EMPTY
