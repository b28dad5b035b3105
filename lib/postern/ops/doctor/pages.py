"""Mixed content: what a page loads, or sends to, over plain HTTP. Each page is read as a browser reads it, and its own
stylesheets too.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

from postern.ops.doctor import fetch
from postern.ops.doctor.check import FAIL, OK, UNKNOWN, Check, plain
from postern.ops.doctor.handshake import Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postern.ops.doctor.fetch import Answer

ADDRESSES = ("src", "data", "poster", "action", "formaction", "background", "manifest", "xlink:href")
"""Attributes that name something to load or a place to send to, whatever the element."""
HREF = ("base", "image", "use")
"""Elements whose href is loaded, or is the base of all other addresses. That of <a> is only followed."""
NOT_LOADED = {"canonical", "alternate", "author", "license", "next", "prev", "help", "search", "me"}
"""Kinds of <link> that load nothing."""
IN_CSS = re.compile(r"""(?:url\(\s*|@import\s+)["']?\s*(http:[^"')\s]*)""", re.IGNORECASE)
REFRESH = re.compile(r"""url\s*=\s*["']?(http:[^"']*)""", re.IGNORECASE)
NO_SUCH_PAGE = "/no-such-page-asks-the-doctor"
"""Shows the problem page."""


class _Reader(HTMLParser):
    """Collects `insecure` addresses, and the `sheets` that the page links."""

    def __init__(self) -> None:
        super().__init__()
        self.insecure: list[str] = []
        self.sheets: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: (value or "").strip() for name, value in attrs}
        loaded = [given.get(name, "") for name in ADDRESSES]
        if tag in HREF:
            loaded.append(given.get("href", ""))
        if tag == "link" and not set(given.get("rel", "").lower().split()) <= NOT_LOADED:
            loaded.append(given.get("href", ""))
            if "stylesheet" in given.get("rel", "").lower():
                self.sheets.append(given.get("href", ""))
        for name in ("srcset", "imagesrcset"):
            loaded += [part.split()[0] for part in given.get(name, "").split(",") if part.strip()]
        self.insecure += [address for address in loaded if address.lower().startswith("http:")]
        self.insecure += in_css(given.get("style", ""))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.insecure += REFRESH.findall(given.get("content", ""))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.insecure += in_css(data)


def in_css(text: str) -> list[str]:
    """Addresses over plain HTTP in a stylesheet."""
    return IN_CSS.findall(text)


def read(html: str) -> tuple[list[str], list[str]]:
    """(addresses over plain HTTP that the page loads or sends to, addresses of its stylesheets)."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.insecure, reader.sheets


def judge(get: Callable[[str], Answer], site: str, paths: Iterable[str]) -> Check:
    """Look at each page, and at every stylesheet that one of them links. `get` asks the site for a path."""
    wrong: list[str] = []
    sheets: set[str] = set()
    unread, seen = [], 0
    for path in (*paths, NO_SUCH_PAGE):
        try:
            answer = get(path)
        except Unreachable as error:
            unread.append(str(error))
            continue
        if answer.location.lower().startswith("http:"):
            wrong.append(f"{path} leads to {plain(answer.location)}")
        if "html" in answer.headers.get("content-type", ""):
            seen += 1
            found, linked = read(answer.body.decode("utf-8", "replace"))
            wrong += [f"{path} loads {plain(address)}" for address in found]
            sheets.update(filter(None, (_own(site, path, address) for address in linked)))
    for sheet in sorted(sheets):
        try:
            wrong += [f"{sheet} loads {plain(a)}" for a in in_css(get(sheet).body.decode("utf-8", "replace"))]
        except Unreachable as error:
            unread.append(str(error))
    return _verdict(wrong, unread, seen)


def _own(site: str, path: str, address: str) -> str:
    """The path of a stylesheet of this site; empty for one of another."""
    parts = urlsplit(fetch.resolve(f"{site}{path}", address))
    return parts.path if parts.netloc == urlsplit(site).netloc else ""


def _verdict(wrong: list[str], unread: list[str], seen: int) -> Check:
    if wrong:
        remedy = "Name it without scheme and host (/static/…), or with https://."
        return Check("pages", FAIL, "mixed content: " + "; ".join(wrong[:10]), remedy)
    if unread or not seen:
        told = "; ".join(unread[:3]) or "no page came back as HTML"
        return Check("pages", UNKNOWN, told, "Mend what `reachable` says, then look again.")
    return Check("pages", OK, f"{seen} pages load nothing over plain HTTP")
