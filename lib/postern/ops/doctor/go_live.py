"""The report of the production readiness review (SH-30): every item, who signed what when, and whether one may go live."""

from __future__ import annotations

import time

from postern.base import gate
from postern.ops.doctor.check import FAIL, OK, UNKNOWN
from postern.ops.doctor.item import CRITICAL, IMPORTANT
from postern.ops.doctor.registry import GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postern.ops.doctor.registry import Finding

MARKS = {OK: "[x]", FAIL: "[ ]", UNKNOWN: "[?]"}


def open_points(findings: Sequence[Finding]) -> list[Finding]:
    """What stands in the way: critical items that are not well or not known, important ones that fail."""
    return [
        one
        for one in findings
        if (one.item.severity == CRITICAL and one.status in (FAIL, UNKNOWN))
        or (one.item.severity == IMPORTANT and one.status == FAIL)
    ]


def report(findings: Sequence[Finding], url: str, now: float) -> str:
    """Plain text, to be kept."""
    return "\n".join(_lines(findings, url, now))


def _lines(findings: Sequence[Finding], url: str, now: float) -> Iterator[str]:
    yield f"Postern: production readiness of {url}"
    yield f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime(now))} UTC, program {gate.running()}"
    for group, title in GROUPS.items():
        inside = [one for one in findings if one.item.group == group]
        if inside:
            yield f"\n{title} ({group})"
        for one in inside:
            audit = ", audit" if one.item.audit else ""
            mark = MARKS.get(one.status, "[!]")
            yield f"  {mark} {one.item.id} ({one.item.ticket}, {one.item.severity}{audit}): {one.item.what}"
            yield f"      {one.status}: {one.detail}"
    left = open_points(findings)
    yield ""
    if left:
        yield f"NOT READY: {len(left)} points are open."
        yield from (f"  - {one.item.id}: {one.remedy}" for one in left)
    else:
        yield "READY: nothing critical is open, and every question is answered."
