"""One connection to PostgreSQL: transactions that leave nothing behind, rows as dataclasses, and errors with remedies.

Against the run's own server, over its Unix socket. Each error is really made to happen. Not here: connecting and what can go
wrong with that (test_connect.py).
"""

from __future__ import annotations

import contextlib
import dataclasses
import select
import threading
from collections.abc import Callable, Iterator

import pytest

from postern.base.connect import connect
from postern.base.database import (
    SYSTEM,
    Database,
    SchemaMissing,
    SerializationFailure,
    UniqueViolation,
    retrying,
)
from postern.base.errors import Busy, ConfigError, DatabaseUnavailable, PosternError
from postern.base.settings import Config
from postern.ops.local.superuser import Superuser
from support.patience import join, until
from support.postgres import OWNER, fresh_database
from support.postgres import Database as Place

SCHEMA = "work"
ADD_ONE = "INSERT INTO thing VALUES (1)"


def settings(place: Place, **changes: object) -> Config:
    """As .env would give them."""
    given = Config(
        db_host=place.host, db_port=place.port, db_name=place.name, db_user=place.user, db_schema=SCHEMA
    )
    return dataclasses.replace(given, **changes)


@pytest.fixture(scope="module")
def place(cluster: Superuser) -> Iterator[Place]:
    """One database for all tests here; each has its schema to itself."""
    with fresh_database(cluster) as made:
        yield made


@pytest.fixture
def config(place: Place) -> Iterator[Config]:
    with contextlib.closing(place.connect()) as connection:
        connection.run(f"CREATE SCHEMA {SCHEMA}")
        connection.run(
            f"CREATE TABLE {SCHEMA}.thing (id int CONSTRAINT thing_once PRIMARY KEY, name text, data bytea)"
        )
        yield settings(place)
        connection.run(f"DROP SCHEMA {SCHEMA} CASCADE")


@pytest.fixture
def db(config: Config) -> Iterator[Database]:
    with contextlib.closing(connect(config)) as connection:
        yield connection


@pytest.fixture
def other(config: Config) -> Iterator[Database]:
    with contextlib.closing(connect(config)) as connection:
        yield connection


@dataclasses.dataclass(frozen=True)
class Thing:
    name: str
    id: int


def add(db: Database, *ids: int) -> None:
    for number in ids:
        db.run("INSERT INTO thing (id, name) VALUES (:id, :name)", id=number, name=f"thing {number}")


def attempt(db: Database, *steps: str | Callable[[], object]) -> None:
    """Statements and calls, in one transaction."""
    with db.transaction(SYSTEM):
        for step in steps:
            if isinstance(step, str):
                db.run(step)
            else:
                step()


def throw(error: type[BaseException]) -> Callable[[], object]:
    """Something that fails with this."""

    def step() -> None:
        raise error

    return step


def ids(db: Database) -> list[int]:
    with db.transaction(SYSTEM):
        return [row[0] for row in db.run("SELECT id FROM thing ORDER BY id")]


# Rows.


def test_rows_become_dataclasses_by_column_name(db: Database):
    with db.transaction(SYSTEM):
        add(db, 1, 2)
        assert db.rows(Thing, "SELECT id, name FROM thing ORDER BY id") == [
            Thing("thing 1", 1),
            Thing("thing 2", 2),
        ]
        assert db.row(Thing, "SELECT id, name FROM thing WHERE id = :id", id=2) == Thing("thing 2", 2)
        assert db.row(Thing, "SELECT id, name FROM thing WHERE id = :id", id=3) is None
        assert db.rows(Thing, "SELECT id, name FROM thing WHERE id = 3") == []
        assert db.value("SELECT name FROM thing ORDER BY id") == "thing 1"
        assert db.value("SELECT name FROM thing WHERE id = 3") is None
        assert db.count("UPDATE thing SET name = 'x' WHERE id <= :id", id=2) == 2
        assert db.count("DELETE FROM thing WHERE id = 3") == 0


def test_a_column_that_the_dataclass_lacks_is_told(db: Database):
    with pytest.raises(TypeError, match="data"), db.transaction(SYSTEM):
        db.rows(Thing, "SELECT 1 AS id, 'x' AS name, NULL AS data")


HOSTILE = ("'; DROP TABLE thing; --", "\\'", ":id", "%s %(x)s", "$1", "", "\x01\x7f", "☂" * 1000, "a\r\nb")


@pytest.mark.parametrize("text", HOSTILE)
def test_parameters_are_data_whatever_they_hold(db: Database, text: str):
    with db.transaction(SYSTEM):
        db.run("INSERT INTO thing VALUES (1, :name, :data)", name=text, data=text.encode())
        assert db.run("SELECT name, data FROM thing") == [[text, text.encode()]]


# Transactions.


def test_a_transaction_commits_at_its_end_and_others_see_it_only_then(db: Database, other: Database):
    with db.transaction(SYSTEM):
        add(db, 1)
        assert ids(other) == []
    assert ids(other) == [1]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whatever_is_raised_rolls_back_and_the_connection_goes_on(db: Database, error: type[BaseException]):
    with pytest.raises(error):
        attempt(db, ADD_ONE, throw(error))
    assert not db.broken
    assert ids(db) == []


def test_an_error_of_the_server_rolls_back_and_the_connection_goes_on(db: Database):
    with pytest.raises(PosternError):
        attempt(db, ADD_ONE, "SELECT 1/0")
    assert not db.broken
    assert ids(db) == []


def test_an_error_that_was_swallowed_inside_does_not_pass_for_a_commit(db: Database, other: Database):
    def careless() -> None:
        with contextlib.suppress(PosternError):
            db.run("SELECT 1/0")

    with pytest.raises(PosternError):
        attempt(db, ADD_ONE, careless)
    assert ids(other) == []


STATE = """SELECT current_setting('search_path'), current_setting('statement_timeout'),
                  coalesce(current_setting('postern.user_id', true), '')"""


def test_a_transaction_sets_schema_tenant_and_time_limit(config: Config):
    patient = dataclasses.replace(config, db_statement_seconds=7)
    with contextlib.closing(connect(patient)) as db, db.transaction(42):
        assert db.run(STATE) == [[SCHEMA, "7s", "42"]]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_a_transaction_stays_in_the_session(db: Database, fails: bool):
    before = db.run(STATE)
    with contextlib.suppress(ZeroDivisionError), db.transaction(42):
        db.run("SELECT 1")
        if fails:
            raise ZeroDivisionError
    assert db.run(STATE) == before
    assert before[0][2] == ""


def test_a_tenant_is_a_number_and_nothing_else(db: Database):
    with pytest.raises(ValueError, match="invalid literal"), db.transaction("0'; DROP TABLE thing; --"):  # type: ignore[arg-type]
        pass
    assert ids(db) == []


def test_a_schema_may_be_named_like_a_word_of_sql(place: Place):
    with (
        contextlib.closing(connect(settings(place, db_schema="user"))) as db,
        db.transaction(SYSTEM),
    ):
        db.run('CREATE SCHEMA "user"')
        db.run("CREATE TABLE t ()")
        assert db.value("SELECT to_regclass('\"user\".t') IS NOT NULL")


def test_the_connection_says_whose_it_is(db: Database, cluster: Superuser):
    with contextlib.closing(cluster.connect()) as connection:
        found = connection.run(
            "SELECT usename FROM pg_stat_activity WHERE application_name = 'postern' AND pid = :pid",
            pid=pid_of(db),
        )
    assert found == [[OWNER]]


# Large data.


def test_copy_carries_bytes_both_ways(db: Database):
    class Sink:
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> None:
            self.data += data

    lines = [f"{n}\tname {n}\n".encode() for n in range(5000)]
    sink = Sink()
    with db.transaction(SYSTEM):
        db.copy_in("COPY thing (id, name) FROM STDIN", iter(lines))
        db.copy_out("COPY (SELECT id, name FROM thing ORDER BY id) TO STDOUT", sink)
    assert sink.data == b"".join(lines)


def test_a_copy_whose_source_fails_stores_nothing_and_gives_the_connection_up(db: Database, other: Database):
    def pieces() -> Iterator[bytes]:
        yield b"1\tname\n"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), db.transaction(SYSTEM):
        db.copy_in("COPY thing (id, name) FROM STDIN", pieces())
    assert db.broken
    assert ids(other) == []


def test_a_copy_whose_sink_fails_gives_the_connection_up(db: Database):
    class Full:
        def write(self, _: bytes) -> None:
            raise Busy("The disk is full.", "Make room.")

    with pytest.raises(Busy, match="disk is full"), db.transaction(SYSTEM):
        db.copy_out("COPY (SELECT generate_series(1, 100000)) TO STDOUT", Full())
    assert db.broken


def test_a_copy_that_the_server_refuses_rolls_back(db: Database):
    with pytest.raises(PosternError), db.transaction(SYSTEM):
        db.copy_in("COPY thing (id, name) FROM STDIN", iter([b"no number\tname\n"]))
    assert not db.broken
    assert ids(db) == []


# Errors of statements.


def refused(db: Database, *statements: str) -> PosternError:
    with pytest.raises(PosternError) as caught:
        attempt(db, *statements)
    assert caught.value.reason
    assert caught.value.remedy
    assert not db.broken
    assert ids(db) == []
    return caught.value


def test_a_double_names_its_rule_and_quotes_no_value(db: Database):
    error = refused(
        db,
        "INSERT INTO thing VALUES (815, 'jane@example.net')",
        "INSERT INTO thing VALUES (815, 'jane@example.net')",
    )
    assert isinstance(error, UniqueViolation)
    assert error.constraint == "thing_once"
    assert "815" not in str(error)
    assert "jane" not in str(error)


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM nowhere", "SELECT nothing FROM thing", "CREATE TABLE nowhere.t ()"]
)
def test_tables_that_are_not_there_call_for_a_migration(db: Database, sql: str):
    error = refused(db, sql)
    assert isinstance(error, SchemaMissing)
    assert error.exit_code == 78
    assert "postern migrate up" in error.remedy


def test_what_the_role_may_not_do_is_told_with_the_remedy(db: Database):
    error = refused(db, "CREATE SCHEMA AUTHORIZATION postgres")
    assert isinstance(error, ConfigError)
    assert "GRANT" in error.remedy or "owner" in error.remedy


def test_a_statement_that_runs_too_long_is_stopped_and_the_connection_goes_on(config: Config):
    with contextlib.closing(connect(dataclasses.replace(config, db_statement_seconds=1))) as db:
        error = refused(db, "SELECT pg_sleep(30)")
    assert isinstance(error, DatabaseUnavailable)
    assert "POSTERN_DB_STATEMENT_SECONDS" in error.remedy


def test_a_lock_that_somebody_holds_is_trouble_that_passes(db: Database, other: Database):
    with other.transaction(SYSTEM):
        other.run("LOCK TABLE thing IN SHARE MODE")
        error = refused(db, "SET LOCAL lock_timeout TO '10ms'", "LOCK TABLE thing IN EXCLUSIVE MODE")
    assert isinstance(error, DatabaseUnavailable)


def test_a_read_only_server_is_trouble_that_passes(db: Database):
    error = refused(db, "SET LOCAL transaction_read_only TO on", "INSERT INTO thing VALUES (1)")
    assert isinstance(error, DatabaseUnavailable)


@pytest.mark.parametrize("sql", ["SELECT 1/0", "SELEC 1", "SELECT 'x'::int"])
def test_a_statement_that_is_wrong_is_our_fault_and_says_so(db: Database, sql: str):
    error = refused(db, sql)
    assert type(error) is PosternError
    assert "report it" in error.remedy


# Collisions.


def collide(db: Database, other: Database) -> int:
    """Add 1 to thing 1 in a transaction that sees one moment only; `other` is quicker the first time."""
    with db.transaction(SYSTEM):
        db.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        value = db.value("SELECT length(name) FROM thing WHERE id = 1")
        if value == 0:
            with other.transaction(SYSTEM):
                other.run("UPDATE thing SET name = name || 'o' WHERE id = 1")
        db.run("UPDATE thing SET name = name || 'd' WHERE id = 1")
    return int(value)


@pytest.fixture
def one(db: Database) -> None:
    with db.transaction(SYSTEM):
        db.run("INSERT INTO thing VALUES (1, '')")


def test_a_collision_is_told_as_such(db: Database, other: Database, one: None):
    with pytest.raises(SerializationFailure):
        collide(db, other)


def test_the_loser_of_a_collision_runs_again(db: Database, other: Database, one: None):
    assert retrying(lambda: collide(db, other)) == 1
    with db.transaction(SYSTEM):
        assert db.value("SELECT name FROM thing") == "od"


def test_a_deadlock_is_a_collision_too(db: Database, other: Database):
    with db.transaction(SYSTEM):
        add(db, 1, 2)

    def work(mine: Database, first: int, second: int) -> None:
        with mine.transaction(SYSTEM):
            mine.run("UPDATE thing SET name = name || 'x' WHERE id = :id", id=first)
            both.wait(30)
            mine.run("UPDATE thing SET name = name || 'x' WHERE id = :id", id=second)

    both = threading.Barrier(2)
    losers: list[PosternError] = []

    def run(*args: object) -> None:
        try:
            work(*args)  # type: ignore[arg-type]
        except PosternError as error:
            losers.append(error)

    threads = [threading.Thread(target=run, args=args) for args in ((db, 1, 2), (other, 2, 1))]
    for thread in threads:
        thread.start()
    join(*threads)
    assert [type(error) for error in losers] == [SerializationFailure]


@pytest.mark.parametrize(
    ("error", "calls"), [(SerializationFailure, 3), (DatabaseUnavailable, 1), (UniqueViolation, 1)]
)
def test_only_collisions_are_tried_again_and_not_for_ever(error: type[PosternError], calls: int):
    called = []

    def work() -> None:
        called.append(1)
        raise error("x") if error is UniqueViolation else error("x", "y")  # type: ignore[call-arg]

    with pytest.raises(error):
        retrying(work)
    assert len(called) == calls


# A connection that is lost.


def pid_of(db: Database) -> int:
    return int(db.run("SELECT pg_backend_pid()")[0][0])


def terminate(cluster: Superuser, pid: int) -> None:
    """End a backend, and wait until it is gone."""
    with contextlib.closing(cluster.connect()) as connection:
        connection.run("SELECT pg_terminate_backend(:pid)", pid=pid)
        until(lambda: not connection.run("SELECT 1 FROM pg_stat_activity WHERE pid = :pid", pid=pid))


def test_a_connection_lost_in_the_middle_is_told_and_nothing_is_stored(
    db: Database, other: Database, cluster: Superuser
):
    pid = pid_of(db)
    with pytest.raises(DatabaseUnavailable) as caught:
        attempt(db, ADD_ONE, lambda: terminate(cluster, pid), "SELECT 1")
    assert caught.value.exit_code == 75
    assert db.broken
    assert ids(other) == []
    with pytest.raises(DatabaseUnavailable), db.transaction(SYSTEM):
        pass
    db.close()
    db.close()


def test_a_connection_lost_while_a_statement_runs_is_told(db: Database, cluster: Superuser):
    pid = pid_of(db)

    def end_it() -> None:
        with contextlib.closing(cluster.connect()) as connection:
            sleeps = "SELECT 1 FROM pg_stat_activity WHERE pid = :pid AND wait_event = 'PgSleep'"
            until(lambda: connection.run(sleeps, pid=pid))
            connection.run("SELECT pg_terminate_backend(:pid)", pid=pid)

    thread = threading.Thread(target=end_it)
    thread.start()
    with pytest.raises(DatabaseUnavailable), db.transaction(SYSTEM):
        db.run("SELECT pg_sleep(9)")
    join(thread)
    assert db.broken


def test_a_commit_whose_answer_never_comes_is_told(db: Database, cluster: Superuser):
    pid = pid_of(db)
    with pytest.raises(DatabaseUnavailable), db.transaction(SYSTEM):
        terminate(cluster, pid)
    assert db.broken


def test_whether_the_server_went_away_is_seen_without_asking_it(db: Database, cluster: Superuser):
    pid = pid_of(db)
    assert not db.went_away()
    terminate(cluster, pid)
    assert select.select([db._connection._usock], [], [], 60)[0]
    assert db.went_away()
    db.close()
    assert db.went_away()
