"""What is wrong with a page that Chromium shows, whoever opened it and whatever the test is about.

A Judge listens to one tab from its beginning: what the Content-Security-Policy stopped and the browser's other complaints,
errors of scripts, what could not be loaded. Asked to look(), it measures the page as it stands: does it scroll
sideways, and does axe find a barrier (WCAG 2.2 A and AA, and axe's best practices)? axe runs in a world of its own beside
the page's scripts, so the policy is as strict as it is for people, and pages without JavaScript are judged as well.
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
"""CSS pixels (WCAG 2.2, 1.4.10): old phones, and windows zoomed to 400 %."""

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

_FIND_BARRIERS = """
axe.run({runOnly: TAGS, resultTypes: ["violations"]}).then((found) => found.violations.flatMap((rule) =>
  rule.nodes.map((node) => `axe, ${rule.id}, ${node.target}: ${node.failureSummary.replace(/\\s+/g, " ")}`)))
""".replace("TAGS", json.dumps(TAGS))

_FIND_WIDE = """
(() => {
  if (document.documentElement.scrollWidth <= WIDTH) return [];
  const wide = (one) => one.getBoundingClientRect().right > WIDTH + 0.5;
  const found = [...document.body.querySelectorAll("*")].filter((one) => wide(one) && ![...one.children].some(wide));
  const names = found.slice(0, 3).map((one) => `${one.tagName.toLowerCase()}.${one.getAttribute("class")}`);
  return [`scrolls sideways at WIDTH pixels: ${names.join(", ")}`];
})()
"""

_CHANCE = re.compile(r"\b[a-z2-7]{52}\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{12,64}\b")
"""Tokens, uids and tags: pages that differ in nothing else look the same."""

_good: set[bytes] = set()
"""Digests of pages that were looked at in this process and found good: a look takes a good part of a second."""


@cache
def _axe() -> str:
    return tiers.AXE.read_text(encoding="utf-8") + "; []"


class Judge:
    """Of one tab. `faults` are words for the developer; `status` is that of the last page that was loaded."""

    def __init__(self, page: Any, name: str, *, script: bool) -> None:
        self.faults: list[str] = []
        self.status = 0
        self._page = page
        self._name = name
        self._script = script
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.on("Audits.issueAdded", self._on_issue)
        self._devtools.send("Audits.enable")
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._fault(f"script: {error}"))
        page.on("response", self._on_response)
        page.on("requestfailed", self._on_failure)

    def look(self) -> None:
        """At the page as it stands; phones come in two widths."""
        page, size = self._page, self._page.viewport_size
        if not page.url.startswith("http"):
            return
        key = hashlib.sha256(f"{self._name} {_CHANCE.sub('', page.content())}".encode()).digest()
        if key in _good:
            return
        before = len(self.faults)
        for width in (NARROWEST, size["width"]) if size["width"] < 600 else (size["width"],):
            page.set_viewport_size({**size, "width": width})
            self._measure(_FIND_WIDE.replace("WIDTH", str(width)))
        self._measure(_FIND_BARRIERS, with_axe=True)
        if len(self.faults) == before:
            _good.add(key)

    def _measure(self, expression: str, with_axe: bool = False) -> None:
        frame = self._devtools.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = self._devtools.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "judge"})
        if not self._script:
            self._let_scripts_run(True)
        for one in (_axe(), expression) if with_axe else (expression,):
            asked = {"expression": one, "contextId": world["executionContextId"]}
            told = self._devtools.send(
                "Runtime.evaluate", {**asked, "returnByValue": True, "awaitPromise": True}
            )
            assert "exceptionDetails" not in told, told
            for words in told["result"]["value"]:
                self._fault(words)
        if not self._script:
            self._let_scripts_run(False)

    def _let_scripts_run(self, may: bool) -> None:
        """axe waits for timers. The page's own scripts were passed over when it was read, and stay so.

        A session hears of changes only, and ours does not know what Playwright's has set before: so both, in this order.
        """
        for value in (may, not may):
            self._devtools.send("Emulation.setScriptExecutionDisabled", {"value": value})

    def _fault(self, words: str) -> None:
        line = f"{urlsplit(self._page.url).path} ({self._name}): {words}"
        if line not in self.faults:
            self.faults.append(line)

    def _on_issue(self, event: Any) -> None:
        issue = event["issue"]
        if issue["code"] != "GenericIssue":  # advice on what forms could fill in by themselves
            self._fault(f"{issue['code']}: {json.dumps(issue['details'])}")

    def _on_console(self, message: Any) -> None:
        # What could not be loaded is told by the response; a page that is meant to be an error page is no fault.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self._fault(f"console: {message.text}")

    def _on_response(self, response: Any) -> None:
        if response.request.is_navigation_request():
            self.status = response.status
        elif response.status >= 400:
            self._fault(f"{response.status} for {response.url}")

    def _on_failure(self, request: Any) -> None:
        # Aborted: the page was left before all had come.
        if request.failure != "net::ERR_ABORTED":
            self._fault(f"{request.failure} for {request.url}")
