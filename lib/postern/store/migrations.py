"""The ledger of migrations, and what a migration needs to know of the server. The files themselves are in schema/."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database


@dataclass(frozen=True)
class Applied:
    """A migration that this database has."""

    number: int
    name: str
    checksum: bytes
    applied_at: datetime


# Of two that make the same name at once, IF NOT EXISTS lets the second one fail. The number means nothing.
_ONE_MAKER = "SELECT pg_advisory_xact_lock(7067375)"

_SCHEMA_EXISTS = "SELECT to_regnamespace(current_setting('search_path')) IS NOT NULL"

_LEDGER_EXISTS = "SELECT to_regclass('migrations') IS NOT NULL"

_MAKE_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE migrations IS 'Which files of schema/ this database has.';
COMMENT ON COLUMN migrations.checksum IS 'SHA-256 of the .up.sql file as it was applied.';
"""


def prepare(db: Database, schema: str) -> None:
    """Make the schema and the ledger where they are missing. `schema` was checked to be a plain name by base/config.py."""
    db.run(_ONE_MAKER)
    if not db.value(_SCHEMA_EXISTS):
        db.run(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    if not has_ledger(db):
        db.run(_MAKE_LEDGER)


def has_ledger(db: Database) -> bool:
    """Whether anything was ever migrated here."""
    return bool(db.value(_LEDGER_EXISTS))


# A migration may take its time, but mail must not wait behind it for a lock.
_PATIENCE = "SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO '10s'"

_LOCK = "LOCK TABLE migrations IN EXCLUSIVE MODE"


def lock(db: Database) -> None:
    """One runner at a time, until the end of the transaction."""
    db.run(_PATIENCE)
    db.run(_LOCK)


_APPLIED = "SELECT number, name, checksum, applied_at FROM migrations ORDER BY number"


def applied(db: Database) -> list[Applied]:
    """What this database has, in order."""
    return db.rows(Applied, _APPLIED)


_RECORD = "INSERT INTO migrations (number, name, checksum) VALUES (:number, :name, :checksum)"


def record(db: Database, number: int, name: str, checksum: bytes) -> None:
    """Note it, before its file runs."""
    db.run(_RECORD, number=number, name=name, checksum=checksum)


_ERASE = "DELETE FROM migrations WHERE number = :number"


def erase(db: Database, number: int) -> None:
    """It was taken back."""
    db.run(_ERASE, number=number)


_GIVE_UP = "SET LOCAL postern.give_up TO 'on'"


def give_up(db: Database) -> None:
    """Until the end of the transaction, the way back does not mind what is lost."""
    db.run(_GIVE_UP)


_VERSION = "SELECT CAST(current_setting('server_version_num') AS integer)"


def server_version(db: Database) -> int:
    """As PostgreSQL counts: 100023 is 10.23."""
    return int(db.value(_VERSION))


_UUID_KNOWN = "SELECT to_regprocedure('gen_random_uuid()') IS NOT NULL"


def makes_uuids(db: Database) -> bool:
    """Whether gen_random_uuid() is there for us: built in from 13 on, from pgcrypto before."""
    return bool(db.value(_UUID_KNOWN))


_EXTENSION = """
SELECT CASE WHEN e.extname IS NOT NULL THEN 'enabled' WHEN a.name IS NOT NULL THEN 'available' ELSE 'missing' END
FROM (SELECT CAST('pgcrypto' AS name) AS name) w
LEFT JOIN pg_extension e ON e.extname = w.name LEFT JOIN pg_available_extensions a ON a.name = w.name
"""


def pgcrypto(db: Database) -> str:
    """enabled, available (on the server, not in this database) or missing."""
    return str(db.value(_EXTENSION))


_ENABLE = "CREATE EXTENSION IF NOT EXISTS pgcrypto"


def enable_pgcrypto(db: Database) -> None:
    """Enable it in our schema. Before PostgreSQL 13 only a superuser may."""
    db.run(_ENABLE)
