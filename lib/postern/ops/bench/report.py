"""A run as it is saved: JSON in home/bench, readable by this account alone; the last twenty stay.

    {"format": 1, "program": "…", "at": "2026-01-31T12:00:00Z", "quick": false, "machine": {…}, "left_out": {NAME: why},
     "rows": {NAME: {"median": …, "spread": …, "rounds": …, "processor": …, "unit": "ms", "verdict": "good"}},
     "carries": {"users": …, "mails": …, "reason": "…"} or null}

The baseline that comes with the program is such a file, of the machine that it names.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import sys
from dataclasses import asdict, dataclass

from postern import __version__
from postern.base import clock
from postern.base.errors import BadInput
from postern.ops.bench import capacity
from postern.ops.bench.lab import FOLDER
from postern.ops.bench.result import Result
from postern.ops.bench.rows import BY_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from postern.ops.bench.capacity import Capacity

FORMAT = 1
KEPT = 20
_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?\.json")


@dataclass(frozen=True)
class Report:
    """One run. `carries` is None where too much was left out."""

    at: str
    quick: bool
    machine: Mapping[str, object]
    rows: Mapping[str, Result]
    left_out: Mapping[str, str]
    carries: Capacity | None

    def as_json(self) -> dict[str, object]:
        """What is saved."""
        rows = {
            name: {
                **{key: value for key, value in asdict(one).items() if key != "name"},
                "unit": BY_NAME[name].unit,
                "verdict": BY_NAME[name].verdict(one.median),
            }
            for name, one in self.rows.items()
        }
        return {
            "format": FORMAT,
            "program": __version__,
            "at": self.at,
            "quick": self.quick,
            "machine": dict(self.machine),
            "rows": rows,
            "left_out": dict(self.left_out),
            "carries": asdict(self.carries) if self.carries else None,
        }


def now() -> str:
    """This moment, as reports have it."""
    from datetime import datetime, timezone

    return datetime.fromtimestamp(clock.now(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def machine() -> dict[str, object]:
    """What a reader needs to judge the figures; nothing that names the host."""
    return {
        "processor": _processor(),
        "cores": round(capacity.share_of_host(), 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def read(path: str) -> Report:
    """A saved one. BadInput when the file is none."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found["format"] != FORMAT:
            raise ValueError("another format")
        return _report(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path} is no saved benchmark of this program ({error}).", "Name a file of home/bench."
        ) from None


def _report(found: Mapping[str, Any]) -> Report:
    rows = {
        name: Result(
            name, float(row["median"]), float(row["spread"]), int(row["rounds"]), float(row["processor"])
        )
        for name, row in found["rows"].items()
        if name in BY_NAME
    }
    carries = found["carries"]
    return Report(
        str(found["at"]),
        bool(found["quick"]),
        dict(found["machine"]),
        rows,
        dict(found["left_out"]),
        capacity.Capacity(**carries) if carries else None,
    )


def baseline() -> Report:
    """What comes with the program."""
    return read(os.path.join(os.path.dirname(os.path.abspath(__file__)), "baseline.json"))


def last(home: str, quick: bool) -> Report | None:
    """The newest that was saved here of the same kind; None: there is none that can be read."""
    for name in reversed(_saved(home)):
        with contextlib.suppress(BadInput):
            found = read(os.path.join(home, FOLDER, name))
            if found.quick == quick:
                return found
    return None


def save(home: str, report: Report) -> str:
    """Write it and let the oldest go; returns the path."""
    folder = os.path.join(home, FOLDER)
    stem = report.at.replace("-", "").replace(":", "")
    taken = [name for name in _saved(home) if name.startswith(stem)]
    path = os.path.join(folder, f"{stem}-{len(taken)}.json" if taken else f"{stem}.json")
    with open(
        os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(report.as_json(), file, indent=1)
        file.write("\n")
    os.replace(f"{path}.new", path)
    for name in _saved(home)[:-KEPT]:
        os.unlink(os.path.join(folder, name))
    return path


def _saved(home: str) -> list[str]:
    """Names, the oldest first."""
    try:
        return sorted(filter(_NAME.fullmatch, os.listdir(os.path.join(home, FOLDER))))
    except OSError:
        return []
