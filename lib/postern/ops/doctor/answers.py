"""What the operator answered to the items that no machine can see: home/doctor.json, only its owner reads it.

Item id -> {"answer": "yes" | "no", "by": name, "at": Unix time, "note": text}. An answer is asked again after a year.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass

from postern.base.errors import BadInput, ConfigError
from postern.ops.doctor.check import Check
from postern.ops.doctor.item import fail, ok, unknown, warn

FILE = "doctor.json"
KEPT_SECONDS = 365 * 86400
MOST_LETTERS = 500
"""Of a name or a note."""


@dataclass(frozen=True)
class Answer:
    """`at` is Unix time."""

    answer: str
    by: str
    at: float
    note: str = ""

    @property
    def day(self) -> str:
        """The date, UTC."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.at))


def read(home: str) -> dict[str, Answer]:
    """All answers, by item. ConfigError when the file is none."""
    path = os.path.join(home, FILE)
    try:
        with open(path, encoding="utf-8") as file:
            return {name: Answer(**told) for name, told in json.load(file).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        raise ConfigError(f"{path} cannot be read.", "Move it away, and answer again.") from None


def keep(home: str, name: str, answer: Answer) -> None:
    """Write an answer down, in place of an older one. BadInput without a name or with too many letters;
    ConfigError when it cannot be written.
    """
    if not answer.by.strip() or any(len(text) > MOST_LETTERS for text in (answer.by, answer.note)):
        raise BadInput("An answer wants the name of who gives it, and a short note.", "Say: --by 'Jane Doe'")
    everything = {**read(home), name: answer}
    path = os.path.join(home, FILE)
    beside = f"{path}.{os.getpid()}"
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump({one: asdict(told) for one, told in sorted(everything.items())}, file, indent=1)
            file.flush()
            os.fsync(fd)
        os.rename(beside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}).",
            "Free some disk, and see that the home is there: sh install.sh makes it.",
        ) from None


def judge(answer: Answer | None, now: float) -> Check:
    """What an answer comes to."""
    if answer is None:
        return unknown("not answered yet")
    told = f"{answer.answer}, says {answer.by} on {answer.day}" + (f": {answer.note}" if answer.note else "")
    if answer.answer != "yes":
        return fail(told)
    if now - answer.at > KEPT_SECONDS:
        return warn(told, "That is more than a year ago: look again, and answer anew.")
    return ok(told)
