"""Which backups stay: the newest of each of the last days, weeks and months that have one (POSTERN_BACKUP_…).

Counted are days with a backup, not days gone by: where backups stop, none is deleted, however long. Always kept are the one
that was just made, those that a release needs to go back, and the newest that is proven whole by reading it: if no other can
be read, nothing at all is deleted.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone

from postern.base.errors import PosternError, SealBroken
from postern.ops.backups import backup
from postern.ops.releases import kept as releases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from postern.base.settings import Config
    from postern.flow.context import Context

    Rules = tuple[tuple[int, Callable[[datetime], object]], ...]


class NoneIsWhole(PosternError):
    """Not one backup can be read (EX_DATAERR)."""

    exit_code = 65


def names_in(folder: str) -> list[str]:
    """The backups of a folder, oldest first."""
    return sorted(name for name in os.listdir(folder) if backup.NAME.fullmatch(name))


def rules_of(config: Config) -> Rules:
    """(how many, of what) by the settings."""
    return (
        (config.backup_daily, lambda made: made.date()),
        (config.backup_weekly, lambda made: made.isocalendar()[:2]),
        (config.backup_monthly, lambda made: (made.year, made.month)),
    )


def past(names: Iterable[str], rules: Rules, keep: Collection[str]) -> list[str]:
    """Those that may go, oldest first; `keep`: those that may not."""
    newest_first = sorted(names, reverse=True)
    staying = set(keep)
    for many, period in rules:
        seen: set[object] = set()
        for name in newest_first:
            when = period(made_at(name))
            if when not in seen and len(seen) < many:
                seen.add(when)
                staying.add(name)
    return [name for name in reversed(newest_first) if name not in staying]


def made_at(name: str) -> datetime:
    """The time in its name."""
    match = backup.NAME.fullmatch(name)
    assert match, "names_in() lets no other through"
    return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)


def apply(context: Context, folder: str, just_made: str) -> list[str]:
    """Delete what is past, but never the last good one; returns the names. NoneIsWhole: nothing was deleted."""
    names = names_in(folder)
    keep = {os.path.basename(path) for path in (just_made, *_of_releases(context))}
    going = past(names, rules_of(context.config), keep)
    if not going:
        return []
    good = _newest_good(context, folder, [name for name in names if name not in going])
    if not good:
        good = _newest_good(context, folder, going)
        going = [name for name in going if name != good]
    if not good:
        raise NoneIsWhole(
            "None of the backups in the home can be read to its end, so none was deleted.",
            "Look at the disk, and at POSTERN_SEAL_KEYS: postern restore FILE --check; postern keys list",
        )
    for name in going:
        os.unlink(os.path.join(folder, name))
        context.log.info("backup.deleted", file=name)
    return going


def _of_releases(context: Context) -> list[str]:
    return [one.backup for one in releases.listing(context.config.home)]


def _newest_good(context: Context, folder: str, names: list[str]) -> str:
    """The newest that is whole; empty when none is."""
    for name in reversed(names):
        try:
            backup.verify(context.ring, os.path.join(folder, name))
        except SealBroken as error:
            context.log.error("backup.broken", file=name, reason=error.reason)
        else:
            return name
    return ""
