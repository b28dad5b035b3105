"""postern migrate …"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "migrate", "bring the database to this program's schema")
    up = common.verb(verbs, "up", "apply what is missing", "postern migrate up --dry-run")
    up.add_argument("--dry-run", action="store_true", help="do it in one transaction and take it back")
    up.set_defaults(run=migrate_up)
    down = common.verb(
        verbs,
        "down",
        "take back the last migrations; what their tables held is gone",
        "postern migrate down 1 --yes",
    )
    down.add_argument("count", nargs="?", type=common.whole_number, default=1)
    down.add_argument("--yes", action="store_true", help="do not ask")
    down.set_defaults(run=migrate_down)
    status = common.verb(
        verbs, "status", "show each migration and when it was applied", "postern migrate status"
    )
    common.json_flag(status)
    status.set_defaults(run=migrate_status)


def migrate_up(args: argparse.Namespace) -> None:
    """postern migrate up"""
    from postern.ops import migrate

    with common.instance() as context, context.pool.connection() as db:
        print(migrate.prepare_server(db, context.config.db_schema, args.dry_run))
        done = migrate.up(db, context.config.db_schema, migrate.read_files(), args.dry_run)
    word = "Would apply" if args.dry_run else "Applied"
    print(f"{word}: {', '.join(done)}." if done else "Nothing to do: the database is up to date.")


def migrate_down(args: argparse.Namespace) -> None:
    """postern migrate down"""
    from postern.ops import migrate

    if not args.yes and not _agrees(args.count):
        raise BadInput("Nothing was taken back.", "Answer yes, or give --yes.")
    with common.instance() as context, context.pool.connection() as db:
        done = migrate.down(db, migrate.read_files(), args.count)
    print(f"Took back: {', '.join(done)}." if done else "Nothing to take back.")


def _agrees(count: int) -> bool:
    """Nobody there to answer (cron, a closed terminal) means no."""
    try:
        return input(f"Take back {count} migration(s) and lose what their tables hold? [yes/NO] ") == "yes"
    except EOFError:
        return False


def migrate_status(args: argparse.Namespace) -> None:
    """postern migrate status"""
    from postern.ops import migrate

    with common.instance() as context, context.pool.connection() as db:
        states = migrate.status(db, migrate.read_files())
    rows: list[dict[str, object]] = [
        {"number": f"{s.number:04}", "name": s.name, "applied": s.applied_at} for s in states
    ]
    common.show(rows, args.json, "There are no migrations.")
