"""Locks on whole tables, taken before a migration needs them, within a short time or not at all.

Who waits for a table stands in front of everybody that comes later, so a migration that waits lets mail wait. Therefore it
waits for MOST_SECONDS in all, gives up, lets mail through, and comes again.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base import clock
from postern.base.database import LockTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.base.database import Database

MODES = ("ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE")
"""From the weakest to the strongest (PostgreSQL manual, 13.3.1)."""

STOPS_WRITERS = MODES.index("SHARE")
"""From this one on, rows cannot be written by others; under ACCESS EXCLUSIVE not even read."""

MOST_SECONDS = 2
"""How long mail may wait behind us, each time we try."""


@dataclass(frozen=True)
class Table:
    """A table as the planner knows it: rows are an estimate, -1 where there is none."""

    name: str
    rows: int
    bytes: int


_SIZES = """
SELECT CAST(relname AS text) AS name, CAST(reltuples AS bigint) AS rows, pg_total_relation_size(oid) AS bytes
FROM pg_class WHERE relnamespace = to_regnamespace(current_setting('search_path')) AND relkind = 'r'
"""


def tables(db: Database) -> dict[str, Table]:
    """Every table of the schema."""
    return {table.name: table for table in db.rows(Table, _SIZES)}


_INDEXED = """
SELECT CAST(i.relname AS text), CAST(t.relname AS text)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
WHERE t.relnamespace = to_regnamespace(current_setting('search_path'))
"""


def indexes(db: Database) -> dict[str, str]:
    """Index -> its table."""
    return dict(db.run(_INDEXED))


@dataclass(frozen=True)
class ForeignKey:
    """Its triggers stand on both tables."""

    table: str
    name: str
    columns: list[str]
    points_to: str


_FOREIGN_KEYS = """
SELECT CAST(t.relname AS text) AS "table", CAST(c.conname AS text) AS name, CAST(r.relname AS text) AS points_to,
       (SELECT array_agg(CAST(a.attname AS text)) FROM pg_attribute a
        WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
WHERE c.contype = 'f' AND t.relnamespace = to_regnamespace(current_setting('search_path'))
"""


def foreign_keys(db: Database) -> list[ForeignKey]:
    """Every foreign key of the schema."""
    return db.rows(ForeignKey, _FOREIGN_KEYS)


_WAIT = "SELECT set_config('lock_timeout', CAST(:milliseconds AS text), true)"


def take(db: Database, wanted: Mapping[str, str]) -> None:
    """Lock each table (name -> one of MODES) until the end of the transaction. LockTimeout when that takes too long in all."""
    until = clock.elapsed() + MOST_SECONDS
    known = tables(db)
    for name in sorted(name for name in wanted if name in known):
        left = int((until - clock.elapsed()) * 1000)
        if left <= 0:
            raise LockTimeout("Somebody else holds a lock for long.", "Try again in a moment.")
        assert wanted[name] in MODES, "no word from elsewhere gets into the statement"
        db.run(_WAIT, milliseconds=left)
        db.run(f'LOCK TABLE "{name}" IN {wanted[name]} MODE')
    db.run(_WAIT, milliseconds=MOST_SECONDS * 1000)
