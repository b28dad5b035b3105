"""The tables of the schema as the catalog has them: what a backup reads, and what a restore empties and fills.

Statements that name a table are written by the server (quote_ident, format '%I') out of its own catalog: no name of a table
or column comes from elsewhere. All of it works on the schema of the search_path, as SYSTEM, in the transaction that is open.

Rows travel by binary COPY, columns in the order of their names, rows in the order of the primary key (text by bytes, whatever
the database's collation): equal rows are equal bytes, on every server and in whatever order they were written.

Not here: the ledger's rows (store/migrations.py); a backup names them in its manifest, a restore migrates.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postern.base.database import Database, Writer


@dataclass(frozen=True)
class Table:
    """A table of ours. `columns` with their types; `needs`: the tables that its foreign keys point to."""

    name: str
    columns: list[str]
    needs: list[str]
    reading: str
    filling: str


@dataclass(frozen=True)
class Counter:
    """An identity column, and the id that it gives next."""

    table: str
    column: str
    next_id: int


# PostgreSQL manual, SET TRANSACTION: before the first query. SET and LOCK take no snapshot, so it is of after the lock.
# The lock keeps migrations out, which lock the ledger too; mail does not meet it.
_SNAPSHOT = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL lock_timeout TO '60s';
SET LOCAL idle_in_transaction_session_timeout TO 0;
LOCK TABLE migrations IN SHARE MODE
"""


def take_snapshot(db: Database) -> None:
    """First in a transaction: from here on it sees one moment, and changes nothing."""
    db.run(_SNAPSHOT)


# COPY carries text in the client's encoding, which is otherwise that of the database.
_UTF8 = "SET LOCAL client_encoding TO 'UTF8'"


def speak_utf8(db: Database) -> None:
    """Before `read` and `fill`: the same text is the same bytes, whatever the database's encoding."""
    db.run(_UTF8)


_ALL = """
SELECT CAST(c.relname AS text) AS name, f.columns, n.needs,
       format('COPY (SELECT %s FROM %I ORDER BY %s) TO STDOUT (FORMAT binary)', f.names, c.relname, k.names) AS reading,
       format('COPY %I (%s) FROM STDIN (FORMAT binary)', c.relname, f.names) AS filling
FROM pg_class c
CROSS JOIN LATERAL (
    SELECT array_agg(concat_ws(' ', l.name, format_type(l.atttypid, l.atttypmod)) ORDER BY l.name COLLATE "C") AS columns,
           string_agg(quote_ident(l.name), ', ' ORDER BY l.name COLLATE "C") AS names
    FROM (SELECT CAST(a.attname AS text) AS name, a.atttypid, a.atttypmod FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) l) f
CROSS JOIN LATERAL (
    SELECT string_agg(concat(quote_ident(a.attname), CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' END), ', '
                      ORDER BY p.place) AS names
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY p (attnum, place)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum
    WHERE i.indrelid = c.oid AND i.indisprimary) k
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT CAST(r.relname AS text) COLLATE "C"), '{}') AS needs
    FROM pg_constraint o JOIN pg_class r ON r.oid = o.confrelid
    WHERE o.conrelid = c.oid AND o.contype = 'f' AND o.confrelid <> o.conrelid) n
WHERE c.relnamespace = to_regnamespace(current_setting('search_path')) AND c.relkind = 'r' AND c.relname <> 'migrations'
ORDER BY CAST(c.relname AS text) COLLATE "C"
"""


def all_tables(db: Database) -> list[Table]:
    """Every table but the ledger; each behind those that its foreign keys need."""
    from graphlib import TopologicalSorter

    found = {table.name: table for table in db.rows(Table, _ALL)}
    order = TopologicalSorter({name: table.needs for name, table in found.items()}).static_order()
    return [found[name] for name in order if name in found]


def read(db: Database, table: Table, sink: Writer) -> int:
    """Copy its rows into the sink; returns how many. When the sink raises, the connection is given up."""
    return db.copy_out(table.reading, sink)


def fill(db: Database, table: Table, pieces: Iterable[bytes]) -> None:
    """Add the rows that `read` gave. When `pieces` raises, the connection is given up, and so the transaction."""
    db.copy_in(table.filling, pieces)


# COPY … FROM refuses tables with row level security. Where it is not forced, it does not hold their owner.
_WALLS = """
SELECT coalesce(string_agg(format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', relname), '; '), 'SELECT 1'),
       coalesce(string_agg(format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relname), '; '), 'SELECT 1')
FROM pg_class WHERE relnamespace = to_regnamespace(current_setting('search_path')) AND relrowsecurity AND relforcerowsecurity
"""


@contextlib.contextmanager
def without_walls(db: Database) -> Iterator[None]:
    """Let the owner pass row level security. An error leaves it to the transaction, which is taken back."""
    ((lift, put_back),) = db.run(_WALLS)
    db.run(lift)
    yield
    db.run(put_back)


_EMPTYING = """
SELECT format('TRUNCATE TABLE %s', string_agg(quote_ident(relname), ', '))
FROM pg_class WHERE relnamespace = to_regnamespace(current_setting('search_path')) AND relkind = 'r' AND relname <> 'migrations'
HAVING count(*) > 0
"""


def empty(db: Database) -> None:
    """Delete every row; the ledger stays."""
    statement = db.value(_EMPTYING)
    if statement:
        db.run(statement)


_FILLED = """
SELECT format('SELECT %s', string_agg(format('EXISTS (SELECT 1 FROM %I)', relname), ' OR '))
FROM pg_class WHERE relnamespace = to_regnamespace(current_setting('search_path')) AND relkind = 'r' AND relname <> 'migrations'
HAVING count(*) > 0
"""


def are_filled(db: Database) -> bool:
    """Whether there is any row of ours, beside the ledger."""
    statement = db.value(_FILLED)
    return bool(statement and db.value(statement))


# From the sequences themselves: the view pg_sequences does not tell where one stands that was set and not used since.
_COUNTING = """
SELECT string_agg(format('SELECT CAST(%L AS text) AS "table", CAST(%L AS text) AS "column", '
                         'last_value + CAST(is_called AS integer) AS next_id FROM %I', c.relname, a.attname, s.relname),
                  ' UNION ALL ' ORDER BY CAST(c.relname AS text) COLLATE "C")
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_class c ON c.oid = d.refobjid
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.classid = CAST('pg_class' AS regclass) AND d.refclassid = CAST('pg_class' AS regclass) AND a.attidentity <> ''
  AND c.relnamespace = to_regnamespace(current_setting('search_path'))
"""


def counters(db: Database) -> list[Counter]:
    """Where each identity column stands."""
    statement = db.value(_COUNTING)
    return db.rows(Counter, statement) if statement else []


# Not setval(): that would stay when the transaction is taken back.
_RESTART = """
SELECT format('ALTER TABLE %I ALTER COLUMN %I RESTART WITH %s', c.relname, a.attname, CAST(:next_id AS bigint))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(current_setting('search_path'))
  AND c.relname = :table AND a.attname = :column AND a.attidentity <> ''
"""


def set_counter(db: Database, counter: Counter) -> bool:
    """Let it go on from there. False: there is no such identity column."""
    statement = db.value(_RESTART, table=counter.table, column=counter.column, next_id=counter.next_id)
    if statement:
        db.run(statement)
    return bool(statement)


_RELATIONS = """
SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(current_setting('search_path'))
"""


def is_free(db: Database) -> bool:
    """Whether the schema of the search_path is not there, or has no tables."""
    return not db.value(_RELATIONS)


# For a schema beside ours, before PostgreSQL 13: an extension is in one schema only.
_BORROWING = """
SELECT format('CREATE FUNCTION gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE AS %L',
              format('SELECT %I.gen_random_uuid()', n.nspname))
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pgcrypto'
"""


def borrow_uuids(db: Database) -> bool:
    """Make gen_random_uuid() known in this schema, by pgcrypto in another one. False: there is none."""
    statement = db.value(_BORROWING)
    if statement:
        db.run(statement)
    return bool(statement)


SCRATCH_PREFIX = "postern_bench_"
"""How the names of schemas begin that may be dropped."""

_DROPPING = """
SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
WHERE nspname = :schema AND left(nspname, length(:prefix)) = :prefix
"""


def drop_scratch(db: Database, schema: str) -> bool:
    """Drop a scratch schema with all that is in it. False: there is none of that name, or it is no scratch schema."""
    statement = db.value(_DROPPING, schema=schema, prefix=SCRATCH_PREFIX)
    if statement:
        db.run(statement)
    return bool(statement)
