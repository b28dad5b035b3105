"""Copies of backups off this host: sent after each backup, kept by the same rule as here, fetched when they are needed."""

from __future__ import annotations

import os

from postern.base.errors import ConfigError, Conflict, NotFound
from postern.ops.backups import backup, retention
from postern.ops.offsite import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.ops.offsite.place import Remote


def configured(context: Context) -> Remote:
    """ConfigError when no place is."""
    remote = place.remote(context.config)
    if remote is None:
        raise ConfigError("POSTERN_OFFSITE_URL names no place.", "docs/backup.md says how to set it.")
    return remote


def send(context: Context, remote: Remote, path: str) -> list[str]:
    """Copy one there, then delete there what is past; returns the names that went. Unreachable."""
    name = os.path.basename(path)
    remote.put(path, name)
    context.log.info("offsite.sent", file=name, bytes=os.stat(path).st_size)
    there = remote.names()
    if name not in there:
        raise place.Unreachable(
            f"{name} was sent, and is not in the listing.",
            "Look at POSTERN_OFFSITE_URL: is the folder right?",
        )
    going = retention.past(there, retention.rules_of(context.config), {name})
    for old in going:
        remote.delete(old)
        context.log.info("offsite.deleted", file=old)
    return going


def send_newest(context: Context, remote: Remote) -> str:
    """For a first time, and by hand; returns its name."""
    folder = backup.default_folder(context.config)
    names = retention.names_in(folder)
    if not names:
        raise NotFound("There is no backup to copy.", "Run: postern backup")
    path = os.path.join(folder, names[-1])
    backup.verify(context.ring, path)
    send(context, remote, path)
    return names[-1]


def fetch(context: Context, remote: Remote, name: str) -> str:
    """Bring one back into home/backups, and read it to its end; returns its path."""
    if not backup.NAME.fullmatch(name):
        raise NotFound(f"{name} is no name of a backup.", "See: postern offsite list")
    path = os.path.join(backup.default_folder(context.config), name)
    if os.path.exists(path):
        raise Conflict(f"{path} is here already.", "Use it, or move it away.")
    part = f"{path}.part"
    try:
        remote.get(name, part)
        backup.verify(context.ring, part)
        os.rename(part, path)
    finally:
        if os.path.exists(part):
            os.unlink(part)
    return path
