"""A database as large as it may become, filled straight into the tables: many users with a thousand of everything.

Whoever has the id 1 among users has the same in a large one as in a small one, so what is asked for that user costs the same in
both, unless it grows with what others have.
"""

from __future__ import annotations

import contextlib

from pg8000.native import Connection

from support.postgres import Database as Place
from support.store import SCHEMA

EACH = 1000
"""Aliases, contacts and finished deliveries of a user; a tenth as many are due."""

GROWN = ("aliases", "alias_mailboxes", "contacts", "messages", "deliveries")

_FILL = f"""
INSERT INTO users (id, handle) SELECT n, 'user-' || n FROM generate_series(1, :users) n;
INSERT INTO domains (id, name, verified_at) VALUES (1, 'alias.example', now());
INSERT INTO mailboxes (id, uid, user_id, address_sealed, address_index, verified_at, is_default)
SELECT n, gen_random_uuid(), n, '\\x00', decode(lpad(to_hex(n), 16, '0'), 'hex'), now(), true
FROM generate_series(1, :users) n;
INSERT INTO aliases (id, user_id, domain_id, local)
SELECT n, 1 + (n - 1) / {EACH}, 1, 'alias-' || n FROM generate_series(1, :many) n;
INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id)
SELECT n, 1 + (n - 1) / {EACH}, 1 + (n - 1) / {EACH} FROM generate_series(1, :many) n;
INSERT INTO contacts (id, uid, user_id, alias_id, domain_id, address_sealed, address_index, reverse_local)
SELECT n, gen_random_uuid(), 1 + (n - 1) / {EACH}, n, 1, '\\x00', decode(lpad(to_hex(n), 16, '0'), 'hex'), 're-' || n
FROM generate_series(1, :many) n;
INSERT INTO messages
    (id, uid, user_id, alias_id, received_at, source, size, mail_from_sealed, stream_header, chunk_count, cleared_at)
SELECT n, gen_random_uuid(), 1 + (n - 1) / {EACH}, n, now() - n * interval '1 second', 'test', 4096, '\\x00', '\\x00', 1, now()
FROM generate_series(1, :many) n;
INSERT INTO deliveries (id, uid, user_id, message_id, mailbox_id, state, due_at, finished_at)
SELECT n, gen_random_uuid(), 1 + (n - 1) / {EACH}, n, 1 + (n - 1) / {EACH}, 'sent', now(), now() - n * interval '1 second'
FROM generate_series(1, :many) n;
INSERT INTO messages (id, uid, user_id, alias_id, source, size, mail_from_sealed, stream_header, chunk_count)
SELECT :many + n, gen_random_uuid(), 1 + (n - 1) / {EACH // 10}, 1 + (n - 1) * 10, 'test', 4096, '\\x00', '\\x00', 1
FROM generate_series(1, :due) n;
INSERT INTO deliveries (id, uid, user_id, message_id, mailbox_id, due_at)
SELECT :many + n, gen_random_uuid(), 1 + (n - 1) / {EACH // 10}, :many + n, 1 + (n - 1) / {EACH // 10},
    now() - n * interval '1 ms'
FROM generate_series(1, :due) n
"""


def fill(place: Place, many: int) -> None:
    """So many aliases, contacts and finished deliveries, and a tenth as many due ones; with statistics."""
    with contextlib.closing(place.connect_superuser()) as superuser:
        superuser.run(f"SET search_path TO {SCHEMA}; SET session_replication_role TO replica")
        superuser.run("SET maintenance_work_mem TO '256MB'; SET synchronous_commit TO off")
        set_indexes_ready(superuser, False)
        numbers = {"users": many // EACH, "many": many, "due": many // 10}
        text = _FILL
        for name, number in numbers.items():
            text = text.replace(f":{name}", str(number))
        for statement in text.split(";"):
            superuser.run(statement)
        for table in GROWN:
            superuser.run(f"REINDEX TABLE {table}")
        superuser.run("ANALYZE")


def set_indexes_ready(superuser: Connection, ready: bool) -> None:
    """Without their indexes rows go in three times as fast; REINDEX makes them ready again."""
    tables = ", ".join(f"'{SCHEMA}.{name}'::regclass" for name in GROWN)
    superuser.run(f"UPDATE pg_index SET indisready = {ready} WHERE indrelid IN ({tables})")
