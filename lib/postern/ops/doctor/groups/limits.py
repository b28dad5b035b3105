"""What the host allows, and what is left of it: disk, files, memory, processes, the queue; and what the resident holds."""

from __future__ import annotations

import os
import resource

from postern.ops.doctor.item import ADVICE, CRITICAL, IMPORTANT, Item, fail, judged, ok, unknown, warn
from postern.store import queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

MB = 1_000_000
LEAST_MEMORY = 128 * 1024 * 1024
"""Address space for a process: a CGI request needs 48 MB, a drain of a large message twice that."""
LEAST_PROCESSES = 20
LEAST_FILES = 64
FEW_INODES = 0.05
"""Share of the files that may be made."""


def _disk(scene: Scene) -> Check:
    found = os.statvfs(scene.home)
    free, least = found.f_bavail * found.f_frsize, scene.config.disk_free_bytes
    told = f"{free // MB} MB free"
    return fail(told) if free < least else warn(told) if free < 2 * least else ok(told)


def _inodes(scene: Scene) -> Check:
    found = os.statvfs(scene.home)
    if not found.f_files:
        return unknown("this file system does not count files")
    left = found.f_favail / found.f_files
    told = f"{found.f_favail} more files may be made"
    return warn(told) if left < FEW_INODES else ok(told)


def _limit(kind: int, least: int, unit: int, words: str) -> Check:
    soft, _ = resource.getrlimit(kind)
    if soft == resource.RLIM_INFINITY:
        return ok(f"{words}: no limit that a process can see")
    told = f"{words}: {soft // unit}"
    return ok(told) if soft >= least else warn(f"{told}, and {least // unit} are wanted")


def _memory(_: Scene) -> Check:
    return _limit(resource.RLIMIT_AS, LEAST_MEMORY, 1024 * 1024, "MB of address space a process")


def _processes(_: Scene) -> Check:
    return _limit(resource.RLIMIT_NPROC, LEAST_PROCESSES, 1, "processes")


def _files(_: Scene) -> Check:
    return _limit(resource.RLIMIT_NOFILE, LEAST_FILES, 1, "open files")


def _queue(scene: Scene) -> Check:
    with scene.database() as db:
        depth = queue.depth(db)
    late = depth.oldest_due_seconds > scene.config.health_queue_seconds
    told = f"{depth.waiting} wait, {depth.due} are due, the oldest for {depth.oldest_due_seconds} s"
    return judged(told if late else "", told)


def _resident(scene: Scene) -> Check:
    """The process of a first CGI request that stayed and answers the next ones (docs/resident.md)."""
    held = scene.resident()
    if held is None:
        return ok("none runs; requests do their work themselves")
    return ok(", ".join(f"{name} {value}" for name, value in sorted(held.items())))


CHECKS = (
    Item(
        "limits.disk",
        "SH-17",
        CRITICAL,
        "There is disk for mail, logs and backups",
        "Delete what is not needed, lower POSTERN_BACKUP_MONTHLY, or take a larger plan.",
        "docs/SCALING.md",
        _disk,
        needs=("env.settings",),
        symptom="Mail is put off: the disk is nearly full",
    ),
    Item(
        "limits.inodes",
        "SH-17",
        IMPORTANT,
        "More files may be made",
        "Delete old releases (postern rollback --list shows them) and other programs' caches.",
        "docs/SCALING.md",
        _inodes,
    ),
    Item(
        "limits.memory",
        "SH-17",
        IMPORTANT,
        "A process may have 128 MB",
        "Ask the host, or take a larger plan.",
        "docs/SCALING.md",
        _memory,
    ),
    Item(
        "limits.processes",
        "SH-17",
        IMPORTANT,
        "The account may have 20 processes",
        "Ask the host, or take a larger plan.",
        "docs/SCALING.md",
        _processes,
    ),
    Item(
        "limits.files",
        "SH-17",
        ADVICE,
        "A process may open 64 files",
        "Ask the host.",
        "docs/SCALING.md",
        _files,
    ),
    Item(
        "limits.queue",
        "SH-18",
        CRITICAL,
        "Mail that is due goes out in time",
        "See the groups relay and cron; `postern queue list` shows what waits.",
        "docs/queue.md",
        _queue,
        needs=("database.migrated",),
        symptom="Mail arrives late",
    ),
    Item(
        "limits.resident",
        "SH-17",
        ADVICE,
        "What the process that stays holds of the account's limits",
        "",
        "docs/resident.md",
        _resident,
    ),
)
