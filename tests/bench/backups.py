"""How long a backup, a restore and a check take, and how much memory: the figures of docs/backup.md.

    PYTHONPATH=lib:tests python tests/bench/backups.py [ALIASES [MESSAGES]]

Not part of the suite: with a million aliases and 10,000 queued messages it fills 2 GB and takes some minutes.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from postern.ops.local.embedded import Postgres
from support.instance import Instance
from support.postgres import create_roles, fresh_database

MEASURED = """
import resource, sys
from postern.base.stop import Stop
from postern.flow.context import open_context
from postern.ops.backups import backup, daily, restore
context = open_context({}, "bench")
verb, where = sys.argv[1:]
if verb == "backup":
    backup.write(context, where)
elif verb == "restore":
    restore.restore(context, where)
else:
    daily.check(context, Stop())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

ALIASES = """
INSERT INTO aliases (user_id, domain_id, local) SELECT 1, 1, 'alias-' || n FROM generate_series(1, :many) n
"""
FORWARDS = """
INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id) SELECT id, 1, 1 FROM aliases ON CONFLICT DO NOTHING
"""
MAIL = """
INSERT INTO messages (uid, user_id, alias_id, source, size, mail_from_sealed, stream_header, chunk_count)
SELECT gen_random_uuid(), 1, 1, 'bench', 20000, sha256(n::text::bytea), '\\x02' || substring(sha256(n::text::bytea) FOR 24), 1
FROM generate_series(1, :many) n
"""
CHUNKS = """
INSERT INTO message_chunks (message_id, seq, data)
SELECT m.id, 0, (SELECT string_agg(sha256((m.id * 1000 + n)::text::bytea), '') FROM generate_series(1, 625) n) FROM messages m
"""
QUEUE = "INSERT INTO deliveries (uid, user_id, message_id, mailbox_id) SELECT gen_random_uuid(), 1, id, 1 FROM messages"


def fill(instance: Instance, aliases: int, many: int) -> None:
    """Straight into the tables: it is the amount that counts."""
    instance.query(ALIASES, many=aliases)
    instance.query(FORWARDS)
    instance.query(MAIL, many=many)
    instance.query(CHUNKS)
    instance.query(QUEUE)


def measure(instance: Instance, verb: str, where: str) -> str:
    """What it took, in words."""
    began = time.monotonic()
    run = [sys.executable, "-c", MEASURED, verb, where]
    out = subprocess.run(run, env=instance.environ, capture_output=True, text=True, check=True).stdout
    return f"{verb}: {time.monotonic() - began:.0f} s, {int(re.findall(r'[0-9]+', out)[-1]) // 1024} MiB"


def main(aliases: int = 1_000_000, many: int = 10_000) -> None:
    """Fill a database, and measure."""
    with tempfile.TemporaryDirectory() as folder, Postgres.start() as server:
        create_roles(server)
        with fresh_database(server) as place:
            settings = {
                **place.env,
                "POSTERN_RELAY_HOST": "127.0.0.1",
                "POSTERN_DB_STATEMENT_SECONDS": "3600",
            }
            with contextlib.closing(Instance(pathlib.Path(folder, "home"), settings)) as instance:
                instance.migrate()
                instance.people()
                print("nothing yet,", measure(instance, "backup", os.path.join(folder, "first")), flush=True)
                fill(instance, aliases, many)
                ((size,),) = instance.query("SELECT pg_database_size(current_database())")
                print(
                    f"{aliases:,} aliases, {many:,} messages; database {int(str(size)) // 2**20} MiB",
                    flush=True,
                )
                backups = os.path.join(instance.home, "backups")
                print(measure(instance, "backup", backups), flush=True)
                (name,) = (name for name in os.listdir(backups) if name.endswith(".backup"))
                path = os.path.join(backups, name)
                print(f"file: {os.path.getsize(path) // 2**20} MiB", flush=True)
                print(measure(instance, "check", path), flush=True)
                print(measure(instance, "restore", path), flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
