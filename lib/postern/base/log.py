"""The log: what happened, one JSON object a line, in `<folder>/postern-YYYY-MM-DD.log` (UTC).

    {"time":"2026-01-31T12:00:00.123Z","level":"info","component":"drain","event":"delivery.sent","pid":7,"message":"…"}

Many processes write at once without a lock: each line is one write(2) to a file opened with O_APPEND, and rotation
is only a new name (ops/logs.py compresses the days that are over). Whoever creates the day's file removes those that are past
their time. A file that has reached its cap takes one last line that says so, written by the one process whose line crossed the
cap; a line that was on its way in just then may stand behind it.

Every string passes base/redact.py just before it is written. A log that cannot be written never stops the work: it is said
once a process on stderr. Not here: which events there are, and who reads them.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time

from postern.base import redact
from postern.base.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
"""The same numbers as the standard library's."""

MAX_BYTES = 20 * 1024 * 1024
"""Of one day's file."""

_OWN = ("time", "level", "component", "event", "pid")
_NAME = re.compile(r"postern-\d{4}-\d\d-\d\d\.log(\.gz)?")
_DAY_SECONDS = 86400
_complained: set[int] = set()


class Log:
    """Where one component writes its events."""

    def __init__(
        self,
        folder: str,
        component: str,
        level: str = "info",
        keep_days: int = 14,
        *,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if level not in LEVELS:
            raise ConfigError("The log level is unknown.", f"It is one of {', '.join(LEVELS)}.")
        self._folder = folder
        self._component = component
        self._least = LEVELS[level]
        self._keep_days = keep_days
        self._max_bytes = max_bytes
        self._clock = clock
        self._bound: dict[str, object] = {}

    def with_fields(self, **fields: object) -> Log:
        """The same log, with these fields in each of its events (request=…, message=…)."""
        other = Log.__new__(Log)
        other.__dict__.update(self.__dict__, _bound={**self._bound, **fields})
        return other

    def debug(self, event: str, /, **fields: object) -> None:
        """For whoever looks for a fault."""
        self._write("debug", event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """What happens every day."""
        self._write("info", event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """What should not happen often, and was dealt with."""
        self._write("warning", event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """What somebody must look at."""
        self._write("error", event, fields)

    def exception(self, event: str, error: BaseException, /, **fields: object) -> str:
        """An error with its stack trace, without values of variables. Returns the id under which to find it."""
        error_id = os.urandom(4).hex()
        self._write("error", event, fields, error, error_id)
        return error_id

    def install(self) -> None:
        """Take in what libraries tell the standard library's logging, too."""
        import logging

        root = logging.getLogger()
        handler = _library_handler(self._from_library)
        for old in root.handlers[:]:
            if old.name == handler.name:
                root.removeHandler(old)
        root.addHandler(handler)
        root.setLevel(self._least)

    def _from_library(self, record: logging.LogRecord) -> None:
        fields: dict[str, object] = {"logger": record.name}
        try:
            fields["said"] = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's mistake in its own log line must not stop our work
            fields["said"] = record.msg
        if record.stack_info:
            fields["called_from"] = record.stack_info
        level = next(
            (name for name in ("error", "warning", "info") if record.levelno >= LEVELS[name]), "debug"
        )
        error = record.exc_info[1] if record.exc_info else None
        self._write(level, "library", fields, error, os.urandom(4).hex() if error else "")

    def _write(
        self,
        level: str,
        event: str,
        fields: dict[str, object],
        error: BaseException | None = None,
        error_id: str = "",
    ) -> None:
        if LEVELS[level] < self._least:
            return
        try:
            now = self._clock()
            fields = {**self._bound, **fields}
            if error is not None:
                fields.update(
                    error_id=error_id, error=type(error).__name__, reason=error, stack=_stack(error)
                )
            self._append(now, self._line(now, level, event, fields))
        except OSError as trouble:
            _complain(self._folder, trouble.strerror or type(trouble).__name__)
        except Exception as trouble:  # noqa: BLE001 - the log must never be what breaks a request or a drain
            _complain(self._folder, type(trouble).__name__)

    def _line(self, now: float, level: str, event: str, fields: dict[str, object]) -> bytes:
        line: dict[str, object] = {"time": _timestamp(now), "level": level, "component": self._component}
        line.update(event=event, pid=os.getpid())
        if "request" in fields:
            line["request"] = fields["request"]
        for name, value in fields.items():
            if name != "request":
                line[name + "_" if name in _OWN else name] = value
        # ASCII: nothing that a terminal or a reader of lines could take for more than text.
        return json.dumps(redact.plain(line), separators=(",", ":")).encode("ascii") + b"\n"

    def _append(self, now: float, line: bytes) -> None:
        fd, created = _open(os.path.join(self._folder, _name(now)))
        try:
            if created:
                _remove_old(self._folder, _name(now - self._keep_days * _DAY_SECONDS))
            if _append(fd, line, self._max_bytes):
                said = "The log of this day is full: nothing more is written to it."
                full: dict[str, object] = {"max_bytes": self._max_bytes, "said": said}
                os.write(fd, self._line(now, "warning", "log.full", full))
        finally:
            os.close(fd)


def _library_handler(take: Callable[[logging.LogRecord], None]) -> logging.Handler:
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            take(record)

    handler = Handler()
    handler.name = "postern"
    return handler


def _name(now: float) -> str:
    return time.strftime("postern-%Y-%m-%d.log", time.gmtime(int(now * 1000) // 1000))


def _timestamp(now: float) -> str:
    """RFC 3339, UTC, milliseconds."""
    seconds, thousandths = divmod(int(now * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{thousandths:03d}Z"


def _open(path: str) -> tuple[int, bool]:
    """The file, and whether it was this process that made it."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags), False
    except FileNotFoundError:
        pass
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags), False
    os.fchmod(fd, 0o600)
    return fd, True


def _append(fd: int, line: bytes, max_bytes: int) -> bool:
    """Write the line unless the file is full. True when this very line filled it."""
    if os.fstat(fd).st_size >= max_bytes:
        return False
    written = os.write(fd, line)
    # With O_APPEND the offset is now the end of our own line, wherever others wrote meanwhile.
    end = os.lseek(fd, 0, os.SEEK_CUR)
    if written < len(line):
        # The disk became full in the middle of the line. Half a line would spoil the next one, so it goes again.
        if os.fstat(fd).st_size == end:
            os.ftruncate(fd, end - written)
        raise OSError(errno.ENOSPC, "no space left for a whole line")
    return end - len(line) < max_bytes <= end


def _remove_old(folder: str, oldest: str) -> None:
    for name in os.listdir(folder):
        if _NAME.fullmatch(name) and name < oldest:
            try:
                os.unlink(os.path.join(folder, name))
            except OSError:
                # Somebody else was quicker, or it is not ours: no reason to lose the line that is being written.
                continue


def _complain(folder: str, reason: str) -> None:
    pid = os.getpid()
    if pid in _complained:
        return
    _complained.add(pid)
    words = f"postern: the log in {folder} cannot be written ({reason}). Free some disk or mend the folder; work goes on."
    try:
        os.write(2, redact.clean(words).encode("ascii", "backslashreplace") + b"\n")
    except OSError:
        return


def _stack(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
