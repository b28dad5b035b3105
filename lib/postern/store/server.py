"""The database server as seen by us: size, connections, clock, and what the last hours brought."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database


@dataclass(frozen=True)
class Server:
    """`most` connections that our role may have; `now` is Unix time."""

    bytes: int
    connections: int
    most: int
    now: float
    schema_seconds: int


_LOOK = """
SELECT pg_database_size(current_database()) AS bytes,
       (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user) AS connections,
       CAST(least(CASE WHEN r.rolconnlimit < 0 THEN NULL ELSE r.rolconnlimit END,
                  CASE WHEN d.datconnlimit < 0 THEN NULL ELSE d.datconnlimit END,
                  CAST(current_setting('max_connections') AS integer)) AS bigint) AS most,
       CAST(extract(epoch FROM clock_timestamp()) AS double precision) AS now,
       (SELECT CAST(extract(epoch FROM now() - max(applied_at)) AS bigint) FROM migrations) AS schema_seconds
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()
"""


def look(db: Database) -> Server:
    """How it is now. `schema_seconds`: since the last migration."""
    found = db.row(Server, _LOOK)
    assert found is not None
    return found


@dataclass(frozen=True)
class Table:
    """A table of ours: bytes with indexes; rows as last estimated, live and dead."""

    name: str
    bytes: int
    rows: int
    dead: int
    vacuumed: datetime | None


_TABLES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes, greatest(CAST(c.reltuples AS bigint), 0) AS rows,
       coalesce(s.n_dead_tup, 0) AS dead, greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed
FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind = 'r' ORDER BY 2 DESC, 1
"""


def tables(db: Database) -> list[Table]:
    """The largest first."""
    return db.rows(Table, _TABLES)


def vacuum(db: Database, schema: str, table: str) -> None:
    """Make room of a table's dead rows, and count anew. Outside a transaction; both names come from the catalog."""
    db.run(f'VACUUM (ANALYZE) "{schema}"."{table}"')


@dataclass(frozen=True)
class Course:
    """How deliveries ended: failed within the last hour; sent and bounced within the last day."""

    failed: int
    sent: int
    bounced: int


_COURSE = """
SELECT count(*) FILTER (WHERE kind = 'failed' AND at > now() - interval '1 hour') AS failed,
       count(*) FILTER (WHERE kind = 'sent') AS sent, count(*) FILTER (WHERE kind = 'bounced') AS bounced
FROM events WHERE at > now() - interval '1 day' AND kind IN ('failed', 'sent', 'bounced')
"""


def course(db: Database) -> Course:
    """Over all users."""
    found = db.row(Course, _COURSE)
    assert found is not None
    return found


_NEWEST = "SELECT CAST(extract(epoch FROM now() - max(received_at)) AS bigint) FROM messages"


def newest_mail_seconds(db: Database) -> int | None:
    """Since the newest message of any user came; None when there is none."""
    found: int | None = db.value(_NEWEST)
    return found
