"""The registry: every check of `postern doctor`, in the order in which an installation is made.

What needs another stands behind it, so the first that fails is the next thing to do. docs/CHECKLIST.md is printed from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from postern.base.errors import BadInput, PosternError
from postern.ops.doctor import answers
from postern.ops.doctor.check import FAIL, OK, UNKNOWN, WARN, Check
from postern.ops.doctor.item import CRITICAL, unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postern.ops.doctor.item import Item
    from postern.ops.doctor.scene import Scene

GROUPS = {
    "python": "The Python and the packages that it runs on",
    "env": "The settings and the private home",
    "database": "PostgreSQL and its tables",
    "keys": "The keys that seal mail and addresses",
    "tenants": "Users, and the walls between them",
    "web": "The site, as a stranger meets it",
    "static": "Style sheets and scripts",
    "tls": "Certificate, redirect and HSTS",
    "inbound": "The way in for mail",
    "relay": "The way out for mail",
    "dns": "The records of each mail domain",
    "cron": "The jobs",
    "logs": "The logs",
    "backup": "The backups",
    "limits": "What the host allows, and what is left of it",
    "security": "The security audit and the last questions before go-live",
}
"""Group -> its title, in the order of the checklist. Each is a module of ops/doctor/groups/ with a table CHECKS."""


@dataclass(frozen=True)
class Finding:
    """What came of one item. `status` as in check.py; `remedy` empty where there is nothing to do."""

    item: Item
    status: str
    detail: str
    remedy: str

    @property
    def weighs(self) -> int:
        """For the exit code: 2 a critical item fails, 1 another does, 0 else."""
        return 0 if self.status != FAIL else 2 if self.item.severity == CRITICAL else 1


def items() -> list[Item]:
    """All of them, in order."""
    found: list[Item] = []
    for group in GROUPS:
        found += import_module(f"postern.ops.doctor.groups.{group}").CHECKS
    return found


def chosen(names: Iterable[str]) -> list[Item]:
    """Those of these groups and ids; without any, all. BadInput for a name that is none."""
    every, wanted = items(), list(names)
    for name in wanted:
        if name not in GROUPS and name not in {item.id for item in every}:
            raise BadInput(f"There is no check {name!r}.", f"Groups: {', '.join(GROUPS)}.")
    return [item for item in every if not wanted or item.id in wanted or item.group in wanted]


def look(scene: Scene, wanted: Sequence[Item]) -> list[Finding]:
    """One finding for each item. What an item needs is looked at as well, and not told of."""
    return _Round(scene).findings(wanted)


class _Round:
    """One look: each item at most once."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._items = {item.id: item for item in items()}
        self._found: dict[str, Finding] = {}
        self._answers = answers.read(scene.home)

    def findings(self, wanted: Sequence[Item]) -> list[Finding]:
        return [self._finding(item) for item in wanted]

    def _finding(self, item: Item) -> Finding:
        if item.id not in self._found:
            seen = self._seen(item)
            remedy = "" if seen.status == OK else seen.remedy or item.remedy
            self._found[item.id] = Finding(item, seen.status, seen.detail, remedy)
        return self._found[item.id]

    def _seen(self, item: Item) -> Check:
        if item.look is None:
            return answers.judge(self._answers.get(item.id), self._scene.now)
        for need in item.needs:
            if self._finding(self._items[need]).status in (FAIL, UNKNOWN):
                return unknown(f"not looked at: {need} comes first", f"Mend {need} first.")
        try:
            return item.look(self._scene)
        except PosternError as error:
            return Check("", FAIL, " ".join(error.reason.split()), error.remedy)
        except OSError as error:
            return unknown(f"cannot be looked at: {error.strerror or type(error).__name__}")


def exit_code(findings: Iterable[Finding]) -> int:
    """2: something critical fails; 1: something else does; 0: nothing fails."""
    return max((finding.weighs for finding in findings), default=0)


def next_step(findings: Sequence[Finding]) -> Finding | None:
    """The first thing to do: what fails, else what was never answered, else what could be better."""
    for statuses in ((FAIL,), (UNKNOWN,), (WARN,)):
        for finding in findings:
            if finding.status in statuses and not finding.detail.startswith("not looked at"):
                return finding
    return None
