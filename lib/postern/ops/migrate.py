"""Migrations: schema/NNNN_name.up.sql and .down.sql, applied once each, in order.

One transaction a migration (on the way back, one for all), begun by locking the ledger and writing its row: of two runners one
waits and then finds the work done. A file that changed after it was applied is refused by its checksum, a database newer than
the program by its number.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from postern.base import home
from postern.base.database import SYSTEM
from postern.base.errors import ConfigError, PosternError
from postern.ops import migration_locks
from postern.store import migrations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from postern.base.database import Database

_UP = re.compile(r"(\d{4})_([a-z0-9_]+)\.up\.sql")

OLDEST_SERVER = 100000
UUID_BUILT_IN = 130000


class MigrationRefused(ConfigError):
    """The database and the files of schema/ do not fit together."""


@dataclass(frozen=True)
class Migration:
    """A pair of files in schema/."""

    number: int
    name: str
    up: str
    down: str

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the .up.sql file."""
        return hashlib.sha256(self.up.encode()).digest()


@dataclass(frozen=True)
class State:
    """A migration and when this database got it (None: not yet)."""

    number: int
    name: str
    applied_at: datetime | None


def read_files(folder: str | None = None) -> list[Migration]:
    """The migrations of the program, in order. Numbers run from 1 without gaps; each has its way back."""
    folder = folder or os.path.join(home.program(), "schema")
    found = []
    for file in sorted(os.listdir(folder)):
        match = _UP.fullmatch(file)
        if match:
            up, down = (_read(os.path.join(folder, name)) for name in (file, file.replace(".up.", ".down.")))
            found.append(Migration(int(match[1]), match[2], up, down))
    if [one.number for one in found] != list(range(1, len(found) + 1)):
        raise MigrationRefused(
            "The files in schema/ are not numbered from 0001 without gaps.", "Upload the program anew."
        )
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        raise MigrationRefused(
            f"{os.path.basename(path)} cannot be read.", "Upload the program anew."
        ) from None


def status(db: Database, files: list[Migration]) -> list[State]:
    """Each migration and whether it is applied. Changes nothing; refuses what does not fit."""
    with db.transaction(SYSTEM):
        have = migrations.applied(db) if migrations.has_ledger(db) else []
    _check(files, have)
    when = {one.number: one.applied_at for one in have}
    return [State(one.number, one.name, when.get(one.number)) for one in files]


def _check(files: list[Migration], have: list[migrations.Applied]) -> None:
    if len(have) > len(files):
        raise MigrationRefused(
            f"The database is at migration {have[-1].number}, this program knows {len(files)}.",
            "Upload the newer program again, or go back with its `postern migrate down`.",
        )
    for file, row in zip(files, have):
        if (file.number, file.checksum) != (row.number, row.checksum):
            raise MigrationRefused(
                f"schema/{file.number:04}_{file.name}.up.sql changed after it was applied.",
                "Put the released file back: an applied migration is never edited.",
            )


def up(
    db: Database,
    schema: str,
    files: list[Migration],
    dry_run: bool = False,
    told: Callable[[str], None] = migration_locks.nobody,
) -> list[str]:
    """Apply what is missing; returns the names. A dry run does all of it in one transaction and takes it back.

    `told`: a sentence each time that it has to come again, for others held a table that it needs.
    """
    prepare_server(db, schema, dry_run)
    done: list[str] = []
    if dry_run:
        try:
            with db.transaction(SYSTEM):
                migrations.prepare(db, schema)
                if not migrations.makes_uuids(db):
                    migrations.enable_pgcrypto(db)
                while _apply_next(db, files, done):
                    pass
                raise _TakeBack
        except _TakeBack:
            return done
    with db.transaction(SYSTEM):
        migrations.prepare(db, schema)
    more = True
    while more:
        more = migration_locks.patiently(db, lambda: _apply_next(db, files, done), told)
    return done


class _TakeBack(Exception):
    """Ends a dry run's transaction."""


def _apply_next(db: Database, files: list[Migration], done: list[str]) -> bool:
    """Apply the first that is missing, in the transaction that is open. False: none is."""
    migrations.lock(db)
    have = migrations.applied(db)
    _check(files, have)
    if len(have) == len(files):
        return False
    one = files[len(have)]
    migration_locks.take(db, one.up)
    migrations.record(db, one.number, one.name, one.checksum)
    try:
        with migration_locks.in_use():
            db.run(one.up)
    except migration_locks.TablesInUse:
        raise
    except PosternError as error:
        raise MigrationRefused(
            f"Migration {one.number:04}_{one.name} failed: {error.reason}",
            f"The database is as it was. {error.remedy}",
        ) from None
    done.append(f"{one.number:04}_{one.name}")
    return True


def down(
    db: Database,
    files: list[Migration],
    count: int,
    give_up: bool = False,
    told: Callable[[str], None] = migration_locks.nobody,
) -> list[str]:
    """Take back the last `count` migrations, newest first; returns the names. What their tables held is gone.

    All of them or none: one that mail still waits for refuses, unless everything is given up. `told`: as for up().
    """
    return migration_locks.patiently(db, lambda: _down(db, files, count, give_up), told)


def _down(db: Database, files: list[Migration], count: int, give_up: bool) -> list[str]:
    done: list[str] = []
    if not migrations.has_ledger(db):
        return done
    migrations.lock(db)
    if give_up:
        migrations.give_up(db)
    have = migrations.applied(db)
    _check(files, have)
    going = files[max(0, len(have) - count) : len(have)]
    migration_locks.take(db, *(one.down for one in going))
    for one in reversed(going):
        migrations.erase(db, one.number)
        _take_back(db, one)
        done.append(f"{one.number:04}_{one.name}")
    return done


def _take_back(db: Database, one: Migration) -> None:
    try:
        with migration_locks.in_use():
            db.run(one.down)
    except migration_locks.TablesInUse:
        raise
    except PosternError as error:
        raise MigrationRefused(
            f"Migration {one.number:04}_{one.name} was not taken back: {error.reason}",
            f"The database is as it was. {error.remedy}",
        ) from None


def prepare_server(db: Database, schema: str, dry_run: bool = False) -> str:
    """See to gen_random_uuid(), by pgcrypto where it can be had; returns a sentence for the operator."""
    with db.transaction(SYSTEM):
        version, found = migrations.server_version(db), migrations.pgcrypto(db)
    if version < OLDEST_SERVER:
        raise MigrationRefused(
            f"PostgreSQL {version // 10000} is too old.",
            "Ask the host for version 10 or newer, or use a managed one.",
        )
    if not dry_run:
        # Committed before anything can be refused: the remedy below needs the schema to be there.
        with db.transaction(SYSTEM):
            migrations.prepare(db, schema)
    refused = ""
    if found == "available":
        refused = _enable_pgcrypto(db, schema, dry_run)
        found = found if refused or dry_run else "enabled"
    if version >= UUID_BUILT_IN:
        return f"pgcrypto is {found}{refused}; PostgreSQL 13 and newer make UUIDs without it, this is {version // 10000}."
    with db.transaction(SYSTEM):
        missing = not migrations.makes_uuids(db)
    if missing and (refused or found != "available"):
        place = " in another schema" if found == "enabled" else ""
        raise MigrationRefused(
            f"PostgreSQL {version // 10000} needs the extension pgcrypto in schema {schema}; it is {found}{place}{refused}.",
            _remedy(found, schema, dry_run),
        )
    return f"pgcrypto is {found}."


def _enable_pgcrypto(db: Database, schema: str, dry_run: bool) -> str:
    """Enable it; returns why not, or nothing. A dry run takes it back."""
    try:
        with db.transaction(SYSTEM):
            migrations.prepare(db, schema)
            migrations.enable_pgcrypto(db)
            if dry_run:
                raise _TakeBack
    except ConfigError as error:
        return f" ({error.reason})"
    except _TakeBack:
        pass
    return ""


def _remedy(found: str, schema: str, dry_run: bool) -> str:
    """What a superuser has to do so that gen_random_uuid() is found, before PostgreSQL 13."""
    if dry_run:
        return "Run `postern migrate up`: it makes the schema, and says what the host has to do."
    if found == "enabled":
        return (
            f"Have the host run as superuser in this database: ALTER EXTENSION pgcrypto SET SCHEMA {schema}"
        )
    first = "install PostgreSQL's contrib package, then " if found == "missing" else ""
    return (
        f"Have the host {first}run as superuser in this database: CREATE EXTENSION pgcrypto SCHEMA {schema}"
    )
