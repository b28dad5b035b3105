"""postern restore"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.cli import common
from postern.cli.backup import in_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.ops.backups.manifest import Manifest


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(
        nouns,
        "restore",
        "put the database back as it was in a backup; what came later is gone",
        "postern restore ~/.postern/backups/postern-20260131T120000Z-4.backup",
    )
    command.add_argument("file", metavar="FILE")
    command.add_argument("--into", metavar="SCHEMA", help="fill this new schema, and leave ours alone")
    command.add_argument(
        "--check", action="store_true", help="only read the file and say whether it is whole"
    )
    command.add_argument(
        "--discard", action="store_true", help="do not back up first what is there, as when the disk is full"
    )
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.set_defaults(run=restore_backup)


def restore_backup(args: argparse.Namespace) -> None:
    """postern restore"""
    from postern.ops.backups import restore

    with common.instance() as context:
        manifest = restore.examine(context.ring, args.file)
        print(f"The backup is whole: {in_words(manifest)}.")
        if args.check:
            return
        schema = args.into or context.config.db_schema
        if args.into is None:
            if not args.yes and not _agrees(schema):
                raise BadInput("Nothing was changed.", "Answer yes, or give --yes.")
            if not args.discard:
                _keep_what_is_there(context)
        restore.restore(context, args.file, args.into)
    print(f"Restored into schema {schema}.{_what_is_left(manifest)}")


def _keep_what_is_there(context: Context) -> None:
    from postern.ops.backups import backup

    kept = backup.write_if_filled(context, backup.default_folder(context.config))
    print(f"What was there before: {kept}" if kept else "There was nothing to keep.")


def _agrees(schema: str) -> bool:
    """Nobody there to answer (cron, a closed terminal) means no."""
    try:
        return input(f"Replace everything in schema {schema} by it? [yes/NO] ") == "yes"
    except EOFError:
        return False


def _what_is_left(manifest: Manifest) -> str:
    """An older backup leaves an older schema."""
    from postern.ops import migrate

    behind = len(migrate.read_files()) - manifest.number
    return f" It is {behind} migration(s) behind this program. Run: postern migrate up" if behind else ""
