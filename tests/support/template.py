"""Databases at the program's schema, copied: migrating takes six times as long as copying what was migrated before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from postern.ops.local.superuser import Superuser
from support.postgres import Database, fresh_database, make_database
from support.store import SCHEMA, migrated

_templates: dict[tuple[str, bool], str] = {}
"""By the server's socket, and whether the role owns it: the database that this process migrated there."""


@contextlib.contextmanager
def ready_database(server: Superuser, *, owned: bool = True) -> Iterator[Database]:
    """A database of one test, as migrations leave an empty one."""
    wanted = (server.socket, owned)
    if wanted not in _templates:
        _templates[wanted] = _migrate_one(server, owned)
    with fresh_database(server, owned=owned, template=_templates[wanted]) as made:
        with contextlib.closing(made.connect_superuser()) as superuser:
            # A young installation is judged more gently than one of half an hour.
            superuser.run(f"UPDATE {SCHEMA}.migrations SET applied_at = now()")
        yield made


def _migrate_one(server: Superuser, owned: bool) -> str:
    made = make_database(server, f"ready_{os.getpid()}_{owned}", owned=owned)
    try:
        migrated(made)
    except BaseException:
        server.drop_database(made.name)
        raise
    return made.name
