"""What a page is made of, without its words: so that of two pages one can be seen to hold something more.

structure(html)     its elements, declarations and comments in order, with all attributes, without values that are words
strays(html)        what no page of ours may have, whatever it is compared with
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

WORDS = {"value", "data-copy", "data-options", "title", "datetime", "content"}
"""Attributes whose values are shown, copied or sent as they are, and lead nowhere."""

_CHANCE = re.compile(r"[a-z2-7]{52}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{12,64}")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(f"<{tag} {' '.join(_attribute(name, value or '') for name, value in attrs)}>")

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.found.append(f"<![{data}")

    def handle_pi(self, data: str) -> None:
        self.found.append(f"<?{data}")


def _attribute(name: str, value: str) -> str:
    if name in WORDS:
        return name
    if name in ("href", "action"):
        parts = urlsplit(value)
        value = f"{parts.scheme}:{parts.netloc}{parts.path}"
    return f"{name}={_CHANCE.sub('…', value)!r}"


def structure(html: str) -> list[str]:
    """In the order of the page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


_STRAY = re.compile(
    r"<(?:script (?!src='/static/)|style|iframe|object|embed|base|link (?!rel='(?:stylesheet|icon|apple))|!--|\?)"
    r"|\bon\w+=|[:=]'?\s*(?:javascript|data|vbscript):|style="
)


def strays(html: str) -> list[str]:
    """Elements and attributes that our pages have no use for."""
    return [one for one in structure(html) if _STRAY.search(one)]
