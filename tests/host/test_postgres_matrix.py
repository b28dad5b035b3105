"""The oldest, a middle and the newest PostgreSQL that Postern works with (tests/conftest.py: matrix_server).

Migrations, the whole road, tenancy, the spool, drains at once; as the role that owns its database, as one that was merely
granted ALL on it, or as both.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import pathlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from pg8000.exceptions import DatabaseError

import postern.store
from postern.base.config import load
from postern.base.connect import connect
from postern.base.database import SYSTEM, Database
from postern.base.errors import ConfigError, PosternError
from postern.ops import keys, migrate
from postern.ops.local.embedded import Postgres
from postern.store import migrations
from support.fixtures import relay_env
from support.instance import Instance
from support.mail import body_of, message, parsed
from support.postgres import Database as Place
from support.postgres import fresh_database
from support.queue import put
from support.relay import ScriptedRelay

pytestmark = pytest.mark.tier("postgres-matrix")

REMEDY = re.compile(r"as superuser in this database: (.+)")
MIGRATIONS = [f"{one.number:04}_{one.name}" for one in migrate.read_files()]
SCHEMA = "postern"


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda _: None)


@pytest.fixture(params=[True, False], ids=["owner", "granted"])
def place(request: pytest.FixtureRequest, matrix_server: Postgres) -> Iterator[Place]:
    """An empty database of this server, and a role for it."""
    with fresh_database(matrix_server, owned=request.param) as fresh:
        yield fresh


as_owner = pytest.mark.parametrize("place", [True], ids=["owner"], indirect=True)
as_granted = pytest.mark.parametrize("place", [False], ids=["granted"], indirect=True)
"""Where one of the two will do."""


@contextlib.contextmanager
def connected(place: Place) -> Iterator[Database]:
    """As the program connects."""
    settings = {
        **place.env,
        **keys.fresh(),
        "POSTERN_URL": "http://localhost",
        "POSTERN_RELAY_HOST": "localhost",
    }
    with contextlib.closing(connect(load("/nonexistent", settings))) as db:
        yield db


def major(db: Database) -> int:
    with db.transaction(SYSTEM):
        return migrations.server_version(db) // 10000


def bring_up(place: Place, db: Database) -> list[str]:
    """Migrate, with the host's help where PostgreSQL is older than 13."""
    try:
        return migrate.up(db, SCHEMA, migrate.read_files())
    except migrate.MigrationRefused as refused:
        assert major(db) < 13
        follow(place, refused)
        return migrate.up(db, SCHEMA, migrate.read_files())


def follow(place: Place, refused: migrate.MigrationRefused) -> str:
    """Do to the letter what the error says; returns that."""
    told = REMEDY.search(refused.remedy)
    assert told, refused
    with place.connect_superuser() as superuser:
        superuser.run(told[1])
    return told[1]


def made(db: Database) -> set[tuple[str, ...]]:
    """Everything in the schema that a migration can make; what an extension brought does not count."""
    with db.transaction(SYSTEM):
        found = db.run(
            """
            SELECT 'relation', c.relname, c.relkind::text, coalesce(obj_description(c.oid, 'pg_class'), '') FROM pg_class c
            WHERE c.relnamespace = to_regnamespace('postern')
            UNION ALL
            SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod) || a.attnotnull::text
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = to_regnamespace('postern') AND a.attnum > 0 AND NOT a.attisdropped
            UNION ALL
            SELECT 'constraint', conname::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = to_regnamespace('postern')
            UNION ALL
            SELECT 'policy', tablename::text, policyname::text, qual FROM pg_policies WHERE schemaname = 'postern'
            """
        )
    return {tuple(str(word) for word in row) for row in found}


def test_migrations_go_up_and_down_and_up_again(place: Place) -> None:
    with connected(place) as db:
        assert bring_up(place, db) == MIGRATIONS
        first = made(db)
        assert {"users", "deliveries", "relays"} <= {row[1] for row in first if row[0] == "relation"}
        assert migrate.up(db, SCHEMA, migrate.read_files()) == []
        assert migrate.down(db, migrate.read_files(), len(MIGRATIONS)) == MIGRATIONS[::-1]
        assert {row[1] for row in made(db) if row[0] == "relation"} == {"migrations", "migrations_pkey"}
        assert migrate.up(db, SCHEMA, migrate.read_files()) == MIGRATIONS
        assert made(db) == first


@as_owner
def test_a_dry_run_says_what_it_would_do_and_leaves_nothing(place: Place) -> None:
    with connected(place) as db:
        if major(db) < 13:
            with pytest.raises(migrate.MigrationRefused, match="needs the extension pgcrypto"):
                migrate.up(db, SCHEMA, migrate.read_files(), dry_run=True)
        else:
            assert migrate.up(db, SCHEMA, migrate.read_files(), dry_run=True) == MIGRATIONS
        assert made(db) == set()
        with db.transaction(SYSTEM):
            assert db.value("SELECT to_regnamespace('postern') IS NULL")
            assert not db.value("SELECT count(*) FROM pg_extension WHERE extname = 'pgcrypto'")


@as_granted
def test_where_a_superuser_must_enable_pgcrypto_the_error_says_how(
    place: Place, tmp_path: pathlib.Path, relay: ScriptedRelay
) -> None:
    """The whole way of an operator: the command, its words, what the host runs, the command again."""
    made_here = Instance(tmp_path / "home", {**place.env, **relay_env(relay)})
    with connected(place) as db:
        old = major(db) < 13
    if not old:
        assert "pgcrypto is enabled" in made_here.cli("migrate", "up")
        return
    assert "0001" in made_here.cli("migrate", "status")
    said = made_here.cli("migrate", "up", code=78)
    assert "PostgreSQL 10 needs the extension pgcrypto in schema postern" in said
    told = REMEDY.search(said)
    assert told
    with place.connect_superuser() as superuser:
        superuser.run(told[1])
    assert f"Applied: {', '.join(MIGRATIONS)}" in made_here.cli("migrate", "up")
    assert "Nothing to do" in made_here.cli("migrate", "up")


@as_owner
def test_pgcrypto_in_another_schema_is_moved_or_not_needed(place: Place) -> None:
    """A host that runs CREATE EXTENSION by its own habit puts it into public."""
    with place.connect_superuser() as superuser:
        superuser.run("CREATE EXTENSION pgcrypto SCHEMA public")
    with connected(place) as db:
        if major(db) >= 13:
            assert migrate.up(db, SCHEMA, migrate.read_files()) == MIGRATIONS
            return
        with pytest.raises(migrate.MigrationRefused) as refused:
            migrate.up(db, SCHEMA, migrate.read_files())
        assert "ALTER EXTENSION" in follow(place, refused.value)
        assert migrate.up(db, SCHEMA, migrate.read_files()) == MIGRATIONS


@as_owner
def test_a_role_that_may_not_create_in_the_database_works_in_a_schema_made_for_it(place: Place) -> None:
    """Then pgcrypto cannot be had, which is said, and fine from PostgreSQL 13 on."""
    with place.connect_superuser() as superuser:
        superuser.run(f'ALTER DATABASE "{place.name}" OWNER TO postgres')
        superuser.run(f'REVOKE ALL ON DATABASE "{place.name}" FROM "{place.user}"')
        superuser.run(f'CREATE SCHEMA postern AUTHORIZATION "{place.user}"')
    with connected(place) as db:
        if major(db) >= 13:
            said = migrate.prepare_server(db, SCHEMA)
            assert "pgcrypto is available (" in said
            assert "make UUIDs without it" in said
        assert bring_up(place, db) == MIGRATIONS


@as_granted
def test_a_role_that_may_create_nothing_is_told_what_it_lacks(place: Place) -> None:
    with place.connect_superuser() as superuser:
        superuser.run(f'ALTER DATABASE "{place.name}" OWNER TO postgres')
        superuser.run(f'REVOKE ALL ON DATABASE "{place.name}" FROM "{place.user}"')
    with connected(place) as db:
        with pytest.raises(ConfigError) as refused:
            migrate.up(db, SCHEMA, migrate.read_files())
        assert "GRANT CREATE ON DATABASE" in refused.value.remedy
        with place.connect_superuser() as superuser:
            superuser.run(f'GRANT CREATE ON DATABASE "{place.name}" TO "{place.user}"')
        assert bring_up(place, db) == MIGRATIONS


def statements() -> list[tuple[str, str]]:
    """Every SQL constant of store/: its place, its text."""
    found = []
    for info in pkgutil.iter_modules(postern.store.__path__):
        module = importlib.import_module(f"postern.store.{info.name}")
        names = re.findall(r"^(_[A-Z_]+) = ", inspect.getsource(module), re.MULTILINE)
        found += [
            (f"{info.name}.{name}", text) for name in names if isinstance(text := getattr(module, name), str)
        ]
    return found


@as_owner
def test_every_statement_of_the_store_is_understood(place: Place) -> None:
    """Parsed and planned by the server, types of parameters included; nothing is run."""
    with connected(place) as db:
        bring_up(place, db)
    refused = {}
    prepared = 0
    with place.connect() as connection:
        connection.run(f"SET search_path TO {SCHEMA}")
        for name, text in statements():
            if ";" in text:
                continue  # several at once travel unprepared, and every migration runs them
            try:
                connection.prepare(text).close()
            except DatabaseError as error:
                refused[name] = error.args
            prepared += 1
    assert not refused
    assert prepared > 50


@pytest.fixture
def instance(place: Place, tmp_path: pathlib.Path, relay: ScriptedRelay) -> Iterator[Instance]:
    """A migrated instance on it, with a user, a mailbox and an alias."""
    with connected(place) as db:
        bring_up(place, db)
    running = Instance(tmp_path / "home", {**place.env, **relay_env(relay)})
    running.people()
    try:
        yield running
    finally:
        running.close()


def test_the_whole_road(instance: Instance, relay: ScriptedRelay) -> None:
    """In by the site, out by the drain; then the operator's commands, and the pruning."""
    sent = [
        message("Plain"),
        message("Gr\u00fc\u00dfe", "sch\u00f6n\r\n".encode("latin-1")),
        message("Large", b"0123456789abcdef\r\n" * 40_000),
    ]
    with instance.served() as site:
        assert [instance.post(site, mime).receipt for mime in sent] == ["stored"] * 3
        assert instance.post(site, sent[2]).receipt == "duplicate"
        assert instance.post(site, message(), rcpt_to="nobody@alias.example").reject.startswith("5.1.1")
    instance.finish()
    assert instance.states() == {"sent": 3}
    assert sorted(body_of(got.content) for got in relay.messages) == sorted(body_of(mime) for mime in sent)
    assert instance.query("SELECT count(*) FROM message_chunks") == [[0]]
    assert instance.query("SELECT job, ok FROM jobs ORDER BY job") == [["deliver", True], ["purge", True]]
    assert instance.query("SELECT sum(sent) FROM relay_usage") == [[3]]
    assert "sent" in instance.cli("user", "events", "jane")
    assert "fail" not in instance.cli("health")


@as_owner
def test_what_the_relay_refuses_waits_fails_and_is_tried_again(
    instance: Instance, relay: ScriptedRelay
) -> None:
    relay.follow({"rcpt": ["450 4.2.0 later", "550 5.1.1 nobody", None]})
    put(instance, instance.context(), message())
    instance.drain()
    assert instance.query("SELECT state, due_at > now() + interval '40 seconds' FROM deliveries") == [
        ["queued", True]
    ]
    (((number,),)) = instance.query("SELECT id FROM deliveries")
    assert "retried" in instance.cli("queue", "retry", str(number))
    instance.drain()
    assert instance.states() == {"failed": 1}
    assert "550" in instance.cli("queue", "list")
    instance.cli("queue", "retry", str(number))
    instance.drain()
    assert (instance.states(), relay.count) == ({"sent": 1}, 1)


TENANT_TABLES = """
SELECT c.relname, c.relforcerowsecurity FROM pg_class c
WHERE c.relnamespace = to_regnamespace('postern') AND c.relkind = 'r' AND c.relrowsecurity ORDER BY c.relname
"""


@as_granted
def test_a_user_sees_and_makes_only_what_is_his(
    instance: Instance, place: Place, relay: ScriptedRelay
) -> None:
    instance.cli("user", "add", "joe")
    instance.cli("domain", "add", "joes.example", "--user", "joe")
    instance.cli("mailbox", "add", "joe", "joe@elsewhere.example", "--verified")
    instance.cli("alias", "add", "joe", "shop@joes.example", "--mailbox", "joe@elsewhere.example")
    context = instance.context()
    put(instance, context, message())
    put(instance, context, message(), message(), rcpt_to="shop@joes.example")
    relay.follow({"rcpt": "450 4.2.0 later"})
    instance.drain()
    with place.connect() as nobody:
        tables = nobody.run(TENANT_TABLES)
        assert len(tables) >= 8
        assert all(forced for _, forced in tables)
        for name, _ in tables:
            assert nobody.run(f"SELECT count(*) FROM postern.{name}") == [[0]], f"{name}: no tenant named"
    (jane,), (joe,) = instance.query("SELECT id FROM users ORDER BY handle")
    with context.pool.connection() as db:
        seen = {user: look(db, int(str(user)), tables) for user in (jane, joe)}
        assert (seen[jane]["messages"], seen[joe]["messages"]) == ([jane], [joe, joe])
        for user, rows in seen.items():
            assert all(set(owners) <= {user} for owners in rows.values()), rows
            assert all(rows[name] for name in ("mailboxes", "aliases", "contacts", "deliveries", "events"))
        with pytest.raises(PosternError, match="row-level security"), db.transaction(int(str(jane))):
            db.run(
                "INSERT INTO contacts (uid, user_id, alias_id, domain_id, address_sealed, address_index, reverse_local)"
                " SELECT md5('x')::uuid, :joe, 1, 1, '', '', 're-x'",
                joe=joe,
            )
        with db.transaction(int(str(jane))):
            assert db.count("UPDATE aliases SET enabled = false WHERE local = 'shop'") == 1
            assert db.count("DELETE FROM deliveries") == 1
    assert instance.query("SELECT count(*) FROM deliveries") == [[2]]


def look(db: Database, user: int, tables: list[list[object]]) -> dict[str, list[object]]:
    """Whose rows this tenant sees. Domains without an owner are everybody's."""
    found: dict[str, list[object]] = {}
    with db.transaction(user):
        for name, _ in tables:
            if name in ("admin_acts", "invitations"):
                assert db.run(f"SELECT count(*) FROM {name}") == [[0]], "the program's own"
                continue
            owner = "id" if name == "users" else "user_id"
            rows = db.run(f"SELECT {owner} FROM {name} WHERE {owner} IS NOT NULL")
            found[str(name)] = [value for (value,) in rows]
    return found


@as_granted
def test_what_was_spooled_while_the_database_was_away_is_imported(
    instance: Instance, relay: ScriptedRelay
) -> None:
    mimes = [message(), message(body=b"large\r\n" * 100_000)]
    where = instance.settings["POSTERN_DB_HOST"]
    instance.write_env(POSTERN_DB_HOST=instance.home)
    with instance.served() as site:
        assert [instance.post(site, mime).receipt for mime in mimes] == ["spooled", "spooled"]
        assert instance.post(site, message(), rcpt_to="nobody@alias.example").receipt == "spooled"
    instance.write_env(POSTERN_DB_HOST=where)
    instance.drain()
    assert instance.states() == {"sent": 2}
    assert sorted(body_of(got.content) for got in relay.messages) == sorted(body_of(mime) for mime in mimes)
    assert {name: len(os.listdir(f"{instance.home}/spool/{name}")) for name in ("new", "kept", "tmp")} == {
        "new": 0,
        "kept": 1,
        "tmp": 0,
    }


@as_owner
def test_two_drains_at_once_relay_each_delivery_once(
    instance: Instance, relay: ScriptedRelay, tmp_path: pathlib.Path
) -> None:
    """Two homes on one database, as two hosts would be."""
    ids = [f"<{number}@shop.example>" for number in range(80)]
    put(instance, instance.context(), *(message(Message_ID=one) for one in ids))
    settings = {**instance.settings, "POSTERN_DRAIN_BATCH": "5"}
    hosts = [Instance(tmp_path / f"host{number}", settings) for number in range(2)]
    for drain in [host.start_drain() for host in hosts]:
        out, _ = drain.communicate(timeout=60)
        assert drain.returncode == 0, out
    assert Counter(parsed(got.content)["Message-ID"] for got in relay.messages) == Counter(ids)
    assert instance.states() == {"sent": 80}
    assert instance.query("SELECT sum(sent) FROM relay_usage") == [[80]]
