"""The jobs `backup` and `restore-check`: a backup a day, kept as long as the settings say, copied off this host, and proven."""

from __future__ import annotations

import os

from postern.base.errors import Busy, NotFound
from postern.flow.job_run import Done
from postern.ops.backups import backup, restore, retention

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.stop import Stop
    from postern.flow.context import Context


def back_up(context: Context, stop: Stop) -> Done:
    """The job `backup`. What cannot be done is raised: the job has failed, and whoever watches over jobs says so."""
    folder = backup.default_folder(context.config)
    _check_room(context, folder)
    path = backup.write(context, folder, lambda: _check_time(stop))
    deleted = retention.apply(context, folder, path)
    _copy_away(context, path)
    rows = backup.read_manifest(context.ring, path).rows
    return Done(rows, f"{os.path.basename(path)}: {rows:,} rows; {len(deleted)} older ones deleted.")


def _copy_away(context: Context, path: str) -> None:
    """The last thing: what fails here has its backup in the home."""
    from postern.ops.offsite import copies, place

    remote = place.remote(context.config)
    if remote is not None:
        copies.send(context, remote, path)


def check(context: Context, stop: Stop) -> Done:
    """The job `restore-check`: the newest backup is restored beside the schema in use, compared, and taken back."""
    folder = backup.default_folder(context.config)
    names = retention.names_in(folder)
    if not names:
        raise NotFound("There is no backup to check.", "Run: postern backup")
    manifest = restore.rehearse(context, os.path.join(folder, names[-1]), lambda: _check_time(stop))
    return Done(manifest.rows, f"{names[-1]} restores whole: {manifest.rows:,} rows.")


def _check_time(stop: Stop) -> None:
    why = stop.why()
    if why:
        raise Busy(f"The job ended before it was done: {why}.", "It is done anew with its next run.")


def _check_room(context: Context, folder: str) -> None:
    """A backup must not take the disk that mail needs. About as large as the one before it is."""
    names = retention.names_in(folder)
    size = os.stat(os.path.join(folder, names[-1])).st_size if names else 0
    context.spool.check_room(size)
