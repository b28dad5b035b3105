"""A page of Markdown as HTML: the article, and the headings that lead into it.

Not here: where links lead and where pictures lie, which whoever shows a page says (a Place).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.web import render
from postern.web.markdown import inline
from postern.web.markdown.blocks import Code, Heading, Items, Paragraph, Pictures, Table, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from postern.web.markdown.blocks import Block, Picture
    from postern.web.render import Safe

    class Place(Protocol):
        """What a page says of the world around it."""

        def link(self, target: str, words: str) -> tuple[str, str]:
            """Where that leads, empty: nowhere from here; and what it is called."""

        def picture(self, one: Picture) -> Safe:
            """It; EMPTY where it does not lie here."""


TASK = "[ ] "
"""An item to be ticked off, as GitHub writes it."""


@dataclass(frozen=True)
class Anchor:
    """A heading, and what stands behind the # of an address that leads to it."""

    heading: Heading
    name: str


@dataclass(frozen=True)
class Document:
    """`blocks` are those under the title; `anchors` the headings among them."""

    title: str
    blocks: tuple[Block, ...]
    anchors: tuple[Anchor, ...]


def parse(text: str) -> Document:
    """A page that begins with its title."""
    first, *rest = read(text)
    if not isinstance(first, Heading):
        raise ValueError("The page does not begin with its title.")
    return Document(first.text, tuple(rest), tuple(_anchors(rest)))


def article(page: Document, place: Place) -> Safe:
    """What stands under the title."""
    names = iter(page.anchors)
    return render.join(
        _heading(next(names), place) if isinstance(block, Heading) else _block(block, place)
        for block in page.blocks
    )


def slug(words: str) -> str:
    """As GitHub makes it of a heading: small letters, blanks as hyphens, no other signs."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def _anchors(blocks: Iterable[Block]) -> Iterable[Anchor]:
    used: dict[str, int] = {}
    for heading in blocks:
        if isinstance(heading, Heading):
            name = slug(inline.plain(heading.text))
            number = used[name] = used.get(name, -1) + 1
            yield Anchor(heading, f"{name}-{number}" if number else name)


def _heading(anchor: Anchor, place: Place) -> Safe:
    words = inline.html(anchor.heading.text, place.link)
    return render.render("markdown_heading", level=str(anchor.heading.level), anchor=anchor.name, words=words)


def _block(block: Block, place: Place) -> Safe:
    """Everything but a heading."""
    if isinstance(block, Paragraph):
        return render.element("p", inline.html(block.text, place.link))
    if isinstance(block, Code):
        # Without the last line end: a shell would run what was only to be pasted.
        return render.render("markdown_code", text=block.text, copied=block.text.rstrip("\n"))
    if isinstance(block, Table):
        return _table(block, place)
    if isinstance(block, Items):
        return _list(block, place)
    assert isinstance(block, Pictures)
    shown = render.join(map(place.picture, block.pictures))
    return render.render("markdown_pictures", pictures=shown) if shown else shown


def _list(block: Items, place: Place) -> Safe:
    items = render.join(_item(item, block.loose, place) for item in block.items)
    if block.start > 1:
        return render.element("ol", items, start=str(block.start))
    return render.element("ol" if block.start else "ul", items)


def _item(blocks: tuple[Block, ...], loose: bool, place: Place) -> Safe:
    first = blocks[0]
    if isinstance(first, Paragraph) and first.text.startswith(TASK):
        words = inline.html(first.text[len(TASK) :], place.link)
        return render.element("li", words, class_="task")
    return render.element("li", render.join(_part(block, loose, place) for block in blocks))


def _part(block: Block, loose: bool, place: Place) -> Safe:
    """Of an item: in a list whose items stand close, a paragraph is only its words."""
    if isinstance(block, Paragraph) and not loose:
        return inline.html(block.text, place.link)
    return _block(block, place)


def _table(block: Table, place: Place) -> Safe:
    head, *rows = block.rows
    titles = render.join(
        render.element("th", inline.html(cell, place.link), scope="col") if cell else render.element("td", "")
        for cell in head
    )
    top = render.element("thead", render.element("tr", titles)) if any(head) else render.EMPTY
    body = render.join(
        render.element("tr", render.join(render.element("td", inline.html(cell, place.link)) for cell in row))
        for row in rows
    )
    return render.render("markdown_table", rows=render.join((top, render.element("tbody", body))))
