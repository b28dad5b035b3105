"""The Markdown of docs/ as HTML: the same as a reference implementation makes of every page, and safe whatever stands in it.

markdown-it-py, with CommonMark's rules and tables, is the judge. What our pages have besides (anchors, buttons that copy, boxes
that scroll) is left out of the comparison.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import tiers
from postern.web import render
from postern.web.guide import size
from postern.web.markdown import document, inline
from postern.web.markdown.blocks import Picture
from postern.web.render import Safe
from support.markup import payloads
from support.structure import strays

DOCS = tiers.TOP / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
JUDGE = MarkdownIt("commonmark").enable("table")

OURS = {"div", "button"}
"""Elements that only our pages have; what stands in a button goes with it."""

KEPT = {"href", "start", "src", "srcset", "alt", "width"}


class Same:
    """A place where every link leads where it says, and every picture lies."""

    def link(self, target: str, words: str) -> tuple[str, str]:
        return target, words

    def picture(self, one: Picture) -> Safe:
        shown = f'<source srcset="{one.dark}"><img src="{one.light}" alt="{one.words}" width="{one.width}">'
        return Safe(f"<picture>{shown}</picture>")


class Events(HTMLParser):
    """What a page says, in order: elements with the attributes that mean something, and words."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._left_out: list[str] = []
        self._in_code = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "button" or given.get("class") == "anchor":
            self._left_out.append(tag)
        self._in_code = self._in_code or tag == "pre"
        if not self._left_out and tag not in OURS:
            self.found.append(f"<{tag} {[(name, value) for name, value in attrs if name in KEPT]}>")

    def handle_endtag(self, tag: str) -> None:
        self._in_code = self._in_code and tag != "pre"
        if self._left_out:
            if tag == self._left_out[-1]:
                self._left_out.pop()
        elif tag not in OURS:
            self.found.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        words = data if self._in_code else re.sub(r"\s+", " ", data)
        if not self._left_out and words.strip():
            self.found.append(words)


def events(html: str) -> list[str]:
    """Without blanks at the ends of blocks, and words in one piece."""
    found: list[str] = []
    for one in Events(html).found:
        if found and not one.startswith("<") and not found[-1].startswith("<"):
            found[-1] += one
        else:
            found.append(one)
    return [one if one.startswith("<") else one.strip() for one in found]


def ours(text: str) -> list[str]:
    page = document.parse(text)
    title = render.element("h1", inline.html(page.title, Same().link))
    return events(title + document.article(page, Same()))


def judged(text: str) -> list[str]:
    html = JUDGE.render(text)
    html = html.replace("<th></th>", "<td></td>").replace("<li>[ ] ", "<li>")
    return events(re.sub(r"<thead>\s*<tr>\s*(<td></td>\s*)+</tr>\s*</thead>", "", html))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_of_the_guide_is_what_the_judge_makes_of_it(page: Path):
    text = page.read_text(encoding="utf-8")
    assert ours(text) == judged(text)


SHAPES = {
    "a list that is numbered on": "# T\n\n1. one\n2. two\n\n```\nx\n```\n\n3. three\n",
    "a list in a list": "# T\n\n- one\n  - inner\n  - inner two\n- two\n",
    "a list with room between": "# T\n\n- one\n\n- two\n\n  and more\n",
    "code in an item": "# T\n\n1. Do it:\n\n   ```\n   x  y\n     z\n   ```\n\n2. Then go on\nwith it.\n",
    "a number that begins a line": "# T\n\nIn the year\n2026. was nothing\n- but this\n",
    "code that holds backticks": "# T\n\n`` a ` b `` and ` x ` and ` ` and `a\nb`\n",
    "signs that are meant": "# T\n\n\\*not stressed\\* \\[no](link) \\\\ 2 * 3 * 4 ** 5\n",
    "stressed and strong": "# T\n\n*a*b **c *d* e** *f `*` g*\n",
    "links": "# T\n\n[a `b` c](d.md#e) [f](https://x.example/?a=b&c) [not one] (x) [**g**](h)\n",
    "a table's own bar": "# T\n\n| a | b |\n| --- | --- |\n| c \\| d | `e \\| f` |\n",
    "markup": "# T\n\n`<script>` & &lt; \"quoted\" 'too'\n",
    "indented code": "# T\n\nText\n\n    one\n\n      two\n\nText\n",
    "headings": "# T\n\n## A `b` c ##\ntext\n### d\n",
    "the last line without an end": "# T\n\n```sh\nx",
    "a table at once under words": "# T\n\nwords\n\n| a |\n| --- |\n| b |\n\nwords\n",
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_what_the_judge_makes_of_it(name: str):
    # The judge reads entities; the guide has none, and a test of its pages would tell.
    text = SHAPES[name].replace("&lt;", "")
    assert ours(text) == judged(text)


def test_the_judge_would_see_a_difference():
    assert ours("# T\n\na b\n") != judged("# T\n\na *b*\n")
    assert ours("# T\n\n[a](b)\n") != judged("# T\n\n[a](c)\n")
    assert ours("# T\n\n> quoted\n") != judged("# T\n\n> quoted\n")


def test_headings_are_named_as_github_names_them():
    page = document.parse("# T\n\n## What `.htaccess` does\n\n## A, b – c_d\n\n## A, b – c_d\n")
    assert [one.name for one in page.anchors] == ["what-htaccess-does", "a-b--c_d", "a-b--c_d-1"]


def test_whatever_stands_in_a_page_is_shown_and_does_nothing():
    class Nowhere(Same):
        def link(self, _target: str, words: str) -> tuple[str, str]:
            return "", words

    for words in payloads():
        for text in (
            words,
            f"- {words}",
            f"| {words} |\n| --- |\n| {words} |",
            f"## {words}",
            f"[{words}](x)",
        ):
            page = document.parse(f"# T\n\n{text}\n")
            assert strays(document.article(page, Nowhere())) == [], text


def test_a_page_without_a_title_is_refused():
    with pytest.raises(ValueError, match="title"):
        document.parse("words\n")


def test_the_size_of_a_picture_is_read_from_it():
    assert size(b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x00\x05\x84\x03") == (1280, 900)
    assert size(b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 276" role="img">') == (800, 276)
    assert size(b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x04\0\x83\x03\0") == (1280, 900)
    for other in (b"", b"\x89PNG" + bytes(40), b"RIFF\0\0\0\0WEBPVP8L" + bytes(20)):
        with pytest.raises(ValueError, match="WebP"):
            size(other)
