"""The catalog, as a backup and a restore see it: every table, in an order that foreign keys allow, and what names may do."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator

import pytest

from postern.base.database import SYSTEM, Database
from postern.base.errors import Busy, DatabaseUnavailable, PosternError
from postern.ops.local.embedded import Postgres
from postern.store import tables
from postern.store.tables import Counter, Table
from support.filled import fill
from support.postgres import fresh_database
from support.store import Store, add_tenant, do, enable_pgcrypto, migrated, opened, taken_back


def names(db: Database) -> list[str]:
    return [table.name for table in do(db, tables.all_tables)]


def bytes_of(db: Database, table: Table) -> tuple[int, bytes]:
    """In the transaction that is open."""
    sink = io.BytesIO()
    return tables.read(db, table, sink), sink.getvalue()


def everything(db: Database) -> dict[str, tuple[int, bytes]]:
    with db.transaction(SYSTEM):
        return {table.name: bytes_of(db, table) for table in tables.all_tables(db)}


def test_every_table_but_the_ledger_is_found(store: Store, db: Database):
    assert sorted([*names(db), "migrations"]) == store.tables()


def test_a_table_stands_behind_those_it_points_to(db: Database):
    order = names(db)
    for table in do(db, tables.all_tables):
        assert all(order.index(one) < order.index(table.name) for one in table.needs), table.name
    assert order.index("users") < order.index("aliases") < order.index("messages") < order.index("deliveries")


def test_the_schema_holds_nothing_that_a_backup_would_miss(store: Store):
    """No views, no sequences but those of identity columns, no generated columns, a primary key on every table."""
    kinds = store.look("SELECT DISTINCT relkind FROM pg_class WHERE relnamespace = 'postern'::regnamespace")
    assert {row[0] for row in kinds} <= {"r", "i", "S"}
    sequences = store.look(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'postern'::regnamespace AND relkind = 'S'"
    )
    identities = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'postern' AND is_identity = 'YES'"
    assert sequences == store.look(identities)
    assert store.look(identities.replace("is_identity = 'YES'", "is_generated = 'ALWAYS'")) == [[0]]
    keyless = (
        "SELECT relname FROM pg_class c WHERE relnamespace = 'postern'::regnamespace AND relkind = 'r'"
        " AND NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = c.oid AND indisprimary)"
    )
    assert store.look(keyless) == []


def test_what_was_read_and_filled_in_again_reads_the_same(db: Database):
    fill(db)
    before = everything(db)
    assert all(rows for rows, _ in before.values()), (
        "every table must hold something here: see support/filled.py"
    )
    with db.transaction(SYSTEM):
        tables.empty(db)
        assert not tables.are_filled(db)
        with tables.without_walls(db):
            for table in tables.all_tables(db):
                tables.fill(db, table, [before[table.name][1]])
    assert do(db, tables.are_filled)
    assert everything(db) == before


def test_rows_come_in_the_order_of_their_key_and_text_by_bytes(store: Store, db: Database):
    fill(db)
    before = everything(db)
    with db.transaction(SYSTEM):
        for table in tables.all_tables(db):
            column = table.columns[0].split()[0]
            db.run(f"UPDATE {table.name} SET {column} = {column}")
            db.run(f"DELETE FROM {table.name} WHERE false")
        db.run("UPDATE webhook_ids SET seen_at = seen_at WHERE id = 'B'")
    assert everything(db) == before
    text = before["webhook_ids"][1]
    places = [
        text.index(b"\x00\x00\x00" + bytes([len(one)]) + one)
        for one in (b"B", b"Z", b"a", b"b", "ä".encode())
    ]
    assert places == sorted(places)


def test_the_walls_are_down_for_the_load_only(store: Store, db: Database):
    sql = "SELECT count(*) FROM pg_class WHERE relnamespace = 'postern'::regnamespace AND relforcerowsecurity"
    ((walls,),) = store.look(sql)
    assert isinstance(walls, int)
    assert walls > 8
    with db.transaction(SYSTEM):
        with tables.without_walls(db):
            assert db.value(sql) == 0
        assert db.value(sql) == walls
    with pytest.raises(RuntimeError), db.transaction(SYSTEM), tables.without_walls(db):
        raise RuntimeError
    assert store.look(sql) == [[walls]]


def test_counters_are_where_the_next_id_is(store: Store, db: Database):
    tenant = add_tenant(db, "jane")
    next_ids = {one.table: one.next_id for one in do(db, tables.counters)}
    assert next_ids["users"] == tenant.id + 1
    store.look("ALTER TABLE users ALTER COLUMN id RESTART WITH 77777")
    assert Counter("users", "id", 77777) in do(db, tables.counters)
    with taken_back(db, SYSTEM):
        assert tables.set_counter(db, Counter("users", "id", 88888))
        assert db.value("INSERT INTO users (handle) VALUES ('next') RETURNING id") == 88888
    assert Counter("users", "id", 77777) in do(db, tables.counters), "it came back with the transaction"


@pytest.mark.parametrize(
    "counter",
    [
        Counter("users", "handle", 1),
        Counter("nothing", "id", 1),
        Counter("users; DROP TABLE users", "id", 1),
        Counter("pg_class", "oid", 1),
    ],
)
def test_what_is_no_identity_column_of_ours_is_not_set(store: Store, db: Database, counter: Counter):
    before = store.tables()
    assert not do(db, tables.set_counter, counter)
    assert store.tables() == before


ODD = "o\"d'd; DROP TABLE users --"


def test_names_are_quoted_by_the_server(store: Store, db: Database):
    quoted = ODD.replace('"', '""')
    with taken_back(db, SYSTEM):
        db.run(
            f'CREATE TABLE "{quoted}" ("{quoted}" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, "user" text);'
            f'ALTER TABLE "{quoted}" ENABLE ROW LEVEL SECURITY; ALTER TABLE "{quoted}" FORCE ROW LEVEL SECURITY;'
            f'CREATE POLICY all_rows ON "{quoted}" USING (true); INSERT INTO "{quoted}" ("user") VALUES (1)'
        )
        (table,) = [one for one in tables.all_tables(db) if one.name == ODD]
        rows, data = bytes_of(db, table)
        assert rows == 1
        assert tables.set_counter(db, Counter(ODD, ODD, 5))
        assert Counter(ODD, ODD, 5) in tables.counters(db)
        tables.empty(db)
        with tables.without_walls(db):
            tables.fill(db, table, [data])
        assert bytes_of(db, table) == (rows, data)
        assert tables.are_filled(db)


def test_a_user_reads_only_what_is_hers(db: Database):
    """Should a backup ever be made in a user's name, it is that user's."""
    jane, _ = add_tenant(db, "jane"), add_tenant(db, "kim")
    with db.transaction(jane.id):
        rows = {table.name: bytes_of(db, table)[0] for table in tables.all_tables(db)}
    assert {name: count for name, count in rows.items() if count} == {
        "alias_mailboxes": 1,
        "aliases": 1,
        "contacts": 1,
        "deliveries": 1,
        "domains": 1,
        "events": 1,
        "mailboxes": 1,
        "message_chunks": 2,  # it has no wall
        "messages": 1,
        "sessions": 1,
        "sign_in_links": 1,
        "users": 1,
    }


def test_a_snapshot_sees_one_moment(store: Store, db: Database):
    other = store.connect()
    with db.transaction(SYSTEM):
        tables.take_snapshot(db)
        assert db.value("SELECT count(*) FROM users") == 0
        add_tenant(other, "jane")
        assert db.value("SELECT count(*) FROM users") == 0


def test_nothing_can_be_changed_under_a_snapshot(db: Database):
    with pytest.raises(PosternError, match="read-only"):
        do(db, lambda db: (tables.take_snapshot(db), db.run("DELETE FROM users")))


def test_no_migration_begins_while_a_snapshot_is_read(store: Store, db: Database):
    other = store.connect()
    with db.transaction(SYSTEM):
        tables.take_snapshot(db)
        with pytest.raises(DatabaseUnavailable, match="lock"), other.transaction(SYSTEM):
            other.run("SET LOCAL lock_timeout TO '50ms'; LOCK TABLE migrations IN EXCLUSIVE MODE")


class Full:
    """A sink that takes no more."""

    def write(self, _: bytes) -> None:
        raise Busy("The disk is full.", "Free some.")


def broken() -> Iterator[bytes]:
    yield b"PGCOPY\n"
    raise Busy("The file is gone.", "Bring it back.")


@pytest.mark.parametrize(
    "copy",
    [
        lambda db, table: tables.read(db, table, Full()),
        lambda db, table: tables.fill(db, table, broken()),
    ],
    ids=["read", "fill"],
)
def test_a_copy_that_is_broken_off_gives_up_the_connection(
    store: Store, copy: Callable[[Database, Table], None]
):
    db = store.connect()
    add_tenant(db, "jane")
    table = next(one for one in do(db, tables.all_tables) if one.name == "message_chunks")
    with pytest.raises(Busy):
        do(db, copy, table)
    assert db.broken
    assert store.look("SELECT count(*) FROM users") == [[1]]


def test_a_schema_is_free_until_it_holds_a_table(store: Store, db: Database):
    name = f"s{uuid.uuid4().hex[:8]}"
    with taken_back(db, SYSTEM):
        assert not tables.is_free(db)
        db.run(f"SET LOCAL search_path TO {name}")
        assert tables.is_free(db)
        db.run(f"CREATE SCHEMA {name}")
        assert tables.is_free(db)
        assert not tables.are_filled(db)
        assert tables.counters(db) == []
        tables.empty(db)
        db.run("CREATE TABLE one (id int PRIMARY KEY)")
        assert not tables.is_free(db)


@pytest.mark.tier("postgres-matrix")
def test_uuids_are_borrowed_from_where_pgcrypto_is(matrix_server: Postgres):
    with fresh_database(matrix_server) as place:
        enable_pgcrypto(place.connect_superuser())
        migrated(place)
        with opened(place) as store:
            db = store.connect()
            with taken_back(db, SYSTEM):
                db.run("CREATE SCHEMA beside; SET LOCAL search_path TO beside")
                assert tables.borrow_uuids(db)
                assert isinstance(db.value("SELECT beside.gen_random_uuid()"), uuid.UUID)
