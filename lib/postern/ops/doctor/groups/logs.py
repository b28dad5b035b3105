"""The logs: written, private, small, and without a secret in them."""

from __future__ import annotations

import gzip
import os
import stat
from dataclasses import fields

from postern.base import clock
from postern.ops import logs
from postern.ops.doctor.item import ADVICE, CRITICAL, IMPORTANT, Item, fail, judged, ok, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.base.settings import Config
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

DAY = 86400
MANY_ERRORS = 50
MOST_BYTES = 50_000_000
"""Of the newest logs that are searched for secrets and errors."""
SHORTEST = 8
"""Shorter values are found in every log by chance."""


def _folder(scene: Scene) -> str:
    return os.path.join(scene.home, "logs")


def _newest_first(scene: Scene) -> Iterator[str]:
    """Paths, as many as make MOST_BYTES."""
    folder, left = _folder(scene), MOST_BYTES
    for name in sorted(os.listdir(folder), reverse=True):
        path = os.path.join(folder, name)
        left -= os.path.getsize(path)
        if left < 0:
            return
        yield path


def _written(scene: Scene) -> Check:
    """By writing: a full quota shows in nothing else."""
    folder = _folder(scene)
    if not os.path.isdir(folder):
        return fail(f"{folder} is not there")
    path = os.path.join(folder, f".doctor.{os.getpid()}")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, b"postern doctor\n")
            os.fsync(fd)
        finally:
            os.close(fd)
            os.unlink(path)
    except OSError as error:
        return fail(f"nothing can be written to {folder}: {error.strerror}")
    days = [name for name in os.listdir(folder) if name.startswith("postern-")]
    return ok(f"{len(days)} days of logs") if days else warn("nothing was logged yet")


def _private(scene: Scene) -> Check:
    wrong = [
        name
        for name in os.listdir(_folder(scene))
        if stat.S_IMODE(os.lstat(os.path.join(_folder(scene), name)).st_mode) & 0o007
    ]
    return judged(
        f"others can read {', '.join(sorted(wrong)[:5])}" if wrong else "", "nobody else can read them"
    )


def _old(scene: Scene) -> Check:
    """A day of slack: whoever creates the day's file removes the old ones."""
    before = clock.now() - (scene.config.log_days + 2) * DAY
    folder = _folder(scene)
    old = [
        name
        for name in os.listdir(folder)
        if name.startswith("postern-") and os.stat(os.path.join(folder, name)).st_mtime < before
    ]
    return warn(f"{len(old)} files are past POSTERN_LOG_DAYS") if old else ok("none is past its time")


def _secrets(config: Config) -> set[bytes]:
    """Every secret of the settings, and each word of those that hold several."""
    found: set[str] = set()
    for one in fields(config):
        value = getattr(config, one.name)
        if one.metadata.get("secret") and value:
            found.update([value, *value.replace(",", " ").split()])
    found.update(word.partition(":")[2] for word in config.seal_keys.replace(",", " ").split())
    return {value.encode() for value in found if len(value) >= SHORTEST}


def _clean(scene: Scene) -> Check:
    secrets = _secrets(scene.config)
    holding = []
    for path in _newest_first(scene):
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
            if any(secret in line for line in file for secret in secrets):
                holding.append(os.path.basename(path))
    return judged(
        f"a secret stands in {', '.join(holding)}" if holding else "", "no secret of the settings is in them"
    )


def _errors(scene: Scene) -> Check:
    many = logs.errors_since(scene.home, clock.now() - DAY)
    if many:
        told = f"{many} errors within a day"
        return fail(told) if many > MANY_ERRORS else warn(told)
    return ok("no error within a day")


CHECKS = (
    Item(
        "logs.written",
        "SH-13",
        CRITICAL,
        "Logs can be written",
        "Free some disk, and see that home/logs belongs to this account.",
        "docs/operations/logs.md",
        _written,
        symptom="Nothing is logged, or the disk quota is used up",
    ),
    Item(
        "logs.private",
        "SH-13",
        IMPORTANT,
        "Nobody else can read the logs",
        "Run: chmod 600 on them; chmod 700 on home/logs",
        "docs/operations/logs.md",
        _private,
        needs=("logs.written",),
        audit=True,
    ),
    Item(
        "logs.clean",
        "SH-29",
        CRITICAL,
        "No secret of the settings stands in a log",
        "Delete the file, change the secret, and tell us how it came there.",
        "docs/SECURITY.md",
        _clean,
        needs=("env.settings", "logs.written"),
        audit=True,
    ),
    Item(
        "logs.errors",
        "SH-13",
        IMPORTANT,
        "The last day brought no errors",
        "Run: postern logs --level error",
        "docs/operations/logs.md",
        _errors,
        needs=("logs.written",),
        symptom="Something failed, and nobody knows what",
    ),
    Item(
        "logs.kept",
        "SH-13",
        ADVICE,
        "Old logs go by themselves",
        "Something keeps them from being deleted: see who owns home/logs.",
        "docs/settings.md",
        _old,
        needs=("env.settings", "logs.written"),
    ),
)
