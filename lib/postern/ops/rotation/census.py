"""What is under which key: rows of the database, files of the spool, backups in the home.

Nothing is opened: the key id stands in clear in all that is sealed.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

from postern.base.database import SYSTEM
from postern.base.errors import SealBroken
from postern.base.stream import HEADER_SIZE
from postern.ops.backups import backup, backup_file
from postern.ops.backups.backup import patient
from postern.store import seals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.flow.context import Context


@dataclass(frozen=True)
class Census:
    """Key id -> how many are under it; an id that is none is ''. `backups`: names of those that need it."""

    rows: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    backups: dict[str, list[str]] = field(default_factory=dict)

    def keys_seen(self) -> list[str]:
        """Every id that anything is under."""
        return sorted({*self.rows, *self.files, *self.backups})

    def left(self, key_id: str) -> int:
        """Rows and files that would not open without it."""
        return self.rows.get(key_id, 0) + self.files.get(key_id, 0)


def take(context: Context) -> Census:
    """Count all of it."""
    with patient(context) as db, db.transaction(SYSTEM):
        rows = seals.rows_by_key(db)
    return Census(rows, _files(context), _backups(context))


def _files(context: Context) -> dict[str, int]:
    """Those that wait, that were set aside, and that are being written. Note and mail may be under two keys."""
    found: Counter[str] = Counter()
    for folder in (context.spool.new, context.spool.kept, context.spool.tmp):
        for name in sorted(os.listdir(folder)):
            found.update(_keys_of(context, folder, name))
    return dict(found)


def _keys_of(context: Context, folder: str, name: str) -> set[str]:
    try:
        file = context.spool.read(name, folder)
        with file.open() as stream:
            header = stream.read(HEADER_SIZE)
        return {context.ring.key_id_of(file.note), context.ring.key_id_of(header)}
    except (SealBroken, FileNotFoundError):
        # Cut, foreign, or imported just now: no key opens it.
        return set()


def _backups(context: Context) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in _files_in(backup.default_folder(context.config)):
        for key_id in backup_file.keys_needed(context.ring, path):
            found.setdefault(key_id, []).append(os.path.basename(path))
    return found


def _files_in(folder: str) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        if backup.NAME.fullmatch(name):
            yield os.path.join(folder, name)
