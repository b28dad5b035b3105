"""The pool of a process that lives on: few connections, kept while they work, replaced when they do not."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.base import pool as pools
from postern.base.database import SYSTEM, Database
from postern.base.errors import Busy, DatabaseUnavailable, PosternError
from postern.base.pool import Pool
from postern.base.settings import Config
from postern.ops.local.embedded import Postgres
from postern.ops.local.superuser import Superuser
from support.patience import PATIENCE, join, until
from support.postgres import OWNER, PASSWORD, fresh_database
from support.postgres import Database as Place


@pytest.fixture(scope="module")
def place(cluster: Superuser) -> Iterator[Place]:
    with fresh_database(cluster) as made:
        yield made


@pytest.fixture
def config(place: Place, tmp_path: Path) -> Config:
    (tmp_path / "run").mkdir()
    return Config(
        db_host=place.host,
        db_port=place.port,
        db_name=place.name,
        db_user=place.user,
        db_pool=2,
        home=str(tmp_path),
    )


@pytest.fixture
def pool(config: Config) -> Iterator[Pool]:
    with contextlib.closing(Pool(config)) as made:
        yield made


def backend(db: Database) -> int:
    with db.transaction(SYSTEM):
        return int(db.value("SELECT pg_backend_pid()"))


def connected(place: Place) -> list[int]:
    """Backends that serve this database."""
    with contextlib.closing(place.server.connect()) as connection:
        sql = "SELECT pid FROM pg_stat_activity WHERE datname = :name AND backend_type = 'client backend'"
        return [int(row[0]) for row in connection.run(sql, name=place.name)]


def end(place: Place, db: Database, pid: int) -> None:
    """As a restart of the server does; returns when the line is closed."""
    with contextlib.closing(place.server.connect()) as connection:
        connection.run("SELECT pg_terminate_backend(:pid)", pid=pid)
    assert select.select([db._connection._usock], [], [], 60)[0]


def test_nothing_is_connected_before_it_is_needed(tmp_path: Path, config: Config):
    pool = Pool(dataclasses.replace(config, db_host=str(tmp_path)))
    pool.close()


def test_a_connection_is_used_again(pool: Pool):
    with pool.connection() as db:
        first = backend(db)
    with pool.connection() as db:
        assert backend(db) == first


def test_two_at_once_have_two_and_no_third_is_had_while_they_last(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.01)
    with pool.connection() as one, pool.connection() as two:
        assert backend(one) != backend(two)
        with pytest.raises(Busy) as caught, pool.connection():
            pass
    assert "POSTERN_DB_POOL" in caught.value.remedy
    assert caught.value.http_status == 503
    with pool.connection() as one, pool.connection() as two:
        assert backend(one) != backend(two)


def test_who_waits_gets_the_connection_that_comes_back(pool: Pool):
    got = threading.Event()

    def wait() -> None:
        with pool.connection() as db:
            backend(db)
            got.set()

    with pool.connection():
        with pool.connection():
            thread = threading.Thread(target=wait)
            thread.start()
            assert not got.is_set()
        assert got.wait(PATIENCE)
    join(thread)


def test_an_error_of_the_borrower_passes_and_the_connection_goes_on(pool: Pool):
    with pool.connection() as db:
        first = backend(db)
    with pytest.raises(ZeroDivisionError), pool.connection() as db, db.transaction(SYSTEM):
        raise ZeroDivisionError
    with pytest.raises(PosternError), pool.connection() as db, db.transaction(SYSTEM):
        db.run("SELECT 1/0")
    with pool.connection() as db:
        assert backend(db) == first


def test_a_connection_that_the_server_closed_meanwhile_is_replaced_unseen(pool: Pool, place: Place):
    with pool.connection() as db:
        first = backend(db)
    end(place, db, first)
    with pool.connection() as db:
        assert backend(db) != first


def lose(pool: Pool, place: Place) -> None:
    with pool.connection() as db, db.transaction(SYSTEM):
        end(place, db, int(db.value("SELECT pg_backend_pid()")))
        db.run("SELECT 1")


def test_a_connection_that_broke_in_use_is_not_lent_again(pool: Pool, place: Place):
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            lose(pool, place)
    with pool.connection() as one, pool.connection() as two:
        assert backend(one) != backend(two)


def test_one_that_the_borrower_closed_is_not_lent_again(pool: Pool):
    with pool.connection() as db:
        backend(db)
        db.close()
    with pool.connection() as db:
        backend(db)


def test_a_database_that_is_away_takes_no_place_for_ever(config: Config, tmp_path: Path):
    away = dataclasses.replace(config, db_host=str(tmp_path))
    with contextlib.closing(Pool(away)) as pool:
        for _ in range(config.db_pool + 2):
            with pytest.raises(DatabaseUnavailable), pool.connection():
                pass


def test_many_threads_share_few_connections(place: Place, pool: Pool):
    seen: set[int] = set()
    lent = threading.Semaphore(2)

    def work() -> None:
        """What fails here fails the test: pytest turns a thread's exception into a warning, and that is an error."""
        for _ in range(10):
            with pool.connection() as db:
                assert lent.acquire(blocking=False), "a third one was lent"
                seen.add(backend(db))
                lent.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    join(*threads)
    assert len(seen) <= 2
    assert seen.issuperset(connected(place))


def test_close_ends_what_is_free(pool: Pool, place: Place):
    with pool.connection() as one, pool.connection() as two:
        pids = {backend(one), backend(two)}
    assert pids.issubset(connected(place))
    pool.close()
    until(lambda: not pids.intersection(connected(place)))
    with pool.connection() as db:
        assert backend(db) not in pids


def test_a_connection_with_tls_is_used_again(tls_server: Postgres, tmp_path: Path):
    config = Config(
        db_host="127.0.0.1",
        db_port=tls_server.port,
        db_name="postgres",
        db_user=OWNER,
        db_password=PASSWORD,
        db_sslmode="verify-full",
        db_sslrootcert=tls_server.ca_file,
        home=str(tmp_path),
    )
    (tmp_path / "run").mkdir()
    with contextlib.closing(Pool(config)) as pool:
        with pool.connection() as db:
            first = backend(db)
        with pool.connection() as db:
            assert backend(db) == first
