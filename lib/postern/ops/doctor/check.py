"""What the doctor found out about one thing, and what a list of such findings comes to.

A finding never ends the look: what cannot be told is `unknown`, with what would tell it as the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OK, WARN, FAIL, UNKNOWN = "ok", "warn", "fail", "unknown"


@dataclass(frozen=True)
class Check:
    """`detail` is what was seen; `remedy` is what to do, empty when there is nothing to do."""

    name: str
    status: str
    detail: str
    remedy: str = ""


def exit_code(checks: Iterable[Check]) -> int:
    """1 when something fails, else 0."""
    return int(any(check.status == FAIL for check in checks))


def complete(checks: Iterable[Check], names: Sequence[str], why: str) -> list[Check]:
    """One finding for each of `names`, in their order; what nobody looked at is unknown, because of `why`."""
    found = {check.name: check for check in checks}
    return [found.get(name) or Check(name, UNKNOWN, f"not looked at: {why}") for name in names]


def plain(text: str) -> str:
    """What a stranger's server said, fit for a terminal and for one line."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])
