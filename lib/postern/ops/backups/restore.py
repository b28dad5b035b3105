"""Restoring: a schema is brought to the version of the backup and filled with its rows, in one transaction.

First the whole file is read and proven, and its migrations are compared with ours; nothing is touched before. Then, all of it
or nothing: the schema's tables are emptied, the program's own migrations go up or down to the number of the backup, the rows
are loaded in the order that foreign keys ask for, and everything is read again and compared with the digests in the backup. A
process that is killed leaves the database as it was.

The schema is never dropped: pgcrypto may live in it, and before PostgreSQL 13 a tenant cannot put it back.
Not here: asking, and the backup of what is there (cli/restore.py).
"""

from __future__ import annotations

import contextlib
import os
import re

from postern.base.database import SYSTEM, retrying
from postern.base.errors import BadInput, ConfigError, Conflict, PosternError
from postern.ops import migrate
from postern.ops.backups import backup, backup_file
from postern.ops.migrate import MigrationRefused
from postern.store import migrations, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.ops.backups.backup_file import Reader
    from postern.ops.backups.manifest import Manifest
    from postern.ops.migrate import Migration

_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


def examine(ring: KeyRing, path: str) -> Manifest:
    """Read all of a backup; returns its manifest. Refuses what is not whole, and what this program cannot restore."""
    manifest = backup.verify(ring, path)
    _check_migrations(manifest, migrate.read_files())
    return manifest


def restore(context: Context, path: str, schema: str | None = None) -> Manifest:
    """Replace what is in our schema, or fill another one that is new or empty. On any error all is as before."""
    manifest = examine(context.ring, path)
    files = migrate.read_files()
    ours = context.config.db_schema
    if schema is not None:
        _check_name(schema, ours)
    with backup_file.opened(context.ring, path) as reader, backup.patient(context, schema) as db:
        _check_same(reader, manifest)
        if schema is None:
            migrate.prepare_server(db, ours)
            migrate.status(db, files)
        retrying(lambda: _replace(db, schema or ours, files, reader, new=schema is not None))
    context.log.info("backup.restored", schema=schema or ours, created=manifest.created, rows=manifest.rows)
    return manifest


class _Rehearsed(Exception):
    """Ends a rehearsal's transaction."""


def rehearse(context: Context, path: str, look_up: Callable[[], None]) -> Manifest:
    """Restore it into a scratch schema, compare all rows with its digests, and take everything back, in one transaction.

    So nothing stays behind, however it ends. `look_up` is called at each piece of rows, and raises to end it.
    """
    manifest = examine(context.ring, path)
    schema = f"check_{os.urandom(6).hex()}"
    with backup_file.opened(context.ring, path) as reader, backup.patient(context, schema) as db:
        _check_same(reader, manifest)
        with contextlib.suppress(_Rehearsed):
            _replace(db, schema, migrate.read_files(), reader, new=True, ends=_Rehearsed, look_up=look_up)
    context.log.info("backup.rehearsed", file=os.path.basename(path), rows=manifest.rows)
    return manifest


def _check_migrations(manifest: Manifest, files: list[Migration]) -> None:
    if manifest.number > len(files):
        raise MigrationRefused(
            f"The backup is at migration {manifest.number}, this program knows {len(files)}.",
            f"Restore it with Postern {manifest.program} or a newer one.",
        )
    for step, file in zip(manifest.migrations, files):
        if (step.number, step.sha256) != (file.number, file.checksum.hex()):
            raise MigrationRefused(
                f"The backup was made with another {step.number:04}_{step.name}.up.sql than this program has.",
                f"Restore it with Postern {manifest.program} as it was released.",
            )


def _check_name(schema: str, ours: str) -> None:
    if not _NAME.fullmatch(schema):
        raise BadInput(
            f"{schema!r} cannot be the name of a schema.",
            "Use lower-case letters, digits and _, no digit first, no pg_.",
        )
    if schema == ours:
        raise BadInput(f"{schema} is the schema in use.", "To replace what is in it, leave out --into.")


def _check_same(reader: Reader, manifest: Manifest) -> None:
    if reader.manifest != manifest:
        raise Conflict("The file was exchanged while it was read.", "Run the command again.")


def _replace(
    db: Database,
    schema: str,
    files: list[Migration],
    reader: Reader,
    *,
    new: bool,
    ends: type[Exception] | None = None,
    look_up: Callable[[], None] = backup.on_and_on,
) -> None:
    """The one transaction. `ends`: raised at its end, so that it is taken back."""
    with db.transaction(SYSTEM):
        if new:
            make_schema(db, schema)
        migrations.lock(db)
        tables.empty(db)
        _move_to(db, files, reader.manifest.number)
        # Again: a migration may bring rows of its own.
        tables.empty(db)
        _load(db, reader, look_up)
        _compare(db, reader.manifest, look_up)
        if ends is not None:
            raise ends


def make_schema(db: Database, schema: str) -> None:
    """A schema beside ours, empty but for its ledger, in the transaction that is open. Conflict, ConfigError."""
    if not tables.is_free(db):
        raise Conflict(f"Schema {schema} holds something.", "Name one that does not exist, or is empty.")
    migrations.prepare(db, schema)
    if not migrations.makes_uuids(db) and not tables.borrow_uuids(db):
        raise ConfigError("This database has no gen_random_uuid().", "Run: postern migrate up")


def _move_to(db: Database, files: list[Migration], number: int) -> None:
    """Apply or take back migrations until the schema is at this one."""
    have = len(migrations.applied(db))
    for one in reversed(files[number:have]):
        migrations.erase(db, one.number)
        db.run(one.down)
    for one in files[have:number]:
        migrations.record(db, one.number, one.name, one.checksum)
        db.run(one.up)


def _load(db: Database, reader: Reader, look_up: Callable[[], None]) -> None:
    known = {table.name: table for table in tables.all_tables(db)}
    if {name: table.columns for name, table in known.items()} != {
        entry.name: entry.columns for entry in reader.manifest.tables
    }:
        raise _unlike("its tables are not those that its migrations make")
    tables.speak_utf8(db)
    with tables.without_walls(db):
        for entry, pieces in reader.tables():
            tables.fill(db, known[entry.name], _looked_at(pieces, look_up))
    for counter in reader.manifest.counters:
        if not tables.set_counter(db, counter):
            raise _unlike(f"{counter.table}.{counter.column} counts nothing here")


def _looked_at(pieces: Iterator[bytes], look_up: Callable[[], None]) -> Iterator[bytes]:
    for piece in pieces:
        look_up()
        yield piece


def _compare(db: Database, manifest: Manifest, look_up: Callable[[], None]) -> None:
    """What stands in the tables now is what stood in them then."""
    now = {entry.name: entry for entry in backup.read_all(db, look_up=look_up)}
    for entry in manifest.tables:
        if now[entry.name] != entry:
            raise _unlike(f"table {entry.name} reads otherwise than it was written")


def _unlike(what: str) -> PosternError:
    return PosternError(
        f"The backup does not fit: {what}.",
        "Nothing was changed. Restore it into another schema (--into) and look, or report it.",
    )
