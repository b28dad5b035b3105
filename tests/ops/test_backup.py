"""Backups and restores on a real PostgreSQL: nothing is lost, nothing broken is taken, and what dies half-way leaves no trace.

Where roles matter: as the one that owns its database, and as one that was merely granted ALL on it. The oldest, middle and
newest release are at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from postern.base.database import SYSTEM
from postern.base.errors import (
    BadInput,
    Busy,
    Conflict,
    DatabaseUnavailable,
    NotFound,
    PosternError,
    SealBroken,
)
from postern.base.keyring import new_key
from postern.base.stream import SEALED_CHUNK
from postern.cli import backup as backup_command
from postern.cli import restore as restore_command
from postern.flow.context import Context
from postern.ops import migrate
from postern.ops.backups import backup, restore
from postern.ops.backups.backup_file import HEAD_SIZE, BackupBroken, Writer, opened
from postern.ops.local.embedded import Postgres
from postern.ops.local.superuser import Superuser
from postern.ops.migrate import MigrationRefused
from postern.store import aliases, domains, users
from support.filled import filled
from support.instance import Instance
from support.patience import PATIENCE, child, until
from support.postgres import Database as Place
from support.postgres import fresh_database
from support.store import SCHEMA
from support.template import ready_database

FILES = migrate.read_files()


def running(folder: pathlib.Path, place: Place) -> Instance:
    """An instance on this database, not migrated."""
    return Instance(
        folder, {**place.env, "POSTERN_RELAY_HOST": "127.0.0.1", "POSTERN_DB_STATEMENT_SECONDS": "5"}
    )


@pytest.fixture
def place(request: pytest.FixtureRequest, cluster: Superuser) -> Iterator[Place]:
    with ready_database(cluster, owned=getattr(request, "param", True)) as made:
        yield made


each_role = pytest.mark.parametrize("place", [True, False], ids=["owner", "granted"], indirect=True)


@pytest.fixture
def instance(tmp_path: pathlib.Path, place: Place) -> Iterator[Instance]:
    """Migrated, with rows in every table."""
    with filled(running(tmp_path / "home", place)) as made:
        yield made


@pytest.fixture
def context(instance: Instance) -> Context:
    return instance.context()


@pytest.fixture
def path(context: Context, tmp_path: pathlib.Path) -> str:
    """A backup of it."""
    return backup.write(context, str(tmp_path / "backups"))


def rows_of(place: Place, schema: str = SCHEMA) -> dict[str, list[str]]:
    """Every row of a schema in words, as a superuser sees it, and where the counters stand."""
    with contextlib.closing(place.connect_superuser()) as superuser:
        superuser.run(f"SET search_path TO {schema}; SET TimeZone TO 'UTC'")
        kinds = "SELECT relkind, relname FROM pg_class WHERE relnamespace = to_regnamespace(:name) AND relkind IN ('r', 'S')"
        found = {}
        for kind, name in superuser.run(kinds, name=schema):
            columns = "t::text" if kind == "r" else "(last_value + is_called::int)::text"
            if name != "migrations":
                found[name] = [row[0] for row in superuser.run(f"SELECT {columns} FROM {name} t ORDER BY 1")]
        found["migrations"] = superuser.run("SELECT number, name, checksum FROM migrations ORDER BY number")
        found["walls"] = superuser.run(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(:name) AND relforcerowsecurity ORDER BY 1",
            name=schema,
        )
        return found


def change(context: Context) -> None:
    """What a backup does not have."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        db.run("DELETE FROM users WHERE handle = 'kim'; UPDATE jobs SET error = 'changed'")
        for number in range(5):
            users.add(db, f"later{number}")


def names(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name != ".lock")


# All that is there comes back.


@each_role
def test_a_backup_holds_every_row_of_every_table(place: Place, context: Context, path: str):
    manifest = backup.verify(context.ring, path)
    rows = rows_of(place)
    assert all(rows.values()), "every table must hold something here: see support/filled.py"
    found = {entry.name: entry.rows for entry in manifest.tables}
    assert found == {
        name: len(held)
        for name, held in rows.items()
        if name not in ("migrations", "walls") and not name.endswith("_seq")
    }
    assert manifest == backup.read_manifest(context.ring, path)
    assert (manifest.schema, manifest.number) == (SCHEMA, len(FILES))


@each_role
def test_a_restore_puts_back_what_was_there(place: Place, context: Context, path: str):
    before = rows_of(place)
    change(context)
    assert rows_of(place) != before
    assert restore.restore(context, path) == backup.read_manifest(context.ring, path)
    assert rows_of(place) == before
    with context.pool.connection() as db, db.transaction(SYSTEM):
        assert users.add(db, "new").id == int(before["users_id_seq"][0])


@each_role
def test_a_restore_into_another_schema_leaves_ours_alone(place: Place, context: Context, path: str):
    before = rows_of(place)
    change(context)
    ours = rows_of(place)
    restore.restore(context, path, "scratch")
    assert rows_of(place, "scratch") == before
    assert rows_of(place) == ours


def test_another_host_takes_it_before_its_first_migration(
    place: Place, context: Context, path: str, cluster: Superuser, tmp_path: pathlib.Path
):
    with fresh_database(cluster, owned=False) as other:
        with contextlib.closing(running(tmp_path / "other", other)) as there:
            there.write_env(**keys_of(context))
            restore.restore(there.context(), path)
            assert there.query("SELECT handle FROM users ORDER BY 1") == [["jane"], ["kim"]]
        assert rows_of(other) == rows_of(place)


def keys_of(context: Context) -> dict[str, str]:
    return {
        "POSTERN_SEAL_KEYS": context.config.seal_keys,
        "POSTERN_INDEX_KEY": context.config.index_key,
    }


def test_two_backups_of_the_same_rows_have_the_same_digests(
    context: Context, path: str, tmp_path: pathlib.Path
):
    restore.restore(context, path)
    again = backup.write(context, str(tmp_path / "backups"))
    first, second = (backup.read_manifest(context.ring, one) for one in (path, again))
    assert (first.tables, first.counters) == (second.tables, second.counters)
    assert pathlib.Path(path).read_bytes() != pathlib.Path(again).read_bytes()


def test_a_backup_is_of_one_moment(place: Place, context: Context, tmp_path: pathlib.Path):
    """It is held before the events; what is committed meanwhile, earlier and later tables alike, is not in it."""
    before = rows_of(place)
    with (
        place.connect_superuser() as holder,
        place.connect_superuser() as watcher,
        ThreadPoolExecutor(1) as thread,
    ):
        holder.run("BEGIN; LOCK TABLE postern.events IN ACCESS EXCLUSIVE MODE")
        written = thread.submit(backup.write, context, str(tmp_path / "backups"))
        until(lambda: waiting(watcher, "COPY"))
        with context.pool.connection() as db, db.transaction(SYSTEM):
            user = users.add(db, "meanwhile")
            aliases.add(db, user.id, domains.add(db, "meanwhile.example", user.id).id, "shop")
        holder.run("DELETE FROM postern.events")
        holder.run("COMMIT")
        path = written.result()
    assert rows_of(place) != before
    restore.restore(context, path, "scratch")
    after = rows_of(place, "scratch")
    counted = {name for name in after if name.endswith("_seq")}
    assert {name: after[name] for name in after if name not in counted} == {
        name: before[name] for name in before if name not in counted
    }


def waiting(watcher: object, statement: str) -> bool:
    """Whether somebody waits for a lock with it."""
    sql = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        f" AND query LIKE '{statement}%'"
    )
    return bool(watcher.run(sql))  # type: ignore[attr-defined]


def grow(instance: Instance) -> None:
    """Let the chunks not shrink: 300 KB of them."""
    noise = "(SELECT string_agg(md5(concat(n, message_id, seq)), '') FROM generate_series(1, 4096) n)"
    instance.query(f"UPDATE message_chunks SET data = decode({noise}, 'hex')")


# Files.


def test_only_the_owner_reads_it_and_its_name_tells_time_and_version(path: str):
    assert re.fullmatch(rf"postern-\d{{8}}T\d{{6}}Z-{len(FILES)}\.backup", os.path.basename(path))
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_nothing_in_it_can_be_read_without_the_keys(path: str):
    data = pathlib.Path(path).read_bytes()
    for word in (b"jane", b"users", b"shop", b"relay.example", b"created", b"sha256"):
        assert word not in data


def test_two_in_one_second_have_two_names(
    context: Context, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("postern.base.clock.now", lambda: 1_767_225_599.5)
    found = [os.path.basename(backup.write(context, str(tmp_path / "b"))) for _ in range(2)]
    number = len(FILES)
    assert found == [f"postern-20251231T235959Z-{number}.backup", f"postern-20260101T000000Z-{number}.backup"]


def test_only_one_writes_into_a_folder_and_sweeps_what_killed_ones_left(
    place: Place, context: Context, tmp_path: pathlib.Path
):
    folder = str(tmp_path / "b")
    with (
        place.connect_superuser() as holder,
        place.connect_superuser() as watcher,
        ThreadPoolExecutor(1) as thread,
    ):
        holder.run("BEGIN; LOCK TABLE postern.events IN ACCESS EXCLUSIVE MODE")
        first = thread.submit(backup.write, context, folder)
        until(lambda: waiting(watcher, "COPY"))
        (half,) = names(folder)
        with pytest.raises(Busy, match="Another backup"):
            backup.write(context, folder)
        assert names(folder) == [half]
        holder.run("COMMIT")
        done = first.result()
    pathlib.Path(folder, ".new-1").write_bytes(b"left by a killed run")
    assert names(folder) == [".new-1", os.path.basename(done)]
    backup.write(context, folder)
    assert len(names(folder)) == 2
    assert not any(name.startswith(".") for name in names(folder))


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As a quota does: a write past it fails (EFBIG), also for those who are not root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("size", [0, 100, 20_000])
def test_a_full_disk_is_said_and_leaves_no_half_backup(
    place: Place, instance: Instance, tmp_path: pathlib.Path, size: int
):
    grow(instance)
    folder = str(tmp_path / "b")
    context = instance.context()
    context.log.info("opened before the disk is full")
    with files_of_at_most(size), pytest.raises(Busy) as caught:
        backup.write(context, folder)
    assert "File too large" in caught.value.reason
    assert names(folder) == []
    assert backup.verify(context.ring, backup.write(context, folder)).rows > 20


def test_neither_comes_in_while_the_gate_is_shut(
    context: Context, path: str, tmp_path: pathlib.Path, instance: Instance
):
    """Another process has shut it: an upgrade."""
    code = "import sys, postern.base.gate as g\nwith g.Gate(sys.argv[1]).close(9): print(flush=True); sys.stdin.read()"
    with child(
        [sys.executable, "-c", code, instance.home],
        env=instance.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as upgrade:
        assert upgrade.stdout is not None
        upgrade.stdout.readline()
        for work in (
            lambda: backup.write(context, str(tmp_path / "b")),
            lambda: restore.restore(context, path),
        ):
            with pytest.raises(DatabaseUnavailable, match="being upgraded"):
                work()
        upgrade.communicate(timeout=PATIENCE)
    assert names(str(tmp_path / "b")) == []
    restore.restore(context, path)


def test_a_folder_that_cannot_be_made_is_said(context: Context, tmp_path: pathlib.Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Busy, match="Not a directory"):
        backup.write(context, str(tmp_path / "file" / "b"))


def test_a_database_without_our_tables_has_nothing_to_back_up(cluster: Superuser, tmp_path: pathlib.Path):
    with fresh_database(cluster) as empty, contextlib.closing(running(tmp_path / "empty", empty)) as made:
        folder = str(tmp_path / "b")
        assert backup.write_if_filled(made.context(), folder) == ""
        with pytest.raises(PosternError) as caught:
            backup.write(made.context(), folder)
        assert "postern migrate up" in caught.value.remedy
        made.migrate()
        assert backup.write_if_filled(made.context(), folder) == ""
        assert names(folder) == []
        backup.verify(made.context().ring, backup.write(made.context(), folder))


# Broken and foreign files.


def cut(size: int) -> Callable[[bytes, bytes], bytes]:
    return lambda data, other: data[:size]


def flipped(place: int) -> Callable[[bytes, bytes], bytes]:
    def flip(data: bytes, other: bytes) -> bytes:
        changed = bytearray(data)
        changed[place] ^= 1
        return bytes(changed)

    return flip


def manifest_size(data: bytes) -> int:
    """Sealed, with its length."""
    return int.from_bytes(data[-4:], "big") + 4


DAMAGE: dict[str, Callable[[bytes, bytes], bytes]] = {
    "empty": cut(0),
    "cut in the magic": cut(3),
    "cut behind the head": cut(HEAD_SIZE),
    "cut in the rows": cut(HEAD_SIZE + 1000),
    "cut by one byte": cut(-1),
    "cut by the manifest": lambda data, other: data[: -manifest_size(data)],
    "a bit of the id": flipped(10),
    "a bit of the stream's version": flipped(HEAD_SIZE),
    "a bit of the stream's key id": flipped(HEAD_SIZE + 3),
    "a bit of the salt": flipped(HEAD_SIZE + 12),
    "a bit of the rows": flipped(HEAD_SIZE + 500),
    "a bit of a later chunk": flipped(HEAD_SIZE + 25 + SEALED_CHUNK + 99),
    "a bit of the manifest's key id": lambda data, other: flipped(-manifest_size(data) + 2)(data, other),
    "a bit of the manifest": flipped(-100),
    "a bit of its length": flipped(-1),
    "its length is nothing": lambda data, other: data[:-4] + bytes(4),
    "its length is all": lambda data, other: data[:-4] + b"\xff" * 4,
    "something behind it": lambda data, other: data + b"x",
    "two of them": lambda data, other: data + other,
    "another one's rows": lambda data, other: other[: -manifest_size(other)] + data[-manifest_size(data) :],
    "another one's id": lambda data, other: other[:HEAD_SIZE] + data[HEAD_SIZE:],
    "chunks swapped": lambda data, other: swapped(data),
    "a chunk left out": lambda data, other: data[: HEAD_SIZE + 25] + data[HEAD_SIZE + 25 + SEALED_CHUNK :],
    "no backup at all": lambda data, other: b"PGDMP" + data[5:],
    "another format": lambda data, other: b"PSB2" + data[4:],
}


def swapped(data: bytes) -> bytes:
    start = HEAD_SIZE + 25
    first, second = data[start : start + SEALED_CHUNK], data[start + SEALED_CHUNK : start + 2 * SEALED_CHUNK]
    assert len(second) == SEALED_CHUNK
    return data[:start] + second + first + data[start + 2 * SEALED_CHUNK :]


def is_refused(use: Callable[[], object]) -> bool:
    try:
        use()
    except BackupBroken:
        return True
    return False


def test_what_is_not_whole_is_refused_and_nothing_is_touched(
    place: Place, instance: Instance, tmp_path: pathlib.Path
):
    grow(instance)
    context = instance.context()
    whole, other = (pathlib.Path(backup.write(context, str(tmp_path / "b"))).read_bytes() for _ in range(2))
    before = rows_of(place)
    held = tmp_path / "held.backup"
    for name, damage in DAMAGE.items():
        held.write_bytes(damage(whole, other))
        assert is_refused(lambda: backup.verify(context.ring, str(held))), name
        assert is_refused(lambda: restore.examine(context.ring, str(held))), name
        assert is_refused(lambda: restore.restore(context, str(held))), name
        assert is_refused(lambda: restore.restore(context, str(held), "scratch")), name
    assert rows_of(place) == before
    assert instance.query("SELECT to_regnamespace('scratch')") == [[None]]
    held.write_bytes(whole)
    restore.restore(context, str(held))


def test_rows_that_belong_to_no_table_are_refused(context: Context, path: str, tmp_path: pathlib.Path):
    longer = tmp_path / "longer.backup"
    with opened(context.ring, path) as reader, open(longer, "wb", buffering=0) as file:
        writer = Writer(context.ring, file)
        for _, pieces in reader.tables():
            for piece in pieces:
                writer.write(piece)
        writer.write(b"x")
        writer.finish(reader.manifest)
    assert backup.read_manifest(context.ring, str(longer)) == backup.read_manifest(context.ring, path)
    with pytest.raises(BackupBroken):
        backup.verify(context.ring, str(longer))


def test_each_kind_of_file_is_told_apart(context: Context, path: str, tmp_path: pathlib.Path):
    data = pathlib.Path(path).read_bytes()
    held = tmp_path / "held.backup"
    for damage, words in {
        "no backup at all": "is no backup of Postern",
        "another format": "is a backup in format '2'",
        "cut by one byte": "is damaged",
    }.items():
        held.write_bytes(DAMAGE[damage](data, b""))
        with pytest.raises(BackupBroken, match=words):
            backup.read_manifest(context.ring, str(held))
    for missing in (str(tmp_path / "nothing"), str(tmp_path)):
        with pytest.raises(NotFound):
            backup.read_manifest(context.ring, missing)


def test_a_key_that_is_gone_is_named_and_an_older_one_opens(place: Place, instance: Instance, path: str):
    old = instance.settings["POSTERN_SEAL_KEYS"]
    key_id = old.split(":")[0]
    before = rows_of(place)
    instance.write_env(POSTERN_SEAL_KEYS=new_key("fresh"))
    with pytest.raises(SealBroken) as caught:
        restore.restore(instance.context(), path)
    assert f"needs key {key_id}, which is not in the ring" in caught.value.reason
    assert f"Key {key_id} must be in POSTERN_SEAL_KEYS" in caught.value.remedy
    assert rows_of(place) == before
    instance.write_env(POSTERN_SEAL_KEYS=f"{new_key('fresh')} {old}")
    restore.restore(instance.context(), path)
    assert rows_of(place) == before
    assert instance.query("SELECT 1 FROM mailboxes") == [[1], [1]]


# Versions of the schema.


@pytest.mark.parametrize("back", [1, len(FILES)])
def test_a_backup_of_an_older_schema_takes_the_database_back_to_it(
    place: Place, instance: Instance, tmp_path: pathlib.Path, back: int
):
    context = instance.context()
    with context.pool.connection() as db:
        migrate.down(db, FILES, back)
    older = rows_of(place)
    path = backup.write(context, str(tmp_path / "b"))
    assert path.endswith(f"-{len(FILES) - back}.backup")
    with context.pool.connection() as db:
        migrate.up(db, SCHEMA, FILES)
    change(context)
    assert restore.restore(context, path).number == len(FILES) - back
    assert rows_of(place) == older
    with context.pool.connection() as db:
        assert len(migrate.up(db, SCHEMA, FILES)) == back


def test_a_backup_of_a_newer_schema_brings_the_database_up_to_it(place: Place, context: Context, path: str):
    before = rows_of(place)
    with context.pool.connection() as db:
        migrate.down(db, FILES, 2)
    restore.restore(context, path)
    assert rows_of(place) == before


REFUSED = {
    "a program that is older than the backup": (lambda: FILES[:-1], "The backup is at migration"),
    "a program whose file is another": (
        lambda: [replace(FILES[0], up=FILES[0].up + "\n"), *FILES[1:]],
        "The backup was made with another 0001_accounts",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_this_program_does_not_know_is_refused(
    place: Place, context: Context, path: str, monkeypatch: pytest.MonkeyPatch, why: str
):
    files, words = REFUSED[why]
    before = rows_of(place)
    known = files()
    monkeypatch.setattr(migrate, "read_files", lambda: known)
    for schema in (None, "scratch"):
        with pytest.raises(MigrationRefused, match=words):
            restore.restore(context, path, schema)
    assert rows_of(place) == before


def test_a_database_newer_than_the_program_is_left_alone(
    place: Place, instance: Instance, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    context = instance.context()
    with context.pool.connection() as db:
        migrate.down(db, FILES, 1)
        path = backup.write(context, str(tmp_path / "b"))
        migrate.up(db, SCHEMA, FILES)
    before = rows_of(place)
    monkeypatch.setattr(migrate, "read_files", lambda: FILES[:-1])
    with pytest.raises(MigrationRefused, match="The database is at migration"):
        restore.restore(context, path)
    assert rows_of(place) == before


# Where a restore may not go, and where it dies.


TAKEN: dict[str, tuple[type[PosternError], str]] = {
    SCHEMA: (BadInput, "schema in use"),
    "full": (Conflict, "holds something"),
    "pg_mine": (BadInput, "name of a schema"),
    "Big": (BadInput, "name of a schema"),
    'a"; DROP SCHEMA postern; --': (BadInput, "name of a schema"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_schema_that_is_taken_or_cannot_be_is_refused(place: Place, context: Context, path: str, name: str):
    with place.connect() as connection:
        connection.run('CREATE SCHEMA "full"; CREATE TABLE "full".one (id int)')
    before = rows_of(place)
    kind, words = TAKEN[name]
    with pytest.raises(kind, match=words):
        restore.restore(context, path, name)
    assert rows_of(place) == before


@each_role
def test_an_empty_schema_is_filled(place: Place, context: Context, path: str):
    with place.connect() as connection:
        connection.run("CREATE SCHEMA made")
    restore.restore(context, path, "made")
    assert rows_of(place, "made") == rows_of(place)


def hold_a_restore(place: Place, body: str) -> None:
    """Let every row that comes into jobs do this first."""
    with place.connect_superuser() as superuser:
        superuser.run(
            f"CREATE FUNCTION postern.held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN new; END $$;"
            "CREATE TRIGGER held BEFORE INSERT ON postern.jobs FOR EACH ROW EXECUTE PROCEDURE postern.held()"
        )


RESTORE = """
import sys
from postern.flow.context import open_context
from postern.ops.backups import restore
restore.restore(open_context({}, "test"), sys.argv[1])
"""


@each_role
def test_a_restore_that_is_killed_leaves_the_database_as_it_was(place: Place, instance: Instance, path: str):
    """Held while it loads: everything is emptied by then, some tables are filled, the walls are down."""
    change(instance.context())
    before = rows_of(place)
    hold_a_restore(place, "PERFORM pg_advisory_xact_lock(4711)")
    with place.connect_superuser() as holder, place.connect_superuser() as watcher:
        holder.run("SELECT pg_advisory_lock(4711)")
        process = subprocess.Popen([sys.executable, "-c", RESTORE, path], env=instance.environ)
        until(lambda: waiting(watcher, "COPY jobs"))
        process.kill()
        process.wait(PATIENCE)
        holder.run("SELECT pg_advisory_unlock(4711)")
        gone = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY jobs%'"
        until(lambda: not watcher.run(gone))
    assert rows_of(place) == before
    restore.restore(instance.context(), path)
    assert rows_of(place) != before


def test_a_restore_that_reads_back_something_else_is_taken_back(place: Place, context: Context, path: str):
    change(context)
    before = rows_of(place)
    hold_a_restore(place, "new.items := new.items + 1")
    with pytest.raises(PosternError, match="table jobs reads otherwise"):
        restore.restore(context, path)
    assert rows_of(place) == before


# Large ones.


MEASURED = """
import sys
from postern.flow.context import open_context
from postern.ops.backups import backup, restore

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))

context = open_context({}, "test")
before = [peak()]
if sys.argv[1] == "backup":
    backup.write(context, sys.argv[2])
    print(before, peak())
else:
    restore.restore(context, sys.argv[2])
    print(before, peak())
"""


def grown(instance: Instance, verb: str, where: str) -> int:
    """Kilobytes that a process grew by."""
    out = subprocess.run(
        [sys.executable, "-c", MEASURED, verb, where],
        env=instance.environ,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=True,
    ).stdout
    before, after = (int(one) for one in re.findall(r"\d+", out))
    return after - before


def test_memory_stays_flat_with_60_mb_of_mail(place: Place, instance: Instance, tmp_path: pathlib.Path):
    folder = tmp_path / "b"
    small = grown(instance, "backup", str(folder))
    (path,) = folder.glob("*.backup")
    small_restore = grown(instance, "restore", str(path))
    path.unlink()
    noise = "decode(repeat(md5(n::text), 2048) || repeat(md5((-n)::text), 2048), 'hex')"
    instance.query(
        "INSERT INTO message_chunks (message_id, seq, data)"
        f" SELECT (SELECT min(id) FROM messages), n + 100, {noise} FROM generate_series(1, 960) n"
    )
    instance.query("INSERT INTO webhook_ids (id) SELECT md5(n::text) FROM generate_series(1, 50000) n")
    large = grown(instance, "backup", str(folder))
    (path,) = folder.glob("*.backup")
    assert backup.verify(instance.context().ring, str(path)).rows > 50_900
    large_restore = grown(instance, "restore", str(path))
    assert large - small < 8 * 1024, f"{large - small} kB more than a small backup"
    assert large_restore - small_restore < 8 * 1024, (
        f"{large_restore - small_restore} kB more than a small restore"
    )


# The commands.


def command(*argv: str) -> None:
    """What the command line does with it."""
    nouns = argparse.ArgumentParser().add_subparsers()
    backup_command.register(nouns)
    restore_command.register(nouns)
    (parser,) = (nouns.choices[argv[0]],)
    args = parser.parse_args(argv[1:])
    args.run(args)


@pytest.fixture
def at_home(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """The commands run on this instance."""
    monkeypatch.setenv("POSTERN_HOME", instance.home)
    return instance


def test_the_command_makes_one_in_the_home_and_says_what_is_in_it(
    at_home: Instance, capsys: pytest.CaptureFixture[str]
):
    command("backup")
    path, told = capsys.readouterr().out.splitlines()
    assert os.path.dirname(path) == f"{at_home.home}/backups"
    manifest = backup.read_manifest(at_home.context().ring, path)
    assert told.startswith(
        f"{manifest.rows} rows of {len(manifest.tables)} tables at migration {len(FILES):04}, "
    )
    assert told.endswith(f"; {os.path.getsize(path):,} bytes.")


def test_the_command_makes_one_elsewhere(
    at_home: Instance,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    command("backup", "--to", "stick")
    assert capsys.readouterr().out.startswith(f"{tmp_path}/stick/postern-")


def test_a_check_reads_the_file_and_changes_nothing(
    at_home: Instance, place: Place, path: str, capsys: pytest.CaptureFixture[str]
):
    before = rows_of(place)
    command("restore", path, "--check")
    assert capsys.readouterr().out.startswith("The backup is whole: ")
    pathlib.Path(path).write_bytes(pathlib.Path(path).read_bytes()[:-1])
    with pytest.raises(BackupBroken):
        command("restore", path, "--check")
    assert rows_of(place) == before


@pytest.mark.parametrize("answer", ["no", "y", "", None])
def test_a_restore_asks_and_takes_only_yes(
    at_home: Instance, place: Place, path: str, monkeypatch: pytest.MonkeyPatch, answer: str | None
):
    def answered(prompt: str) -> str:
        assert "Replace everything in schema postern" in prompt
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", answered)
    change(at_home.context())
    before = rows_of(place)
    with pytest.raises(BadInput):
        command("restore", path)
    assert rows_of(place) == before
    assert os.listdir(f"{at_home.home}/backups") == []


def test_a_restore_keeps_what_was_there(
    at_home: Instance,
    place: Place,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr("builtins.input", lambda prompt: "yes")
    whole = rows_of(place)
    change(at_home.context())
    changed = rows_of(place)
    command("restore", path)
    assert rows_of(place) == whole
    (kept,) = re.findall("What was there before: (.+)", capsys.readouterr().out)
    command("restore", kept, "--yes", "--discard")
    assert "What was there before" not in capsys.readouterr().out
    assert rows_of(place) == changed


def test_a_restore_into_another_schema_asks_nothing(
    at_home: Instance, place: Place, path: str, capsys: pytest.CaptureFixture[str]
):
    command("restore", path, "--into", "scratch")
    assert capsys.readouterr().out.endswith("Restored into schema scratch.\n")
    assert rows_of(place, "scratch") == rows_of(place)


def test_an_older_backup_tells_to_migrate(
    at_home: Instance, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
):
    with at_home.context().pool.connection() as db:
        migrate.down(db, FILES, 1)
    path = backup.write(at_home.context(), str(tmp_path / "b"))
    command("restore", path, "--yes")
    assert "It is 1 migration(s) behind this program. Run: postern migrate up" in capsys.readouterr().out


# Other servers, another encoding.


@pytest.mark.tier("postgres-matrix")
@pytest.mark.parametrize("owned", [True, False], ids=["owner", "granted"])
def test_on_each_release_and_from_one_to_another(
    matrix_server: Postgres, owned: bool, context: Context, path: str, place: Place, tmp_path: pathlib.Path
):
    """What this machine's PostgreSQL wrote goes into that one, byte for byte; and there in place, and beside it."""
    with fresh_database(matrix_server, owned=owned) as there:
        with contextlib.closing(there.connect_superuser()) as superuser:
            superuser.run(
                f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {there.user}; CREATE EXTENSION pgcrypto SCHEMA {SCHEMA}"
            )
        with contextlib.closing(running(tmp_path / "there", there)) as made:
            made.write_env(**keys_of(context))
            moved = made.context()
            restore.restore(moved, path)
            again = backup.write(moved, str(tmp_path / "again"))
            first, second = (backup.read_manifest(context.ring, one) for one in (path, again))
            assert (first.tables, first.counters) == (second.tables, second.counters)
            before = rows_of(there)
            change(moved)
            restore.restore(moved, again)
            restore.restore(moved, again, "scratch")
            assert rows_of(there) == rows_of(there, "scratch") == before
            assert made.query("SELECT count(*) FROM message_chunks") == [[5]]


def test_the_text_is_utf8_whatever_the_connection_speaks(
    place: Place, context: Context, path: str, tmp_path: pathlib.Path
):
    before = rows_of(place)
    with contextlib.closing(place.connect_superuser()) as superuser:
        superuser.run(f"ALTER DATABASE \"{place.name}\" SET client_encoding TO 'LATIN1'")
    again = backup.write(context, str(tmp_path / "again"))
    first, second = (backup.read_manifest(context.ring, one) for one in (path, again))
    assert first.tables == second.tables
    restore.restore(context, again)
    with contextlib.closing(place.connect_superuser()) as superuser:
        superuser.run(f'ALTER DATABASE "{place.name}" RESET client_encoding')
    assert rows_of(place) == before
