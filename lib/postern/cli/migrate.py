"""postern migrate …"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.database import Database
    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.ops.migrate import Migration


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "migrate", "bring the database to this program's schema")
    up = common.verb(
        verbs,
        "up",
        "show the plan, back up, and apply what is missing; mail waits for seconds at most before each",
        "postern migrate up --dry-run",
    )
    up.add_argument("--dry-run", action="store_true", help="do it in one transaction and take it back")
    _no_backup(up)
    up.set_defaults(run=migrate_up)
    down = common.verb(
        verbs,
        "down",
        "take back the last migrations, after a backup; what their tables held is gone",
        "postern migrate down 1 --yes",
    )
    down.add_argument("count", nargs="?", type=common.whole_number, default=1)
    down.add_argument("--yes", action="store_true", help="do not ask")
    _no_backup(down)
    down.set_defaults(run=migrate_down)
    status = common.verb(
        verbs, "status", "show each migration and when it was applied", "postern migrate status"
    )
    common.json_flag(status)
    status.set_defaults(run=migrate_status)


def _no_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-backup", action="store_true", help="do not back up first, as when the disk is full"
    )


def migrate_up(args: argparse.Namespace) -> None:
    """postern migrate up"""
    from postern.ops import migrate

    files = migrate.read_files()
    with common.instance() as context:
        with context.pool.connection() as db:
            print(migrate.prepare_server(db, context.config.db_schema, args.dry_run))
            states = migrate.status(db, files)
            missing = files[sum(1 for one in states if one.applied_at is not None) :]
            _show_plan(db, [(one, one.up) for one in missing])
        if missing and not args.dry_run and not args.no_backup:
            _back_up(context)
        with context.pool.connection() as db:
            done = migrate.up(db, context.config.db_schema, files, args.dry_run, print)
    word = "Would apply" if args.dry_run else "Applied"
    print(f"{word}: {', '.join(done)}." if done else "Nothing to do: the database is up to date.")


def migrate_down(args: argparse.Namespace) -> None:
    """postern migrate down"""
    from postern.ops import migrate

    files = migrate.read_files()
    with common.instance() as context:
        with context.pool.connection() as db:
            have = sum(1 for one in migrate.status(db, files) if one.applied_at is not None)
            going = files[max(0, have - args.count) : have]
            _show_plan(db, [(one, one.down) for one in reversed(going)])
        if not args.yes and not _agrees(args.count):
            raise BadInput("Nothing was taken back.", "Answer yes, or give --yes.")
        if going and not args.no_backup:
            _back_up(context)
        with context.pool.connection() as db:
            done = migrate.down(db, files, args.count, told=print)
    print(f"Took back: {', '.join(done)}." if done else "Nothing to take back.")


def _show_plan(db: Database, steps: list[tuple[Migration, str]]) -> None:
    """Each migration, and the tables in use that it locks, with how large they are."""
    from postern.base.database import SYSTEM
    from postern.ops import migration_locks

    with db.transaction(SYSTEM):
        for one, script in steps:
            print(f"{one.number:04}_{one.name}: {migration_locks.summary(script) or '-'}")
            for lock in migration_locks.of(db, script):
                if lock.waits and lock.table.bytes:
                    rows = f"about {max(lock.table.rows, 0):,} rows, {lock.table.bytes // 1024:,} KiB"
                    print(f"  locks {lock.table.name} against {lock.waits} ({rows})")


def _back_up(context: Context) -> None:
    from postern.ops.backups import backup

    kept = backup.write_if_filled(context, backup.default_folder(context.config))
    print(f"Backed up: {kept}" if kept else "There is nothing to back up.")


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
