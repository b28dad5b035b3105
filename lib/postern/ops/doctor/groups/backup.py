"""The backups: there, whole, restored for a trial, and somewhere else as well."""

from __future__ import annotations

import os
from datetime import timezone

from postern.ops.backups import backup, retention
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, ok, warn
from postern.store import jobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

HOUR = 3600
LATE_HOURS, LOST_HOURS = 26, 50
"""A day, and two, with some hours for a host that was busy."""


def _newest(scene: Scene) -> str:
    """Its path; empty when there is none."""
    folder = backup.default_folder(scene.config)
    names = retention.names_in(folder) if os.path.isdir(folder) else []
    return os.path.join(folder, names[-1]) if names else ""


def _fresh(scene: Scene) -> Check:
    path = _newest(scene)
    if not path:
        return fail("there is none yet")
    made = retention.made_at(os.path.basename(path)).replace(tzinfo=timezone.utc).timestamp()
    hours = (scene.now - made) / HOUR
    told = f"the newest is {hours:.0f} hours old"
    return fail(told) if hours > LOST_HOURS else warn(told) if hours > LATE_HOURS else ok(told)


def _whole(scene: Scene) -> Check:
    """Reads all of the newest, and proves every seal and digest."""
    manifest = backup.verify(scene.context.ring, _newest(scene))
    return ok(f"the newest is whole, {manifest.rows} rows")


def _restored(scene: Scene) -> Check:
    with scene.database() as db:
        runs = [run for run in jobs.all_jobs(db) if run.job == "restore-check"]
    well = [run.ok_seconds for run in runs if run.ok_seconds is not None]
    failed = [run.error for run in runs if run.ok is False]
    if failed:
        return fail(f"the last trial failed: {failed[0]}")
    if not well:
        return fail("it was never restored for a trial")
    told = f"restored for a trial {min(well) // HOUR} hours ago"
    return warn(told) if min(well) > 3 * 24 * HOUR else ok(told)


def _offsite(scene: Scene) -> Check:
    if scene.config.offsite_url:
        return ok("each is copied off this host")
    return warn("POSTERN_OFFSITE_URL is empty")


CHECKS = (
    Item(
        "backup.fresh",
        "SH-16",
        CRITICAL,
        "The newest backup is of today or yesterday",
        "Run: postern jobs run backup. It says what is in the way.",
        "docs/backup.md",
        _fresh,
        needs=("env.settings",),
        symptom="There is no backup, or only an old one",
    ),
    Item(
        "backup.whole",
        "SH-16",
        CRITICAL,
        "The newest backup opens, and every digest in it is right",
        "Delete it, and run: postern jobs run backup. Then ask the host about its disk.",
        "docs/backup.md",
        _whole,
        needs=("backup.fresh", "keys.strong"),
        symptom="A backup is cut off or damaged",
    ),
    Item(
        "backup.restored",
        "SH-16",
        IMPORTANT,
        "A backup was restored for a trial",
        "Run: postern jobs run restore-check",
        "docs/backup.md",
        _restored,
        needs=("backup.fresh", "database.migrated"),
    ),
    Item(
        "backup.offsite",
        "SH-16",
        IMPORTANT,
        "Postern copies each backup to another place",
        "Set POSTERN_OFFSITE_URL (WebDAV, S3, SFTP or rsync), or fetch home/backups by yourself.",
        "docs/backup.md",
        _offsite,
        needs=("env.settings",),
    ),
    Item(
        "backup.elsewhere",
        "SH-16",
        CRITICAL,
        "Copies of the backups lie somewhere else than on this host",
        "Copy home/backups to another place each day; the files are sealed, so any place will do.",
        "docs/backup.md",
        question="Does a copy of each day's backup lie somewhere else than on this host, and did you open one there?",
    ),
    Item(
        "backup.rehearsed",
        "SH-28",
        IMPORTANT,
        "Going back was rehearsed",
        "Follow docs/ROLLBACK.md once, on a second home or before the first users come.",
        "docs/ROLLBACK.md",
        question="Did you go back to the release before, or restore a backup, once for practice?",
    ),
)
