"""Style sheets and scripts: whether the web server hands them out itself, and lets browsers keep them."""

from __future__ import annotations

import re

from postern.ops.doctor.groups.web import front
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, ok, warn
from postern.ops.install.fetch import fetch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene
    from postern.ops.install.fetch import Answer

LONG_SECONDS = 30 * 86400


def _sheet(scene: Scene) -> Answer | None:
    """The front page's style sheet; None when it names none."""
    page = front(scene).body.decode("utf-8", "replace")
    found = re.search(r'"(/static/[^"]+\.css)"', page)
    return scene.once("sheet", lambda: fetch(scene.url + found[1])) if found else None


def _loads(scene: Scene) -> Check:
    answer = _sheet(scene)
    if answer is None:
        return fail("the front page names no style sheet")
    right = answer.status == 200 and answer.headers.get("content-type", "").startswith("text/css")
    return ok("the style sheet comes") if right else fail(f"the style sheet gets status {answer.status}")


def _by_server(scene: Scene) -> Check:
    answer = _sheet(scene)
    if answer is not None and "x-request-id" in answer.headers:
        return warn("they come through the program")
    return ok("they come from the disk")


def _kept(scene: Scene) -> Check:
    answer = _sheet(scene)
    control = answer.headers.get("cache-control", "") if answer else ""
    found = re.search(r"max-age=(\d+)", control)
    if found and int(found[1]) >= LONG_SECONDS:
        return ok(control)
    return warn(f"Cache-Control: {control or 'none'}")


CHECKS = (
    Item(
        "static.loads",
        "SH-06",
        CRITICAL,
        "The style sheet comes, as what it is",
        "Run: sh install.sh. It makes the files with a fingerprint in their names.",
        "docs/styles.md",
        _loads,
        needs=("web.answers",),
        symptom="Pages come without colours",
    ),
    Item(
        "static.by-server",
        "SH-06",
        IMPORTANT,
        "The web server hands out static files itself",
        "The rewrite rules are not heeded as they were written: run sh install.sh, see docs/web-server.md.",
        "docs/web-server.md",
        _by_server,
        needs=("static.loads",),
    ),
    Item(
        "static.kept",
        "SH-06",
        IMPORTANT,
        "Browsers may keep them for a month or more",
        "The server lacks mod_headers, or a CDN sets its own: see docs/web-server.md.",
        "docs/web-server.md",
        _kept,
        needs=("static.loads",),
    ),
)
