"""The links under a listing that has pages."""

from __future__ import annotations

from postern.web import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.web.render import Safe


def links(path: str, query: Mapping[str, str], number: int, pages: int) -> Safe:
    """To the pages before and after `number` (from 1); nothing where there is one. What is empty in the query is left out."""
    if pages <= 1:
        return render.EMPTY
    return render.render(
        "pager",
        newer=_link(path, query, number - 1, "Previous") if number > 1 else render.EMPTY,
        older=_link(path, query, number + 1, "Next") if number < pages else render.EMPTY,
        where=f"Page {number:,} of {pages:,}",
    )


def address(path: str, query: Mapping[str, str], number: int = 1) -> str:
    """The address of that page of the listing."""
    from urllib.parse import urlencode

    given = {name: value for name, value in query.items() if value}
    if number > 1:
        given["page"] = str(number)
    return f"{path}?{urlencode(given)}" if given else path


def _link(path: str, query: Mapping[str, str], number: int, words: str) -> Safe:
    return render.render("pager_link", url=address(path, query, number), words=words)
