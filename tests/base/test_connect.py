"""Connecting to PostgreSQL: TLS just as asked for, and each error that an operator can meet, with its remedy.

Against real servers: the run's own over its Unix socket; one with TLS; one that takes only TLS and whose certificate is
for another name; one without TLS.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.base import connect as connecting
from postern.base.connect import connect
from postern.base.database import SYSTEM, Database
from postern.base.errors import ConfigError, DatabaseUnavailable, PosternError
from postern.base.settings import Config
from postern.ops.local import certificate
from postern.ops.local.embedded import Postgres
from support.patience import join
from support.postgres import GRANTED, OWNER, PASSWORD, create_roles
from support.postgres import Database as Place


def settings(place: Place, **changes: object) -> Config:
    """As .env would give them."""
    given = Config(db_host=place.host, db_port=place.port, db_name=place.name, db_user=place.user)
    return dataclasses.replace(given, **changes)


# Over the socket.


def no_way(config: Config, kind: type[PosternError] = DatabaseUnavailable) -> PosternError:
    """The error of connecting, which has a remedy and shows no password."""
    with pytest.raises(PosternError) as caught:
        connect(config)
    error = caught.value
    assert type(error) is kind, error
    assert error.remedy
    assert PASSWORD not in f"{error!r}{error}"
    assert "mistaken" not in f"{error!r}{error}"
    assert error.__suppress_context__
    return error


def test_a_socket_that_is_not_there_is_told_with_the_place(database: Place, tmp_path: Path):
    error = no_way(settings(database, db_host=str(tmp_path)))
    assert str(tmp_path) in error.reason
    assert "POSTERN_DB_HOST" in error.remedy


def test_a_database_that_is_not_there_is_told_by_name(database: Place):
    error = no_way(settings(database, db_name="misspelt"), ConfigError)
    assert "misspelt" in error.reason
    assert "POSTERN_DB_NAME" in error.remedy


def test_a_role_that_is_not_there_is_told_by_name(database: Place):
    error = no_way(settings(database, db_user="misspelt"), ConfigError)
    assert "misspelt" in error.reason
    assert "POSTERN_DB_USER" in error.remedy


@pytest.mark.parametrize("of", ["ROLE", "DATABASE"])
def test_a_limit_of_connections_is_trouble_that_passes(database: Place, of: str):
    role = f"limited_{os.getpid()}"
    name = role if of == "ROLE" else database.name
    with contextlib.closing(database.connect_superuser()) as superuser:
        superuser.run(f"CREATE ROLE {role} LOGIN")
        try:
            superuser.run(f"ALTER {of} {name} CONNECTION LIMIT 0")
            error = no_way(settings(database, db_user=role))
        finally:
            superuser.run(f"DROP ROLE {role}")
    assert "no free connection" in error.reason
    assert "POSTERN_DB_POOL" in error.remedy


def open_files() -> set[str]:
    return {
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.lexists(f"/proc/self/fd/{fd}")
    }


def test_a_connection_that_was_refused_or_cut_leaves_no_socket_open(database: Place):
    """Whatever still refers to it: the collector is not there to close sockets."""
    before = open_files()
    errors = [no_way(settings(database, db_name="misspelt"), ConfigError) for _ in range(3)]
    db = connect(settings(database))
    with contextlib.closing(database.server.connect()) as superuser:
        superuser.run("SELECT pg_terminate_backend(:pid)", pid=db.run("SELECT pg_backend_pid()")[0][0])
    with pytest.raises(DatabaseUnavailable) as caught, db.transaction(SYSTEM):
        pass
    db.close()
    errors.append(caught.value)
    assert {name for name in open_files() - before if name.startswith("socket:")} == set()
    assert len(errors) == 4, "they refer to what the driver was at"


# Over TCP, with TLS and without.


def over_tcp(server: Postgres, **changes: object) -> Config:
    given = Config(
        db_host="127.0.0.1",
        db_port=server.port,
        db_name="postgres",
        db_user=OWNER,
        db_password=PASSWORD,
        db_sslmode="verify-full",
        db_sslrootcert=server.ca_file,
    )
    return dataclasses.replace(given, **changes)


@pytest.fixture(scope="module")
def strict_server(tls_server: Postgres) -> Iterator[Postgres]:
    """Takes only TLS over TCP; its certificate is for db.example.net, which is not where it listens."""
    hba = ("local all all trust", "hostssl all all 127.0.0.1/32 scram-sha-256")
    with Postgres.start(tcp=True, bin_dir=tls_server.bin_dir, hba=hba) as server:
        certificate.make(os.path.dirname(server.ca_file), names=("db.example.net",))
        server.restart()
        create_roles(server)
        yield server


@pytest.fixture(scope="module")
def plain_server() -> Iterator[Postgres]:
    """Offers no TLS."""
    hba = ("local all all trust", "host all all 127.0.0.1/32 md5")
    with Postgres.start(tcp=True, settings={"ssl": "off"}, hba=hba) as server:
        create_roles(server)
        yield server


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_encrypted(db: Database) -> bool:
    return bool(db.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")[0][0])


@pytest.mark.parametrize(
    ("changes", "encrypted"),
    [
        ({}, True),
        ({"db_host": "localhost"}, True),
        ({"db_sslmode": "require"}, True),
        ({"db_sslmode": "require", "db_sslrootcert": ""}, True),
        ({"db_sslmode": "disable"}, False),
    ],
    ids=["verify-full", "verify-full by name", "require", "require without a CA", "disable"],
)
def test_tls_is_used_just_when_it_is_asked_for(
    tls_server: Postgres, changes: dict[str, object], encrypted: bool
):
    with contextlib.closing(connect(over_tcp(tls_server, **changes))) as db:
        assert is_encrypted(db) is encrypted


def test_a_wrong_password_is_told_with_the_remedy(tls_server: Postgres):
    error = no_way(over_tcp(tls_server, db_password="mistaken"), ConfigError)
    assert OWNER in error.reason
    assert "POSTERN_DB_PASSWORD" in error.remedy


def test_no_password_where_one_is_needed_is_told(tls_server: Postgres):
    error = no_way(over_tcp(tls_server, db_password=""), ConfigError)
    assert "POSTERN_DB_PASSWORD" in error.remedy


@pytest.mark.parametrize("sslmode", ["disable", "verify-full"])
def test_a_port_where_nobody_listens_is_told_with_the_place(tls_server: Postgres, sslmode: str):
    port = unused_port()
    error = no_way(over_tcp(tls_server, db_port=port, db_sslmode=sslmode))
    assert f"127.0.0.1, port {port}" in error.reason
    assert "POSTERN_DB_PORT" in error.remedy


def test_a_name_that_does_not_exist_is_told(tls_server: Postgres):
    error = no_way(over_tcp(tls_server, db_host="no-such-host.invalid"))
    assert "no-such-host.invalid" in error.reason


@pytest.mark.parametrize("sslmode", ["disable", "verify-full"])
def test_a_server_that_never_answers_is_given_up(
    tls_server: Postgres, sslmode: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = no_way(over_tcp(tls_server, db_port=port, db_sslmode=sslmode, db_statement_seconds=0))
    assert "cannot be reached" in error.reason


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"S", b"N" * 100, b"\0" * 9])
def test_something_else_that_listens_there_is_told(tls_server: Postgres, answer: bytes):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as sock, contextlib.suppress(ConnectionError):
                sock.sendall(answer)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1000):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(PosternError) as caught:
            connect(over_tcp(tls_server, db_port=listener.getsockname()[1], db_sslmode="require"))
        join(thread)
    assert isinstance(caught.value, (DatabaseUnavailable, ConfigError))


def test_a_server_that_takes_only_tls_is_told(strict_server: Postgres):
    error = no_way(over_tcp(strict_server, db_sslmode="disable"), ConfigError)
    assert "takes only TLS" in error.reason
    assert "POSTERN_DB_SSLMODE" in error.remedy


def test_a_server_without_tls_is_told_where_tls_is_asked_for(plain_server: Postgres):
    for sslmode in ("require", "verify-full"):
        error = no_way(over_tcp(plain_server, db_sslmode=sslmode, db_sslrootcert=""), ConfigError)
        assert "offers no TLS" in error.reason
        assert "POSTERN_DB_SSLMODE" in error.remedy
    with contextlib.closing(connect(over_tcp(plain_server, db_sslmode="disable"))) as db:
        assert not is_encrypted(db)


def test_a_certificate_for_another_name_does_not_verify(strict_server: Postgres):
    error = no_way(over_tcp(strict_server), ConfigError)
    assert "does not verify" in error.reason
    assert "POSTERN_DB_HOST" in error.remedy
    with contextlib.closing(connect(over_tcp(strict_server, db_sslmode="require"))) as db:
        assert is_encrypted(db)


def test_a_certificate_of_another_ca_does_not_verify(tls_server: Postgres, tmp_path: Path):
    stranger = certificate.make(str(tmp_path))
    for ca_file in (stranger.ca, ""):
        error = no_way(over_tcp(tls_server, db_sslrootcert=ca_file), ConfigError)
        assert "does not verify" in error.reason
        assert "POSTERN_DB_SSLROOTCERT" in error.remedy


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_file_that_is_none_is_told(tls_server: Postgres, tmp_path: Path, content: str | None):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    error = no_way(over_tcp(tls_server, db_sslrootcert=str(path)), ConfigError)
    assert "POSTERN_DB_SSLROOTCERT" in error.reason


def test_too_many_connections_is_trouble_that_passes(strict_server: Postgres):
    config = over_tcp(strict_server, db_sslmode="require", db_user=GRANTED)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(contextlib.closing(connect(config)))
        with contextlib.closing(strict_server.connect()) as superuser:
            superuser.run(f"ALTER ROLE {GRANTED} CONNECTION LIMIT 2")
        error = no_way(config)
    assert "no free connection" in error.reason


def lose_in_the_middle(db: Database, server: Postgres) -> None:
    with db.transaction(SYSTEM):
        server.kill9()
        db.run(
            "SELECT pg_sleep(60)"
        )  # until the backend has noticed, which it may not before a quick statement


def test_a_server_killed_in_the_middle_is_told_and_comes_back(strict_server: Postgres):
    config = over_tcp(strict_server, db_sslmode="require")
    with contextlib.closing(connect(config)) as db:
        with pytest.raises(DatabaseUnavailable):
            lose_in_the_middle(db, strict_server)
        assert db.broken
        no_way(config)
    strict_server.restart()
    with contextlib.closing(connect(config)) as db:
        assert is_encrypted(db)
