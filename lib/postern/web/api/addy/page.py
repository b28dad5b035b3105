"""A page of a listing, in the shape of Laravel's paginator: `data`, `links`, `meta`."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.api.addy.query import Query
    from postern.web.request import Request

MAX_PAGE = 1_000_000
EACH_SIDE = 3
"""Pages named around the current one; a few more are not worth dots."""

DOTS = "..."


@dataclass(frozen=True)
class Page:
    """Which page is asked for."""

    number: int
    size: int

    @property
    def skip(self) -> int:
        """Things on the pages before."""
        return (self.number - 1) * self.size


def asked(query: Query, usual: int = 100) -> Page:
    """`page[number]` and `page[size]`. Wrong."""
    return Page(query.number("page[number]", 1, MAX_PAGE), query.number("page[size]", usual, 100))


def shape(
    context: Context, request: Request, query: Query, page: Page, data: list[dict[str, object]], total: int
) -> dict[str, object]:
    """The document."""
    path = context.config.url.rstrip("/") + request.path
    last = max(1, -(-total // page.size))

    def link(number: int) -> str | None:
        from urllib.parse import urlencode

        if not 1 <= number <= last:
            return None
        return f"{path}?{urlencode({**query, 'page[number]': str(number)})}"

    first = page.skip + 1 if data else None
    return {
        "data": data,
        "links": {
            "first": link(1),
            "last": link(last),
            "prev": link(page.number - 1),
            "next": link(page.number + 1),
        },
        "meta": {
            "current_page": page.number,
            "from": first,
            "last_page": last,
            "links": [
                {"url": link(page.number - 1), "label": "&laquo; Previous", "active": False},
                *(
                    _link(label, page.number, link(int(label)) if label != DOTS else None)
                    for label in _labels(page.number, last)
                ),
                {"url": link(page.number + 1), "label": "Next &raquo;", "active": False},
            ],
            "path": path,
            "per_page": page.size,
            "to": page.skip + len(data) if data else None,
            "total": total,
        },
    }


def _link(label: str, current: int, url: str | None) -> dict[str, object]:
    return {"url": url, "label": label, "active": label == str(current)}


def _labels(current: int, last: int) -> list[str]:
    """The first two pages, those around the current one, and the last two; dots for what lies between."""
    near = range(current - EACH_SIDE, current + EACH_SIDE + 1)
    named = sorted({number for number in (1, 2, *near, last - 1, last) if 1 <= number <= last})
    labels: list[str] = []
    for before, number in zip([0, *named], named):
        labels += [DOTS] * (number > before + 1) + [str(number)]
    return labels
