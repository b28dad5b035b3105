"""Migrations: each applied once, in order, whole or not at all; and what is not as it should be is refused.

As the role that owns its database and as one that was merely granted ALL on it. The real files of schema/ go up, down and up
again to the same schema; what can go wrong is shown with files of the test's own. On PostgreSQL's oldest and newest release,
and without pgcrypto: tests/host/test_postgres_matrix.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postern.base.connect import connect as open_connection
from postern.base.database import SYSTEM, Database
from postern.base.errors import ConfigError, DatabaseUnavailable, PosternError
from postern.base.settings import Config
from postern.ops import migrate
from postern.ops.local.superuser import Superuser
from postern.ops.migrate import Migration, MigrationRefused
from postern.store import migrations
from support.patience import PATIENCE, join, until
from support.postgres import Database as Place
from support.postgres import fresh_database
from support.store import add_tenant, do

SCHEMA = "postern"
FILES = migrate.read_files()
NAMES = [f"{one.number:04}_{one.name}" for one in FILES]

TOY = [
    Migration(1, "first", "CREATE TABLE one (id int); COMMENT ON TABLE one IS 'One.';", "DROP TABLE one;"),
    Migration(2, "second", "CREATE TABLE two (id int);", "DROP TABLE two;"),
    Migration(3, "third", "ALTER TABLE one ADD COLUMN name text;", "ALTER TABLE one DROP COLUMN name;"),
]
"""Files of the test's own."""


def settings(place: Place) -> Config:
    return Config(db_host=place.host, db_port=place.port, db_name=place.name, db_user=place.user)


@pytest.fixture(scope="module")
def one_database(cluster: Superuser) -> Iterator[Place]:
    with fresh_database(cluster) as made:
        yield made


@pytest.fixture
def database(one_database: Place) -> Iterator[Place]:
    """A database with nothing of ours in it; emptied after the test, which is quicker than a new one."""
    yield one_database
    with contextlib.closing(one_database.connect_superuser()) as superuser:
        superuser.run('DROP SCHEMA IF EXISTS postern CASCADE; DROP SCHEMA IF EXISTS "user" CASCADE')
        superuser.run("DROP EXTENSION IF EXISTS pgcrypto")


@pytest.fixture
def connect(database: Place) -> Iterator[Callable[[], Database]]:
    """Connections as the program's; closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(contextlib.closing(open_connection(settings(database))))


@pytest.fixture
def db(connect: Callable[[], Database]) -> Database:
    return connect()


CATALOG = """
SELECT concat_ws(' ', 'schema', nspname) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
UNION ALL
SELECT concat_ws(' ', 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                 a.attstorage, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = to_regnamespace('postern') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT concat_ws(' ', 'relation', c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity,
                 obj_description(c.oid, 'pg_class'))
FROM pg_class c WHERE c.relnamespace = to_regnamespace('postern')
UNION ALL
SELECT concat_ws(' ', 'index', indexdef) FROM pg_indexes WHERE schemaname = 'postern'
UNION ALL
SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = to_regnamespace('postern')
UNION ALL
SELECT concat_ws(' ', 'policy', tablename, policyname, cmd, qual, with_check) FROM pg_policies WHERE schemaname = 'postern'
UNION ALL
SELECT concat_ws(' ', 'function', oid::regprocedure) FROM pg_proc WHERE pronamespace = to_regnamespace('postern')
UNION ALL
SELECT concat_ws(' ', 'extension', extname) FROM pg_extension
"""


def catalog(place: Place) -> list[str]:
    """Everything that is there, in words; as the superuser sees it."""
    with contextlib.closing(place.connect_superuser()) as connection:
        return sorted(str(row[0]) for row in connection.run(CATALOG))


def ledger(place: Place) -> list[int]:
    with contextlib.closing(place.connect_superuser()) as connection:
        return [row[0] for row in connection.run(f"SELECT number FROM {SCHEMA}.migrations ORDER BY number")]


def up(db: Database, files: list[Migration], dry_run: bool = False) -> list[str]:
    return migrate.up(db, SCHEMA, files, dry_run)


def names(files: list[Migration]) -> list[str]:
    return [f"{one.number:04}_{one.name}" for one in files]


# The files of schema/.


def test_the_files_are_numbered_and_each_has_its_way_back():
    assert [one.number for one in FILES] == list(range(1, len(FILES) + 1))
    assert all(one.up.strip() and one.down.strip() for one in FILES)


def test_no_file_ends_the_transaction_that_it_runs_in():
    for one in FILES:
        for text in (one.up, one.down):
            # BEGIN and END of a function's body are PL/pgSQL's.
            plain = re.sub(r"\$(\w+)\$.*?\$\1\$", "", text, flags=re.DOTALL)
            words = {line.strip().rstrip(";").upper() for line in plain.split("\n")}
            assert words.isdisjoint({"BEGIN", "COMMIT", "ROLLBACK", "END", "START TRANSACTION"}), one.name


def test_up_applies_all_in_order_and_then_nothing(database: Place, db: Database):
    assert up(db, FILES) == NAMES
    assert ledger(database) == [one.number for one in FILES]
    before = catalog(database)
    assert up(db, FILES) == []
    assert catalog(database) == before


def test_up_down_up_makes_the_same_schema_step_by_step(database: Place, db: Database):
    seen = []
    for count in range(1, len(FILES) + 1):
        assert up(db, FILES[:count]) == NAMES[count - 1 : count]
        seen.append(catalog(database))
    for count in range(len(FILES), 1, -1):
        assert migrate.down(db, FILES[:count], 1) == NAMES[count - 1 : count]
        assert catalog(database) == seen[count - 2]
    assert migrate.down(db, FILES, 1) == NAMES[:1]
    left = [line for line in catalog(database) if "function" not in line and "extension" not in line]
    assert all("migrations" in line or line.startswith("schema ") for line in left)
    assert up(db, FILES) == NAMES
    assert catalog(database) == seen[-1]


def test_the_schema_is_the_same_for_a_role_that_was_merely_granted_all(
    database: Place, db: Database, granted_database: Place
):
    up(db, FILES)
    with contextlib.closing(open_connection(settings(granted_database))) as granted:
        assert up(granted, FILES) == NAMES
        assert catalog(granted_database) == catalog(database)
        assert migrate.down(granted, FILES, 99) == NAMES[::-1]
        assert up(granted, FILES) == NAMES


def test_everything_is_in_our_own_schema(database: Place, db: Database):
    with contextlib.closing(database.connect_superuser()) as connection:
        count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        before = connection.run(count)
        up(db, FILES)
        assert connection.run(count) == before


def test_another_schema_can_be_named(database: Place):
    config = dataclasses.replace(settings(database), db_schema="user")
    with contextlib.closing(open_connection(config)) as db:
        assert migrate.up(db, "user", FILES) == NAMES
        assert migrate.down(db, FILES, 99) == NAMES[::-1]


# Status.


def test_status_tells_what_is_applied_and_changes_nothing(database: Place, db: Database):
    before = catalog(database)
    assert [state.applied_at for state in migrate.status(db, TOY)] == [None, None, None]
    assert catalog(database) == before
    up(db, TOY[:2])
    found = migrate.status(db, TOY)
    assert [(state.number, state.name) for state in found] == [(1, "first"), (2, "second"), (3, "third")]
    assert [state.applied_at is not None for state in found] == [True, True, False]


# Down.


def test_down_takes_back_as_many_as_asked_newest_first(database: Place, db: Database):
    up(db, TOY)
    assert migrate.down(db, TOY, 2) == ["0003_third", "0002_second"]
    assert ledger(database) == [1]
    assert migrate.down(db, TOY, 99) == ["0001_first"]
    assert migrate.down(db, TOY, 1) == []
    assert migrate.down(db, TOY, 0) == []


def test_down_on_an_empty_database_does_nothing(database: Place, db: Database):
    before = catalog(database)
    assert migrate.down(db, TOY, 1) == []
    assert catalog(database) == before


QUEUED = {
    "a reply": "UPDATE messages SET kind = 'reply'",
    "a notice": "UPDATE messages SET kind = 'notice', alias_id = NULL",
}


@pytest.mark.parametrize("what", QUEUED)
def test_replies_and_notices_that_wait_are_not_lost_on_the_way_back(database: Place, db: Database, what: str):
    up(db, FILES)
    jane = add_tenant(db, "jane")
    do(db, Database.run, QUEUED[what])
    with pytest.raises(MigrationRefused) as caught:
        migrate.down(db, FILES, len(FILES) - 5)
    assert "0006_replies was not taken back: Replies or notices wait in the queue (1)" in caught.value.reason
    assert "postern queue run" in caught.value.remedy
    assert ledger(database)[-1] == len(FILES), "none was taken back"
    do(
        db,
        Database.run,
        f"UPDATE deliveries SET state = 'dropped', lease = NULL WHERE id = {jane.delivery_id}",
    )
    assert migrate.down(db, FILES, len(FILES) - 5)[-1] == "0006_replies"


def test_forwards_that_wait_go_back_with_it_and_who_gives_up_everything_is_not_asked(
    database: Place, db: Database
):
    up(db, FILES)
    add_tenant(db, "jane")
    migrate.down(db, FILES, len(FILES) - 5)
    assert do(db, Database.value, "SELECT count(*) FROM deliveries WHERE state = 'queued'") == 1
    up(db, FILES)
    do(db, Database.run, QUEUED["a reply"])
    assert migrate.down(db, FILES, len(FILES), give_up=True) == NAMES[::-1]


# Dry run.


def test_a_dry_run_tells_all_and_leaves_nothing(database: Place, db: Database):
    before = catalog(database)
    assert up(db, FILES, dry_run=True) == NAMES
    assert catalog(database) == before
    assert up(db, FILES, dry_run=True) == NAMES


def test_a_dry_run_over_part_of_it_tells_the_rest(database: Place, db: Database):
    up(db, TOY[:1])
    before = catalog(database)
    assert up(db, TOY, dry_run=True) == ["0002_second", "0003_third"]
    assert catalog(database) == before
    assert ledger(database) == [1]


def test_a_dry_run_meets_what_would_fail(database: Place, db: Database):
    before = catalog(database)
    with pytest.raises(MigrationRefused, match="0004_bad failed"):
        up(db, [*TOY, Migration(4, "bad", "SELECT nonsense", "")], dry_run=True)
    assert catalog(database) == before


# What is refused.


def changed(files: list[Migration], index: int) -> list[Migration]:
    files = list(files)
    files[index] = dataclasses.replace(files[index], up=files[index].up + " ")
    return files


ACTS: dict[str, Callable[[Database, list[Migration]], object]] = {
    "up": up,
    "dry run": lambda db, files: up(db, files, dry_run=True),
    "down": lambda db, files: migrate.down(db, files, 1),
    "status": migrate.status,
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("index", [0, 1])
def test_a_file_that_changed_after_it_was_applied_is_refused(
    database: Place, db: Database, act: str, index: int
):
    up(db, TOY[:2])
    before = catalog(database)
    with pytest.raises(MigrationRefused) as caught:
        ACTS[act](db, changed(TOY, index))
    assert (
        f"schema/000{index + 1}_{TOY[index].name}.up.sql changed after it was applied" in caught.value.reason
    )
    assert caught.value.exit_code == 78
    assert catalog(database) == before
    assert ledger(database) == [1, 2]


def test_a_file_may_change_before_it_is_applied(db: Database):
    up(db, TOY[:2])
    assert up(db, changed(TOY, 2)) == ["0003_third"]


@pytest.mark.parametrize("act", ACTS)
def test_a_database_newer_than_the_program_is_refused_with_both_numbers(
    database: Place, db: Database, act: str
):
    up(db, TOY)
    before = catalog(database)
    with pytest.raises(MigrationRefused) as caught:
        ACTS[act](db, TOY[:2])
    assert "migration 3" in caught.value.reason
    assert "knows 2" in caught.value.reason
    assert catalog(database) == before


def test_a_server_that_is_too_old_is_refused(database: Place, db: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(migrate, "OLDEST_SERVER", 10**7)
    before = catalog(database)
    with pytest.raises(MigrationRefused, match="is too old"):
        up(db, TOY)
    assert catalog(database) == before


def test_a_role_that_may_not_create_a_schema_is_told_how_to_mend_it(granted_database: Place):
    database = granted_database
    with contextlib.closing(database.connect_superuser()) as superuser:
        superuser.run(f"REVOKE ALL ON DATABASE {database.name} FROM PUBLIC, {database.user}")
        superuser.run(f"GRANT CONNECT ON DATABASE {database.name} TO {database.user}")
    with contextlib.closing(open_connection(settings(database))) as db:
        with pytest.raises(ConfigError) as caught:
            up(db, TOY)
        assert "GRANT CREATE ON DATABASE" in caught.value.remedy


FOLDERS = {
    "a gap": ["0001_a.up.sql", "0001_a.down.sql", "0003_c.up.sql", "0003_c.down.sql"],
    "no first": ["0002_b.up.sql", "0002_b.down.sql"],
    "a double": ["0001_a.up.sql", "0001_a.down.sql", "0001_b.up.sql", "0001_b.down.sql"],
    "no way back": ["0001_a.up.sql"],
}


@pytest.mark.parametrize("what", FOLDERS)
def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path, what: str):
    for name in FOLDERS[what]:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(MigrationRefused) as caught:
        migrate.read_files(str(tmp_path))
    assert "Upload the program anew" in caught.value.remedy


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path):
    for name in (
        "0001_a.up.sql",
        "0001_a.down.sql",
        "README.md",
        "0002_b.sql",
        "0002_B.up.sql",
        "2_b.up.sql",
    ):
        (tmp_path / name).write_text("SELECT 1;")
    assert names(migrate.read_files(str(tmp_path))) == ["0001_a"]


# What fails leaves the database as it was.


BAD = {
    "in its first statement": "SELECT nonsense; CREATE TABLE more ();",
    "in its last statement": "CREATE TABLE more (); DROP TABLE one; SELECT 1/0;",
    "by its syntax": "CREATE TABLE more (); CREATE TABEL even_more ();",
    "by a double": "CREATE TABLE more (id int UNIQUE); INSERT INTO more VALUES (1), (1);",
    "by a right it lacks": "CREATE TABLE more (); CREATE ROLE somebody;",
    "by ending the transaction": "CREATE TABLE more (); ROLLBACK; SELECT 1/0;",
}


@pytest.mark.parametrize("how", BAD)
def test_a_migration_that_fails_leaves_the_database_as_it_was(database: Place, db: Database, how: str):
    up(db, TOY)
    before = catalog(database)
    bad = Migration(4, "bad", BAD[how], "SELECT 1")
    with pytest.raises(MigrationRefused) as caught:
        up(db, [*TOY, bad])
    assert "0004_bad failed" in caught.value.reason
    assert "The database is as it was." in caught.value.remedy
    assert catalog(database) == before
    assert ledger(database) == [1, 2, 3]
    assert up(db, [*TOY, dataclasses.replace(bad, up="CREATE TABLE more ()")]) == ["0004_bad"]


def test_what_was_applied_before_the_one_that_fails_stays(database: Place, db: Database):
    with pytest.raises(MigrationRefused):
        up(db, [*TOY, Migration(4, "bad", "SELECT nonsense", "")])
    assert ledger(database) == [1, 2, 3]


def test_a_way_back_that_fails_leaves_the_database_as_it_was(database: Place, db: Database):
    bad = Migration(4, "bad", "CREATE TABLE more ()", "DROP TABLE more; SELECT nonsense")
    up(db, [*TOY, bad])
    before = catalog(database)
    with pytest.raises(PosternError):
        migrate.down(db, [*TOY, bad], 2)
    assert catalog(database) == before
    assert ledger(database) == [1, 2, 3, 4]


def test_a_migration_may_take_longer_than_other_statements(database: Place):
    slow = Migration(1, "slow", "SELECT pg_sleep(1.1); CREATE TABLE one ()", "DROP TABLE one")
    with contextlib.closing(
        open_connection(dataclasses.replace(settings(database), db_statement_seconds=1))
    ) as db:
        assert up(db, [slow]) == ["0001_slow"]


# Two runners at once.


def waiting(place: Place) -> bool:
    """Whether somebody in this database waits for a lock."""
    with contextlib.closing(place.connect_superuser()) as connection:
        sql = "SELECT 1 FROM pg_stat_activity WHERE datname = :name AND wait_event_type = 'Lock'"
        return bool(connection.run(sql, name=place.name))


class Runner(threading.Thread):
    """A second one, on a connection of its own."""

    def __init__(self, db: Database, files: list[Migration], start: threading.Barrier | None = None) -> None:
        super().__init__()
        self.db, self.files, self.barrier = db, files, start
        self.done: list[str] = []

    def run(self) -> None:
        if self.barrier:
            self.barrier.wait(PATIENCE)
        self.done = up(self.db, self.files)


def test_two_runners_on_an_empty_database_apply_each_file_once(
    database: Place, connect: Callable[[], Database]
):
    start = threading.Barrier(3)
    runners = [Runner(connect(), FILES, start) for _ in range(3)]
    for runner in runners:
        runner.start()
    join(*runners)
    assert sorted(name for runner in runners for name in runner.done) == NAMES
    assert ledger(database) == [one.number for one in FILES]


def test_the_second_waits_while_the_first_makes_the_ledger(
    database: Place, db: Database, connect: Callable[[], Database]
):
    second = Runner(connect(), TOY)
    with db.transaction(SYSTEM):
        migrations.prepare(db, SCHEMA)
        second.start()
        until(lambda: waiting(database))
    join(second)
    assert second.done == names(TOY)


def test_the_second_waits_while_the_first_applies_and_finds_it_done(
    database: Place, db: Database, connect: Callable[[], Database]
):
    up(db, TOY[:1])
    second = Runner(connect(), TOY)
    with db.transaction(SYSTEM):
        assert migrate._apply_next(db, TOY, [])
        second.start()
        until(lambda: waiting(database))
    join(second)
    assert second.done == ["0003_third"]
    assert ledger(database) == [1, 2, 3]


def test_who_waits_too_long_is_told_to_come_again(
    database: Place, db: Database, connect: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(migrations, "_PATIENCE", "SET LOCAL lock_timeout TO '10ms'")
    up(db, TOY[:1])
    with db.transaction(SYSTEM):
        assert migrate._apply_next(db, TOY, [])
        with pytest.raises(DatabaseUnavailable):
            up(connect(), TOY)


# gen_random_uuid().


def test_pgcrypto_is_enabled_in_our_schema_where_the_server_has_it(database: Place, db: Database):
    with db.transaction(SYSTEM):
        found = migrations.pgcrypto(db)
        version = migrations.server_version(db)
    assert found in ("available", "missing")
    said = migrate.prepare_server(db, SCHEMA)
    expected = "enabled" if found == "available" else "missing"
    assert said.startswith(f"pgcrypto is {expected}")
    assert f"this is {version // 10000}" in said
    with db.transaction(SYSTEM):
        assert migrations.pgcrypto(db) == expected
        assert migrations.makes_uuids(db)
    assert migrate.prepare_server(db, SCHEMA) == said


def test_a_dry_run_enables_nothing(database: Place, db: Database):
    before = catalog(database)
    migrate.prepare_server(db, SCHEMA, dry_run=True)
    assert catalog(database) == before
