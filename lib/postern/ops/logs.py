"""The log files: reading them for people, counting errors, and rotating (compressing, and keeping to the days and the size).

logs/postern-2026-01-31.log        a day, being written
logs/postern-2026-01-30.log.gz     a day that is over
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import shutil
import time
from typing import cast

from postern.base import clock
from postern.base.log import LEVELS
from postern.flow.job_run import Done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    from postern.base.stop import Stop
    from postern.flow.context import Context

_NAME = re.compile(r"postern-(\d{4}-\d\d-\d\d)\.log(\.gz)?")
TAIL_BYTES = 2_000_000
"""So much of a day's end is looked through for errors."""

DAY = 86400


def files(home: str) -> list[str]:
    """Paths of all days, the oldest first; of a day that stands there in both forms, the finished one."""
    folder = os.path.join(home, "logs")
    days: dict[str, str] = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        found = _NAME.fullmatch(name)
        if found:
            days.setdefault(found[1], name)
    return [os.path.join(folder, days[day]) for day in sorted(days)]


def _open(path: str) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.endswith(".gz") else open(path, "rb")


def _day_of(path: str) -> str:
    found = _NAME.fullmatch(os.path.basename(path))
    assert found is not None
    return found[1]


def events(
    home: str, since: float = 0.0, level: str = "debug", request: str = "", before: Tail | None = None
) -> Iterator[dict[str, Any]]:
    """What is in the log since then (Unix time), from that level on, the oldest first. `request`: an id, also of an error.

    `before`: only what a Tail did not count as new when it was made.
    """
    first = _stamp(since)
    for path in files(home):
        if _day_of(path) < first[:10]:
            continue
        with contextlib.suppress(FileNotFoundError, EOFError), _open(path) as file:
            for line in before.old_lines(path, file) if before else file:
                event = parse(line)
                if event and str(event.get("time", "")) >= first and matches(event, level, request):
                    yield event


def parse(line: bytes) -> dict[str, Any] | None:
    """One line; None for what is none of ours."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def matches(event: dict[str, Any], level: str, request: str) -> bool:
    """Whether it is asked for."""
    if LEVELS.get(str(event.get("level")), 0) < LEVELS[level]:
        return False
    return not request or request in (event.get("request"), event.get("error_id"), event.get("webhook_id"))


def errors_since(home: str, since: float) -> int:
    """How many lines of level error were written since then (Unix time); of a huge day, those in its last part."""
    first, many = _stamp(since), 0
    for path in files(home)[-2:]:
        if path.endswith(".gz") or _day_of(path) < first[:10]:
            continue
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            for line in file:
                event = parse(line) if b'"level":"error"' in line else None
                many += (
                    event is not None and event.get("level") == "error" and str(event.get("time")) >= first
                )
    return many


def _stamp(at: float) -> str:
    """As the log writes it, to be compared as text."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".000Z"


class Tail:
    """What comes into the log from now on: the end of the newest day, and of those that begin."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._path = (files(home) or [""])[-1]
        self._at = os.path.getsize(self._path) if self._path else 0

    def old_lines(self, path: str, file: BinaryIO) -> Iterator[bytes]:
        """The lines of a file that are not new."""
        at, end = 0, self._at if path == self._path else float("inf") if path < self._path else 0
        for line in file:
            at += len(line)
            if at > end:
                return
            yield line

    def more(self) -> Iterator[dict[str, Any]]:
        """What came since the last time. A line that is not whole yet comes the next time."""
        for path in [one for one in files(self._home) if one >= self._path and not one.endswith(".gz")]:
            if path != self._path:
                self._path, self._at = path, 0
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                file.seek(self._at)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._at += len(line)
                    event = parse(line)
                    if event:
                        yield event


def rotate(context: Context, stop: Stop) -> Done:
    """The job `rotate-logs`: compress the days that are over, delete what is too old or too much."""
    home, now = context.config.home, clock.now()
    today = _stamp(now)[:10]
    oldest = _stamp(now - context.config.log_days * DAY)[:10]
    done = 0
    for path in files(home):
        if _day_of(path) < oldest:
            os.unlink(path)
            done += 1
        elif _day_of(path) < today and not path.endswith(".gz") and not stop.why():
            _compress(path)
            done += 1
    done += _keep_small(home, context.config.log_max_bytes)
    return Done(done, f"{done} files compressed or deleted.")


def _compress(path: str) -> None:
    """Into a file beside it, and only then in its place: whoever is killed leaves the day whole."""
    beside = f"{path}.gz.new"
    with (
        open(path, "rb") as plain,
        open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw,
    ):
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
            shutil.copyfileobj(plain, packed)
        raw.flush()
        os.fsync(raw.fileno())
    os.replace(beside, f"{path}.gz")
    os.unlink(path)


def _keep_small(home: str, most: int) -> int:
    """Delete the oldest days until all together are no more than `most` bytes; today's stays."""
    found = files(home)
    sizes = {path: os.path.getsize(path) for path in found}
    deleted = 0
    for path in found[:-1]:
        if sum(sizes.values()) <= most:
            break
        os.unlink(path)
        del sizes[path]
        deleted += 1
    return deleted
