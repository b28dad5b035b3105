"""postern backup"""

from __future__ import annotations

import os

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.ops.backups.manifest import Manifest


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(
        nouns,
        "backup",
        "write every row of the database into one sealed file",
        "postern backup --to /media/stick",
    )
    command.add_argument("--to", metavar="FOLDER", help="instead of home/backups")
    command.set_defaults(run=make_backup)


def make_backup(args: argparse.Namespace) -> None:
    """postern backup"""
    from postern.ops.backups import backup

    with common.instance() as context:
        path = backup.write(context, args.to or backup.default_folder(context.config))
        manifest = backup.read_manifest(context.ring, path)
    print(path)
    print(f"{in_words(manifest)}; {os.path.getsize(path):,} bytes.")


def in_words(manifest: Manifest) -> str:
    """What is in a backup."""
    return (
        f"{manifest.rows:,} rows of {len(manifest.tables)} tables at migration {manifest.number:04}, "
        f"from schema {manifest.schema} on {manifest.created}"
    )
