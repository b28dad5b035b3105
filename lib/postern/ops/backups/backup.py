"""Backups: every row of the schema as it was at one moment, sealed, in one file.

All tables are read in one REPEATABLE READ transaction as SYSTEM, streamed through digest, zlib and seal into the file: memory
stays flat, and mail flows meanwhile. A file is made as .new-… (0600) beside its name, and gets its name when it is on the disk:

    postern-20260131T120000Z-4.backup      time (UTC), and the last migration that the database had

Not here: the format (backup_file.py), restoring (restore.py), the home's .env with the keys: keep that apart.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from dataclasses import replace

from postern import __version__
from postern.base import clock
from postern.base.connect import connect
from postern.base.database import SYSTEM
from postern.base.errors import Busy
from postern.base.lock import FileLock
from postern.base.spool import sync_folder
from postern.ops.backups import backup_file
from postern.ops.backups.backup_file import Writer, no_room
from postern.ops.backups.manifest import Entry, Manifest, Step
from postern.store import migrations, seals, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.base.settings import Config
    from postern.flow.context import Context

NAME = re.compile(r"postern-(\d{8}T\d{6}Z)-\d+\.backup")
"""What a backup is called; the group is its time (UTC)."""

PATIENT_SECONDS = 86400
"""What one statement may take here: sorting or checking a large table keeps the server silent for minutes."""


def default_folder(config: Config) -> str:
    """Where backups are kept."""
    return os.path.join(config.home, "backups")


def on_and_on() -> None:
    """What is asked at each piece where nothing may stop it."""


def write(context: Context, folder: str, look_up: Callable[[], None] = on_and_on) -> str:
    """Make a backup in this folder; returns its path. Busy when the disk is full, or another backup is being written there.

    `look_up` is called at each piece of rows, and raises to end it.
    """
    folder = os.path.abspath(folder)
    with _workshop(folder):
        temporary = os.path.join(folder, f".new-{os.getpid()}")
        made = int(clock.now())
        try:
            with _new_file(temporary) as file:
                manifest = _fill(context, file, made, look_up)
            path = _free_name(folder, made, manifest.number)
            os.rename(temporary, path)
            sync_folder(folder)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    context.log.info("backup.written", file=os.path.basename(path), rows=manifest.rows)
    return path


def write_if_filled(context: Context, folder: str) -> str:
    """The same, before something is changed for good; empty when there is no row to lose."""
    with patient(context) as db, db.transaction(SYSTEM):
        filled = migrations.has_ledger(db) and tables.are_filled(db)
    return write(context, folder) if filled else ""


def read_manifest(ring: KeyRing, path: str) -> Manifest:
    """What a backup says of itself. Quick: its rows are not read. BackupBroken, or NotFound."""
    with backup_file.opened(ring, path) as reader:
        return reader.manifest


def verify(ring: KeyRing, path: str) -> Manifest:
    """Read all of it: every seal and every digest. BackupBroken, or NotFound."""
    with backup_file.opened(ring, path) as reader:
        for _, pieces in reader.tables():
            for _ in pieces:
                pass
        return reader.manifest


def read_all(
    db: Database, onward: Writer | None = None, look_up: Callable[[], None] = on_and_on
) -> list[Entry]:
    """Read every table in the transaction that is open; what a manifest says of them."""
    tables.speak_utf8(db)
    entries = []
    for table in tables.all_tables(db):
        measure = _Measure(onward, look_up)
        rows = tables.read(db, table, measure)
        entries.append(Entry(table.name, table.columns, rows, measure.size, measure.digest.hexdigest()))
    return entries


@contextlib.contextmanager
def patient(context: Context, schema: str | None = None) -> Iterator[Database]:
    """A connection whose statements may take long, to our schema or to another one. An upgrade waits for it."""
    config = context.config
    config = replace(config, db_schema=schema or config.db_schema, db_statement_seconds=PATIENT_SECONDS)
    with context.pool.gate.enter(), contextlib.closing(connect(config)) as db:
        yield db


class _Measure:
    """Counts and digests the rows on their way."""

    def __init__(self, onward: Writer | None, look_up: Callable[[], None]) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self._onward = onward
        self._look_up = look_up

    def write(self, data: bytes, /) -> None:
        self._look_up()
        self.size += len(data)
        self.digest.update(data)
        if self._onward is not None:
            self._onward.write(data)


def _fill(context: Context, file: IO[bytes], made: int, look_up: Callable[[], None]) -> Manifest:
    """Write the whole backup into the file."""
    writer = Writer(context.ring, file)
    with patient(context) as db, db.transaction(SYSTEM):
        tables.take_snapshot(db)
        applied = migrations.applied(db)
        manifest = Manifest(
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made)),
            program=__version__,
            server=migrations.server_version(db),
            schema=context.config.db_schema,
            migrations=[Step(one.number, one.name, one.checksum.hex()) for one in applied],
            tables=read_all(db, writer, look_up),
            # No part of the snapshot: they may only be ahead of the rows, which is harmless.
            counters=tables.counters(db),
            keys=sorted(seals.rows_by_key(db)),
        )
    writer.finish(manifest)
    return manifest


@contextlib.contextmanager
def _workshop(folder: str) -> Iterator[None]:
    """The folder, private, ours alone while we write, and without what killed runs left."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with FileLock(os.path.join(folder, ".lock")) as lock:
            if not lock.acquire():
                raise Busy("Another backup is being written to this folder.", "Try again when it is done.")
            for name in os.listdir(folder):
                if name.startswith(".new-"):
                    os.unlink(os.path.join(folder, name))
            yield
    except OSError as error:
        raise no_room(error) from None


def _new_file(path: str) -> IO[bytes]:
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", buffering=0
    )


def _free_name(folder: str, made: int, number: int) -> str:
    """Named after its second; where that is taken, after the next one that is free."""
    while True:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(made))
        path = os.path.join(folder, f"postern-{stamp}-{number}.backup")
        if not os.path.exists(path):
            return path
        made += 1
