"""One item of the registry: what the doctor can look at, or what it must ask, and what to do where it is not right.

An item that has `look` is seen by the program; one that has not is asked (`question`), and the answer is kept
(ops/doctor/answers.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.ops.doctor.check import FAIL, OK, UNKNOWN, WARN, Check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from postern.ops.doctor.scene import Scene

CRITICAL, IMPORTANT, ADVICE = "critical", "important", "advice"
"""Critical: mail is lost, or secrets are open; nobody goes live with it. Important: it will hurt soon. Advice: may stay."""

SEVERITIES = (CRITICAL, IMPORTANT, ADVICE)


@dataclass(frozen=True)
class Item:
    """`id` is GROUP.NAME. `needs`: ids of what must be well first, else it is not looked at. `audit`: belongs to SH-29.

    `symptom`: the heading of docs/TROUBLESHOOTING.md that this item finds, empty when it has none.
    """

    id: str
    ticket: str
    severity: str
    what: str
    remedy: str
    guide: str
    look: Callable[[Scene], Check] | None = None
    question: str = ""
    needs: tuple[str, ...] = ()
    audit: bool = False
    symptom: str = ""

    @property
    def group(self) -> str:
        """Before the dot."""
        return self.id.partition(".")[0]


def ok(detail: str) -> Check:
    """It is well."""
    return Check("", OK, detail)


def warn(detail: str, remedy: str = "") -> Check:
    """It works, and could be better. Without a remedy the item's own is shown."""
    return Check("", WARN, detail, remedy)


def fail(detail: str, remedy: str = "") -> Check:
    """It is wrong."""
    return Check("", FAIL, detail, remedy)


def unknown(detail: str, remedy: str = "") -> Check:
    """It cannot be told from here."""
    return Check("", UNKNOWN, detail, remedy)


def judged(wrong: str, well: str) -> Check:
    """Fails with `wrong` when that says anything."""
    return fail(wrong) if wrong else ok(well)
