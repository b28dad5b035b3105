"""Migrations while people use the database: what they lock is told before, mail waits for moments only, nothing is lost, and
a killed one leaves nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from postern.base.connect import connect
from postern.base.database import SYSTEM, Database
from postern.base.errors import PosternError
from postern.flow.context import Context
from postern.flow.receive import receive
from postern.ops import migrate, migration_locks
from postern.ops.backups import backup
from postern.ops.migrate import Migration
from postern.store import table_locks, users
from postern.store.table_locks import MODES
from support.filled import fill
from support.instance import Instance
from support.mail import body_of, message
from support.patience import PATIENCE, join, until
from support.postgres import Database as Place
from support.queue import inbound
from support.relay import ScriptedRelay
from support.store import SCHEMA, settings

FILES = migrate.read_files()
HEAVY = Migration(
    len(FILES) + 1,
    "heavy",
    "-- Writes every message anew. And more.\n"
    "ALTER TABLE messages ADD COLUMN toy double precision DEFAULT random();\n"
    "UPDATE deliveries SET attempts = attempts;\n"
    "CREATE INDEX toys ON messages (toy);\n",
    "DROP INDEX toys;\nALTER TABLE messages DROP COLUMN toy;\n",
)
SHORT = dataclasses.replace(
    HEAVY, up="ALTER TABLE messages ADD COLUMN toy int", down="ALTER TABLE messages DROP COLUMN toy"
)


@pytest.fixture
def filled(ready_database: Place) -> Iterator[Database]:
    """At the head, rows in every table."""
    with contextlib.closing(
        connect(dataclasses.replace(settings(ready_database), db_statement_seconds=60))
    ) as db:
        fill(db)
        # Reply and notice would be lost on the way back, and it says so.
        with db.transaction(SYSTEM):
            db.run("UPDATE deliveries SET state = 'sent', lease = NULL WHERE state = 'queued'")
        yield db


HELD = """
SELECT DISTINCT CAST(c.relname AS text), replace(replace(l.mode, 'Lock', ''), 'RowExclusive', 'Row_Exclusive')
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND l.granted AND c.relkind = 'r' AND c.relnamespace = to_regnamespace('postern')
"""
WORDS = {
    "AccessExclusive": "ACCESS EXCLUSIVE",
    "ShareRow_Exclusive": "SHARE ROW EXCLUSIVE",
    "Share": "SHARE",
}


class Back(Exception):
    """Takes a transaction back."""


def really_locked(db: Database, script: str) -> dict[str, str]:
    """What it locks against writers, of the tables that are there before it."""
    found: dict[str, str] = {}
    with contextlib.suppress(Back), db.transaction(SYSTEM):
        before = set(table_locks.tables(db))
        db.run("SET LOCAL statement_timeout TO 0")
        db.run(script)
        for name, mode in db.run(HELD):
            word = WORDS.get(mode, "")
            if name in before and word and MODES.index(word) > MODES.index(found.get(name, MODES[0])):
                found[name] = word
        raise Back
    return found


def test_the_plan_names_every_lock_that_a_migration_takes(filled: Database):
    """On the way down and on the way up again, each script as it finds the database."""

    def check(script: str, name: str) -> None:
        with filled.transaction(SYSTEM):
            planned = {lock.table.name: lock.mode for lock in migration_locks.of(filled, script)}
        for table, mode in really_locked(filled, script).items():
            assert table in planned, f"{name}: {table} is locked ({mode}), and the plan does not say so"
            assert MODES.index(planned[table]) >= MODES.index(mode), f"{name}: {table} is locked {mode}"

    for one in reversed(FILES):
        check(one.down, f"{one.number} down")
        migrate.down(filled, FILES, 1)
    for one in FILES:
        check(one.up, f"{one.number} up")
        migrate.up(filled, SCHEMA, FILES[: one.number])


def test_what_a_plan_says_is_short():
    assert migration_locks.summary(HEAVY.up) == "Writes every message anew"
    assert migration_locks.summary("SELECT 1") == ""
    assert all(migration_locks.summary(one.up) for one in FILES)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_locks, "MOST_SECONDS", 0.2)
    monkeypatch.setattr(migration_locks, "PAUSE_SECONDS", 0.05)


def test_mail_passes_while_a_migration_waits_for_a_table(
    filled: Database, ready_database: Place, quick: None
):
    """Somebody reads for long; behind a migration that simply waited, nobody else would come to the table."""
    said: list[str] = []
    done: list[list[str]] = []
    with (
        ready_database.connect_superuser() as reader,
        contextlib.closing(connect(settings(ready_database))) as db,
    ):
        reader.run("BEGIN; LOCK TABLE postern.messages IN ACCESS SHARE MODE")
        runner = threading.Thread(
            target=lambda: done.append(migrate.up(db, SCHEMA, [*FILES, SHORT], told=said.append))
        )
        runner.start()
        until(lambda: len(said) > 1)
        for name in ("one", "two", "three"):
            with filled.transaction(SYSTEM):
                users.add(filled, name)
                assert filled.value("SELECT count(*) FROM messages") > 0
        assert runner.is_alive() and "Trying again" in said[0]
        reader.run("COMMIT")
        join(runner)
    assert done == [[f"{SHORT.number:04}_heavy"]]


def test_after_many_tries_it_gives_up_and_changed_nothing(
    filled: Database, ready_database: Place, quick: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(migration_locks, "TRIES", 2)
    with ready_database.connect_superuser() as reader:
        reader.run("BEGIN; LOCK TABLE postern.messages IN ACCESS SHARE MODE")
        with pytest.raises(migration_locks.TablesInUse) as caught:
            migrate.up(filled, SCHEMA, [*FILES, SHORT])
        assert "The database is as it was." in caught.value.remedy
        assert migrate.status(filled, FILES)[-1].applied_at is not None
        reader.run("COMMIT")
    migrate.up(filled, SCHEMA, [*FILES, SHORT])
    with ready_database.connect_superuser() as reader:
        reader.run("BEGIN; LOCK TABLE postern.messages IN ACCESS SHARE MODE")
        with pytest.raises(migration_locks.TablesInUse):
            migrate.down(filled, [*FILES, SHORT], 1)


# Under load.


class Load:
    """Mail coming in and going out, by real receipts and real drains, until it is told to end."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.accepted: list[bytes] = []
        self.refused: Counter[int] = Counter()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=work) for work in (self._receive, self._receive, self._drain)]

    def _receive(self) -> None:
        context = self.instance.context()
        while not self.over.is_set():
            body = f"{threading.get_ident()} {len(self.accepted)}\r\n".encode()
            try:
                self._post(context, message(body=body))
            except PosternError as error:
                # "Come again": the sender keeps it.
                self.refused[error.http_status] += 1
                self.over.wait(0.05)
            else:
                self.accepted.append(body)

    def _post(self, context: Context, mime: bytes) -> None:
        """On the way down the tables may be those of an older program than this one: then the spool takes it."""
        receipt = receive(context, inbound(self.instance.secret, mime), (self.instance.secret,), [mime])
        assert receipt in ("stored", "spooled")

    def wait_for_more(self) -> None:
        """Until it is at work again."""
        seen = len(self.accepted)
        until(lambda: len(self.accepted) > seen + 5)

    def _drain(self) -> None:
        while not self.over.is_set():
            process = self.instance.start_drain()
            process.communicate(timeout=PATIENCE)
            assert process.returncode in (0, 75, 78, 1), process.returncode
            self.over.wait(0.2)


@contextlib.contextmanager
def loaded(instance: Instance) -> Iterator[Load]:
    load = Load(instance)
    for thread in load.threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        join(*load.threads)


def test_a_full_database_goes_up_and_down_under_load_and_nothing_is_lost(
    instance: Instance, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    instance.query("UPDATE users SET handle = 'first'")
    with instance.context().pool.connection() as db:
        fill(db)
    instance.query("DELETE FROM deliveries")
    stays = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM aliases), (SELECT count(*) FROM mailboxes)"
    before = instance.query(stays)
    files = [*FILES, HEAVY]
    real = len(FILES) - 8
    with loaded(instance) as load, contextlib.closing(connect(instance.config)) as db:
        for _ in range(2):
            assert migrate.up(db, SCHEMA, files) == [f"{HEAVY.number:04}_heavy"]
            migrate.down(db, files, 1)
            assert len(migrate.down(db, FILES, real)) == real
            assert len(migrate.up(db, SCHEMA, FILES)) == real
            load.wait_for_more()
    assert not [status for status in load.refused if status < 500]
    instance.query("UPDATE deliveries SET due_at = now() WHERE state = 'queued'")
    instance.finish()
    arrived = Counter(body_of(one.content).rstrip(b"\r\n") for one in relay.messages)
    assert set(arrived) == {body.rstrip(b"\r\n") for body in load.accepted}
    assert set(arrived.values()) == {1}
    assert instance.states() == {"sent": len(load.accepted)} and instance.query(stays) == before


# Killed.


RUN = """
import json, sys
from postern.flow.context import open_context
from postern.ops import migrate
context = open_context({}, "test")
files = [migrate.Migration(*one) for one in json.load(sys.stdin)]
with context.pool.connection() as db:
    migrate.up(db, "postern", files) if sys.argv[1] == "up" else migrate.down(db, files, 2)
"""
HOLD = "SELECT pg_advisory_xact_lock(4711);"
STEPS = (HOLD, "ALTER TABLE messages ADD COLUMN toy int;", HOLD, "CREATE TABLE toys (id int);", HOLD)
STEPS_BACK = (HOLD, "DROP TABLE toys;", HOLD, "ALTER TABLE messages DROP COLUMN toy;", HOLD)


def columns(place: Place) -> list[list[object]]:
    sql = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'postern' ORDER BY 1, 2"
    with contextlib.closing(place.connect_superuser()) as superuser:
        return [*superuser.run(sql), *superuser.run("SELECT number::text FROM postern.migrations ORDER BY 1")]


def only(steps: tuple[str, ...], point: int) -> str:
    """These steps, with one place of the three to hold it at."""
    return " ".join(step for number, step in enumerate(steps) if step != HOLD or number == 2 * point)


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_migration_that_is_killed_leaves_the_database_as_it_was(
    instance: Instance, ready_database: Place, way: str
):
    """At its begin, in its midst and at its end."""
    toy = Migration(len(FILES) + 1, "toy", only(STEPS, 9), only(STEPS_BACK, 9))
    for point in range(3):
        held = dataclasses.replace(toy, **{way: only(STEPS if way == "up" else STEPS_BACK, point)})
        if way == "down":
            # The ledger knows a migration by its way up.
            with instance.context().pool.connection() as db:
                migrate.up(db, SCHEMA, [*FILES, toy])
        before = columns(ready_database)
        kill(instance, ready_database, way, [*FILES, held])
        assert columns(ready_database) == before


def kill(instance: Instance, place: Place, way: str, files: list[Migration]) -> None:
    """Once it is at the place where it is held; returns when the server has noticed."""
    waits = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'"
    )
    with place.connect_superuser() as holder, place.connect_superuser() as watcher:
        holder.run("SELECT pg_advisory_lock(4711)")
        run = [sys.executable, "-c", RUN, way]
        process = subprocess.Popen(run, env=instance.environ, stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(json.dumps([dataclasses.astuple(one) for one in files]).encode())
        process.stdin.close()
        until(lambda: watcher.run(waits))
        ((pid,),) = watcher.run(waits)
        process.kill()
        process.wait(PATIENCE)
        holder.run("SELECT pg_advisory_unlock(4711)")
        until(lambda: not watcher.run("SELECT 1 FROM pg_stat_activity WHERE pid = :pid", pid=pid))


# The commands.


def test_the_command_shows_the_plan_and_backs_up_first(instance: Instance):
    with instance.context().pool.connection() as db:
        migrate.down(db, FILES, len(FILES) - 8)
    said = instance.cli("migrate", "up")
    assert (
        "locks deliveries against readers and writers (about " in said
        and "0009_bounces: What comes back" in said
    )
    (path,) = pathlib.Path(instance.home, "backups").glob("*.backup")
    assert f"Backed up: {path}" in said and path.name.endswith("-8.backup")
    assert backup.verify(instance.context().ring, str(path)).number == 8
    assert "Backed up" not in instance.cli("migrate", "up")
    said = instance.cli("migrate", "down", "1", "--yes")
    assert "Backed up" in said and "Took back" in said
    assert "Backed up" not in instance.cli("migrate", "up", "--no-backup")
    assert "Backed up" not in instance.cli("migrate", "down", "1", "--yes", "--no-backup")
    assert "Would apply" in instance.cli("migrate", "up", "--dry-run")
    assert len(list(pathlib.Path(instance.home, "backups").glob("*.backup"))) == 2
