"""A database with rows in every table, some of them odd, for tests of backups."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from postern.base.database import SYSTEM, Database
from support.instance import Instance
from support.store import add_message, add_tenant, furnish

_NOBODYS = """
INSERT INTO fingerprints (fingerprint, seen_at) VALUES ('\\x00ff0a', '2026-01-31 12:00:00.123456+00'), ('', 'infinity');
INSERT INTO webhook_ids (id) VALUES ('b'), ('B'), ('a'), ('ä'), ('Z'), ('é');
INSERT INTO relays (name, trouble)
VALUES ('relay.example:587', E'a\\ttab, a \\\\, a \\'quote\\', a\\r\\nline, \\\\N and Grüße ✉');
INSERT INTO relay_usage (relay, slot, sent) VALUES ('relay.example:587', '2026-01-31 12:00+00', -3);
INSERT INTO jobs (job, home, started_at, ok) VALUES ('deliver', '', '2026-01-31', NULL), ('purge', 'h', '2026-01-31', false);
INSERT INTO findings (name, home, ok, detail, seen_at, since, streak)
VALUES ('queue', '', true, '', '2026-01-31', '2026-01-31', 0);
INSERT INTO canaries (uid, sent_at) VALUES ('00000000-0000-4000-8000-000000000000', '2026-01-31');
INSERT INTO figures (name, at, value) VALUES ('sent', '2026-01-31', 3);
INSERT INTO job_leases (job, home, taken_at, until) VALUES ('purge', 'h', '2026-01-31', 'infinity');
INSERT INTO retired_addresses (address_index) VALUES ('\\x00ff');
INSERT INTO invitations (token_index, made_by, expires_at) VALUES ('\\x01', 'operator', '2026-01-31');
INSERT INTO admin_acts (actor, act) VALUES ('operator', 'delete user')
"""


@contextlib.contextmanager
def filled(instance: Instance) -> Iterator[Instance]:
    """It, migrated, with rows in every table; closed in the end."""
    with contextlib.closing(instance):
        instance.migrate()
        with instance.context().pool.connection() as db:
            fill(db)
        yield instance


def fill(db: Database) -> None:
    """Two tenants, a message of three chunks, and the tables of nobody. Some ids are used up and gone."""
    jane = add_tenant(db, "jane")
    kim = add_tenant(db, "kim")
    with db.transaction(SYSTEM):
        furnish(db, jane)
        furnish(db, kim)
        add_message(db, jane.id, jane.alias.id, [jane.mailbox.id], [b"a" * 65536, b"b" * 65536, b""])
        db.run(_NOBODYS)
        db.run("INSERT INTO users (handle) VALUES ('gone'); DELETE FROM users WHERE handle = 'gone'")
