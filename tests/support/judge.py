"""What is wrong with a page that Chromium shows, whoever opened it and whatever the test is about.

A Judge listens to one page from its beginning: breaches of the Content-Security-Policy and the browser's other
complaints, errors of scripts, what could not be loaded. Asked to look(), it measures the page as it stands:
does it scroll sideways, and does axe find a barrier (WCAG 2.2 A and AA, and axe's best practices)? axe runs in a world of its own
beside the page's scripts: the policy stays as strict as it is for people, and a page without JavaScript is judged as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import tiers

NARROWEST = 320
"""CSS pixels (WCAG 2.2, 1.4.10). Phones are that narrow, and windows zoomed to 400 %."""

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_AXE = """axe.run({runOnly: TAGS, resultTypes: ["violations"]}).then((found) => found.violations.flatMap((rule) =>
  rule.nodes.map((node) => `axe, ${rule.id}: ${node.target} ${node.failureSummary.replace(/\\s+/g, " ")}`)))""".replace(
    "TAGS", json.dumps(TAGS)
)

_TOO_WIDE = """(() => {
  const wide = (element) => element.getBoundingClientRect().right > WIDTH + 0.5;
  if (document.documentElement.scrollWidth <= WIDTH) return [];
  const found = [...document.body.querySelectorAll("*")].filter((one) => wide(one) && ![...one.children].some(wide));
  const names = found.slice(0, 3).map((one) => one.tagName.toLowerCase() + (one.className && `.${one.className}`));
  return [`scrolls sideways at WIDTH pixels: ${names.join(", ")}`];
})()"""

_STILL = (
    "for (const one of document.getAnimations()) if (one.effect.getTiming().iterations < 99) one.finish()"
)

_CHANCE = re.compile(r"\b[a-z2-7]{52}\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{12,64}\b")
"""Tokens, uids and tags: pages that differ only there look the same."""

_seen: set[bytes] = set()
"""Digests of what was looked at and found good in this process: each look costs a good part of a second."""


@cache
def _axe() -> str:
    return tiers.AXE.read_text(encoding="utf-8") + ";0"


class Judge:
    """Of one page. `faults` are words for the developer, with the path where each was met."""

    def __init__(self, page: Any, *, script: bool) -> None:
        self.faults: list[str] = []
        self.status = 0
        self._page = page
        self._script = script
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.on("Audits.issueAdded", self._issue)
        self._devtools.send("Audits.enable")
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._fault(f"script: {error}"))
        page.on("response", self._response)
        page.on("requestfailed", self._failed)

    def look(self) -> None:
        """At the page as it stands, in each width that its device comes in."""
        if not self._page.url.startswith("http"):
            return
        page, size = self._page, self._page.viewport_size
        key = hashlib.sha256(
            f"{size} {self._script} {_theme(page)} {_CHANCE.sub('', page.content())}".encode()
        ).digest()
        if key in _seen:
            return
        before = len(self.faults)
        for width in {size["width"], min(size["width"], NARROWEST)}:
            page.set_viewport_size({**size, "width": width})
            self._judged(_TOO_WIDE.replace("WIDTH", str(width)))
        page.set_viewport_size(size)
        self._judged(_AXE)
        if len(self.faults) == before:
            _seen.add(key)
