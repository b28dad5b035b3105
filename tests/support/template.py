"""Databases at the program's schema, copied: migrating takes six times as long as copying what was migrated before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from postern.ops.local.superuser import Superuser
from support.postgres import OWNER, Database, fresh_database
from support.store import migrated

_templates: dict[str, str] = {}
"""By the server's socket: the database that this process migrated there. It goes with the server."""


@contextlib.contextmanager
def ready_database(server: Superuser) -> Iterator[Database]:
    """A database of one test, as migrations leave an empty one."""
    if server.socket not in _templates:
        _templates[server.socket] = _migrate_one(server)
    with fresh_database(server, template=_templates[server.socket]) as made:
        yield made


def _migrate_one(server: Superuser) -> str:
    made = Database(server, f"ready_{os.getpid()}", OWNER)
    server.create_database(made.name, OWNER)
    try:
        migrated(made)
    except BaseException:
        server.drop_database(made.name)
        raise
    return made.name
