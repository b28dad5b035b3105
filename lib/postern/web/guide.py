"""The guide: the pages of docs/ in the order of docs/README.md, and how they lead to one another on the site.

What docs/README.md does not name is no page of it: no file is opened whose name came with a request.
"""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass

from postern.base import guide, home
from postern.base.errors import NotFound
from postern.web import render
from postern.web.markdown import document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.markdown.blocks import Picture
    from postern.web.markdown.document import Document
    from postern.web.render import Safe

FOLDER = os.path.join(home.program(), "docs")
INDEX = "README.md"
PICTURES = "img"
HEADER_BYTES = 120
"""Of a picture: they tell its size."""

_PLOT = re.compile(rb'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 (\d+) (\d+)"')
_CHAPTER = re.compile(r"## (.+)$")
_PAGE = re.compile(r"- \[([^\]]+)\]\(([\w/-]+\.md)\)")


@dataclass(frozen=True)
class Page:
    """One page. `name`: in its address; `file`: below docs/; `title`: in few words; `chapter`: the part of the way it is of."""

    name: str
    file: str
    title: str
    chapter: str

    @property
    def path(self) -> str:
        """Where it stands on the site."""
        return f"{guide.HOME}/{self.name}" if self.name else guide.HOME


CONTENTS = Page("", INDEX, "The guide", "")
"""The page that names the others."""


class Guide:
    """All pages, in their order. NotFound when docs/ does not lie beside the program."""

    def __init__(self) -> None:
        self.pages = tuple(_pages(_text(INDEX)))
        self._by_file = {page.file: page for page in (CONTENTS, *self.pages)}

    def find(self, name: str) -> Page:
        """The page of that name. NotFound."""
        for page in self.pages:
            if page.name == name:
                return page
        raise NotFound("There is no such page in the guide.", "See the contents: Admin, Help.")

    def read(self, file: str) -> Document:
        """One of the pages, or INDEX."""
        return document.parse(_text(file))

    def place(self, file: str) -> Place:
        """What that page may lead to."""
        return Place(self, file)

    def chapter(self, name: str) -> tuple[Page, ...]:
        """Its pages."""
        return tuple(page for page in self.pages if page.chapter == name)

    def beside(self, page: Page) -> tuple[Page | None, Page | None]:
        """The page before it and the one behind it."""
        at = self.pages.index(page)
        return self.pages[at - 1] if at else None, self.pages[at + 1] if at + 1 < len(self.pages) else None

    def leads_to(self, file: str) -> Page | None:
        """The page that this file of docs/ is."""
        return self._by_file.get(file)


class Place:
    """A page of the guide, and where its links lead (web/markdown/document.py asks)."""

    def __init__(self, pages: Guide, file: str) -> None:
        self._pages = pages
        self._folder = posixpath.dirname(file)

    def link(self, target: str, words: str) -> tuple[str, str]:
        """To a page of the guide, within this page, or out over HTTP; what else lies in the repository is not on the site.

        Whoever reads the files is told a file's name, whoever reads the site the page's title.
        """
        if target.startswith(("https://", "http://", "#")):
            return target, words
        file, mark, anchor = target.partition("#")
        found = self._pages.leads_to(posixpath.normpath(posixpath.join(self._folder, file)))
        if found is None:
            return "", words
        named = words in (file, posixpath.basename(file))
        return found.path + mark + anchor, found.title if named else words

    def picture(self, one: Picture) -> Safe:
        """By day and by night; its size is told, so that the page does not jump when it arrives."""
        light, dark = posixpath.basename(one.light), posixpath.basename(one.dark)
        try:
            width, height = size(picture(light, HEADER_BYTES))
        except (OSError, ValueError):
            return render.EMPTY
        return render.render(
            "markdown_picture",
            light=f"{guide.HOME}/{PICTURES}/{light}",
            dark=f"{guide.HOME}/{PICTURES}/{dark}",
            words=one.words,
            width=str(one.width),
            height=str(round(one.width * height / width)),
        )


def picture(name: str, most: int = -1) -> bytes:
    """The first bytes of it, or all. OSError when it does not lie here: release archives leave pictures out."""
    with open(os.path.join(FOLDER, PICTURES, name), "rb") as file:
        return file.read(most)


def size(data: bytes) -> tuple[int, int]:
    """Width and height of a picture: a plot (SVG, as tests/bench/plot.py writes it) or a WebP. ValueError for another one."""
    plot = _PLOT.match(data)
    return (int(plot[1]), int(plot[2])) if plot else webp_size(data)


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of a lossy WebP picture (RFC 6386 9.1, RFC 9649 2.5 and 2.7). ValueError for another one."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise ValueError("This is no WebP picture.")
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] != b"VP8 ":
        raise ValueError("This WebP picture is not a lossy one.")
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _pages(index: str) -> list[Page]:
    found: list[Page] = []
    chapter = ""
    for line in index.split("\n"):
        heading = _CHAPTER.match(line)
        item = _PAGE.match(line)
        if heading:
            chapter = heading[1]
        elif item:
            found.append(Page(guide.name(item[2]), item[2], item[1], chapter))
    return found


def _text(file: str) -> str:
    try:
        with open(os.path.join(FOLDER, file), encoding="utf-8") as opened:
            return opened.read()
    except OSError:
        raise NotFound(
            "The guide does not lie here.", "Put docs/ back beside lib/: run sh install.sh."
        ) from None
