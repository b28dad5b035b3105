"""postern database …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "database", "how large the database is, and making room in it")
    size = common.verb(verbs, "size", "show the tables, the largest first", "postern database size")
    common.json_flag(size)
    size.set_defaults(run=show_size)
    vacuum = common.verb(
        verbs,
        "vacuum",
        "make the room of deleted rows usable again; mail flows meanwhile",
        "postern database vacuum",
    )
    vacuum.set_defaults(run=vacuum_tables)


def show_size(args: argparse.Namespace) -> None:
    """postern database size"""
    from postern.store import server

    with common.as_operator() as (_, db):
        found = server.tables(db)
    rows: list[dict[str, object]] = [
        {"table": one.name, "bytes": one.bytes, "rows": one.rows, "dead": one.dead, "vacuumed": one.vacuumed}
        for one in found
    ]
    common.show(rows, args.json, "")
    if not args.json:
        print(f"{sum(one.bytes for one in found) / 1e6:.1f} MB in {len(found)} tables. Rows are estimates.")


def vacuum_tables(args: argparse.Namespace) -> None:
    """postern database vacuum"""
    from postern.base.database import SYSTEM
    from postern.store import server

    with common.instance() as context, context.pool.connection() as db:
        with db.transaction(SYSTEM):
            before = server.tables(db)
        for one in before:
            server.vacuum(db, context.config.db_schema, one.name)
        with db.transaction(SYSTEM):
            after = server.tables(db)
    freed = sum(one.bytes for one in before) - sum(one.bytes for one in after)
    print(f"{len(before)} tables vacuumed; {max(freed, 0) / 1e6:.1f} MB given back to the disk.")
