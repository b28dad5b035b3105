"""The embedded PostgreSQL: it starts, serves, comes back from a crash, and leaves nothing, however its owner ends."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

import tiers
from postern.base.errors import ConfigError, DatabaseUnavailable, NotFound
from postern.ops.local import binaries, scratch
from postern.ops.local.embedded import Postgres
from postern.ops.local.superuser import Superuser
from support.patience import PATIENCE, join, until
from support.postgres import GRANTED, OWNER, PASSWORD, Database, fresh_database

LIB = tiers.TOP / "lib"


def is_alive(pid: int) -> bool:
    """A zombie is dead: only its parent has not looked yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_for_end(pid: int) -> None:
    """Without polling: a pidfd becomes readable at the end of its process."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], PATIENCE)[0], f"process {pid} lives on"
    finally:
        os.close(handle)


def test_a_server_starts_on_a_socket_only_and_leaves_nothing_when_it_stops() -> None:
    with Postgres.start() as server:
        pid = server.pid
        with contextlib.closing(server.connect()) as connection:
            assert connection.run("SHOW listen_addresses") == [[""]]
            assert connection.run("SELECT current_user") == [["postgres"]]
        assert pid is not None
        assert is_alive(pid)
        assert os.stat(server.socket_dir).st_mode & 0o077 == 0
        assert len(server.socket) <= 107
    assert not is_alive(pid)
    assert not os.path.exists(server.socket_dir)


def test_stopping_twice_is_harmless() -> None:
    server = Postgres.start()
    server.stop()
    server.stop()
    assert server.pid is None


def test_nothing_is_left_after_an_exception() -> None:
    with contextlib.suppress(ZeroDivisionError), Postgres.start() as server:
        pid = server.pid
        raise ZeroDivisionError
    assert pid is not None
    assert not is_alive(pid)
    assert not os.path.exists(server.socket_dir)


def test_a_server_that_cannot_start_says_why_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(
        scratch, "_make", lambda *args, make=scratch._make: made.append(make(*args)) or made[-1]
    )
    with pytest.raises(DatabaseUnavailable, match="no_such_setting"):
        Postgres.start(settings={"no_such_setting": "1"})
    assert len(made) == 1
    assert not os.path.exists(made[0])


def test_committed_rows_survive_kill_9_and_a_restart() -> None:
    with Postgres.start() as server:
        connection = server.connect()
        connection.run("CREATE TABLE t (n int)")
        connection.run("INSERT INTO t SELECT generate_series(1, 1000)")
        old = server.pid
        server.kill9()
        assert server.pid is None
        # Its backend may be gone already, or be about to notice.
        with contextlib.suppress(InterfaceError, OSError):
            connection.close()
        server.restart()
        assert server.pid not in (None, old)
        with contextlib.closing(server.connect()) as connection:
            assert connection.run("SELECT count(*) FROM t") == [[1000]]
        server.restart()
        with contextlib.closing(server.connect()) as connection:
            assert connection.run("SELECT count(*) FROM t") == [[1000]]


def test_a_restart_waits_for_the_dead_servers_last_backend() -> None:
    """A backend that computes does not notice at once that its server was killed, and still holds the shared memory."""
    work = "SELECT count(*) FROM generate_series(1, 5000000)"
    with Postgres.start() as server:
        watch = server.connect()
        worker = threading.Thread(target=run_and_break, args=(server, work))
        worker.start()
        active = "SELECT 1 FROM pg_stat_activity WHERE query = :q AND state = 'active'"
        until(lambda: watch.run(active, q=work))
        server.kill9()
        with contextlib.suppress(InterfaceError, OSError):
            watch.close()
        server.restart()
        with contextlib.closing(server.connect()) as connection:
            assert connection.run("SELECT 1") == [[1]]
        join(worker)


def run_and_break(server: Postgres, sql: str) -> None:
    with contextlib.suppress(InterfaceError, OSError), contextlib.closing(server.connect()) as connection:
        connection.run(sql)


def test_a_folder_of_the_callers_keeps_its_cluster() -> None:
    with contextlib.ExitStack() as stack:
        kept = scratch.Scratch("postern-t-", user=scratch.service_user())
        stack.callback(kept.remove)
        with Postgres.start(kept.path("kept")) as server, contextlib.closing(server.connect()) as connection:
            connection.run("CREATE TABLE t (n int)")
        with Postgres.start(kept.path("kept")) as server, contextlib.closing(server.connect()) as connection:
            assert connection.run("SELECT count(*) FROM t") == [[0]]
        assert os.path.exists(kept.path("kept", "PG_VERSION"))


# Whoever started the tests under nohup left SIGHUP ignored for all of us. (SIGINT: conftest.py.)
OWNER_PROGRAM = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.path.insert(0, sys.argv[1])
from postern.ops.local.embedded import Postgres
server = Postgres.start()
try:
    print(server.pid, server._scratch._janitor.pid, server.socket_dir, flush=True)
    sys.stdin.read()
finally:
    if sys.argv[2] == "stops":
        server.stop()
"""


@contextlib.contextmanager
def owner(how: str) -> Iterator[tuple[subprocess.Popen[str], int, int, str]]:
    """A process that owns a server; its server's pid, its janitor's pid, its folder."""
    argv = [sys.executable, "-c", OWNER_PROGRAM, str(LIB), how]
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            pid, janitor, folder = process.stdout.readline().split()
            yield process, int(pid), int(janitor), folder
        finally:
            process.kill()


needs_linux = pytest.mark.skipif(
    not hasattr(os, "pidfd_open") or sys.platform != "linux",
    reason="death signals are Linux's; pidfd came with Python 3.9",
)


@needs_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_server_and_folder_go_when_the_owner_is_killed(number: signal.Signals) -> None:
    with owner("forgets") as (process, pid, janitor, folder):
        assert is_alive(pid)
        assert os.path.isdir(folder)
        process.send_signal(number)
        wait_for_end(pid)
        wait_for_end(janitor)
        assert not os.path.exists(folder)


@needs_linux
def test_an_owner_that_simply_ends_leaves_nothing() -> None:
    with owner("forgets") as (process, pid, janitor, folder):
        process.communicate("", timeout=PATIENCE)
        wait_for_end(pid)
        wait_for_end(janitor)
        assert not os.path.exists(folder)


@needs_linux
def test_ctrl_c_at_the_terminal_reaches_the_owner_only() -> None:
    """A terminal signals the whole process group; the server must still be there for the owner's own clean-up."""
    with owner("stops") as (process, pid, janitor, folder):
        assert process.pid not in (os.getpgid(pid), os.getpgid(janitor))
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
        assert process.returncode == -signal.SIGINT
        assert not is_alive(pid)
        assert not is_alive(janitor)
        assert not os.path.exists(folder)


@needs_linux
def test_a_server_ends_with_its_owner_though_nobody_tidies_up() -> None:
    """Without the shell that removes the folder, the death signal alone must do."""
    with owner("forgets") as (process, pid, janitor, folder):
        try:
            os.kill(janitor, signal.SIGKILL)
            process.kill()
            wait_for_end(pid)
            assert not os.path.exists(os.path.join(folder, "data", "postmaster.pid")), (
                "it was no orderly shutdown"
            )
        finally:
            shutil.rmtree(folder)


@needs_linux
def test_a_server_killed_with_its_owner_leaves_no_folder() -> None:
    with owner("forgets") as (process, pid, janitor, folder):
        os.kill(pid, signal.SIGKILL)
        process.kill()
        wait_for_end(janitor)
        assert not os.path.exists(folder)


def test_two_servers_side_by_side_do_not_meet() -> None:
    with Postgres.start() as one, Postgres.start() as two:
        one.create_database("only_here")
        with contextlib.closing(two.connect()) as connection:
            assert connection.run("SELECT count(*) FROM pg_database WHERE datname = 'only_here'") == [[0]]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down; run the tests as root")
def test_root_steps_down_and_copies_what_the_other_user_cannot_reach() -> None:
    with contextlib.ExitStack() as stack:
        hidden = scratch.Scratch("postern-t-")
        stack.callback(hidden.remove)
        source = binaries.wheel()
        assert source is not None
        bin_dir = binaries.copy(source, hidden.path("pg"))
        user = scratch.service_user()
        assert user in ("postgres", "nobody")
        assert binaries.version(bin_dir, user) is None
        server = stack.enter_context(Postgres.start(bin_dir=bin_dir))
        assert server.bin_dir.startswith(server.socket_dir)
        assert os.stat(f"/proc/{server.pid}").st_uid != 0


def test_the_wheel_has_what_we_need() -> None:
    bin_dir = binaries.wheel()
    assert bin_dir is not None
    assert (binaries.version(bin_dir) or 0) >= 16
    with Postgres.start(bin_dir=bin_dir) as server, contextlib.closing(server.connect()) as connection:
        assert connection.run("SELECT gen_random_uuid() IS NOT NULL") == [[True]]


def test_a_folder_named_by_the_operator_is_the_only_one_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTERN_PG_BIN", str(tmp_path))
    with pytest.raises(ConfigError, match="POSTERN_PG_BIN"):
        binaries.installed()
    wheel = binaries.wheel()
    assert wheel is not None
    monkeypatch.setenv("POSTERN_PG_BIN", wheel)
    assert binaries.locate() == os.path.realpath(wheel)


def test_programs_are_found_through_links_on_path_and_newest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9.6", "10", "17", "8"):
        folder = tmp_path / "versions" / version / "bin"
        folder.mkdir(parents=True)
        for name in binaries.PROGRAMS:
            (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.1'\n")
            (folder / name).chmod(0o755)
    monkeypatch.delenv("POSTERN_PG_BIN", raising=False)
    monkeypatch.setattr(binaries, "FOLDERS", (str(tmp_path / "versions" / "*" / "bin"),))
    monkeypatch.setenv("PATH", "/nonexistent")
    assert binaries.installed() == str(tmp_path / "versions" / "17" / "bin")
    links = tmp_path / "links"
    links.mkdir()
    (links / "initdb").symlink_to(tmp_path / "versions" / "10" / "bin" / "initdb")
    monkeypatch.setenv("PATH", f"{links}:/usr/bin:/bin")
    assert binaries.installed() == str(tmp_path / "versions" / "10" / "bin")


def test_a_machine_without_postgresql_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTERN_PG_BIN", raising=False)
    monkeypatch.setattr(binaries, "FOLDERS", ())
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NotFound, match="POSTERN_PG_BIN"):
        binaries.locate()


def over_tcp(server: Postgres, password: str, host: str = "127.0.0.1", *, tls: bool = True) -> Connection:
    sock = socket.create_connection(("127.0.0.1", server.port))
    context = ssl.create_default_context(cafile=server.ca_file) if tls else False
    try:
        return Connection(
            OWNER, password=password, database="postgres", host=host, sock=sock, ssl_context=context
        )
    except BaseException:
        sock.close()
        raise


def test_over_tcp_there_are_tls_and_passwords(tls_server: Postgres) -> None:
    with contextlib.closing(over_tcp(tls_server, PASSWORD)) as connection:
        assert connection.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [[True]]
    with contextlib.closing(over_tcp(tls_server, PASSWORD, tls=False)) as connection:
        assert connection.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [[False]]
    with contextlib.closing(tls_server.connect()) as connection:
        stored = connection.run("SELECT rolpassword FROM pg_authid WHERE rolname = :name", name=OWNER)
        assert stored[0][0].startswith("SCRAM-SHA-256$")
    with pytest.raises(DatabaseError, match="28P01"):
        over_tcp(tls_server, "wrong")
    with pytest.raises(Exception, match="certificate verify failed"):
        over_tcp(tls_server, PASSWORD, host="elsewhere.example")


def test_the_owners_role_may_do_anything_in_its_database(database: Database) -> None:
    with contextlib.closing(database.connect()) as connection:
        connection.run("CREATE SCHEMA s")
        assert connection.run("SELECT current_user, current_database()") == [[OWNER, database.name]]
        assert connection.run("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [[False]]


def test_the_granted_role_may_make_a_schema_but_owns_nothing(granted_database: Database) -> None:
    with contextlib.closing(granted_database.connect()) as connection:
        connection.run("CREATE SCHEMA s")
        assert connection.run("SELECT current_user") == [[GRANTED]]
        with pytest.raises(DatabaseError, match="42501"):
            connection.run(f"ALTER DATABASE {granted_database.name} SET work_mem = '8MB'")


def test_a_database_goes_even_when_somebody_is_still_in_it(cluster: Superuser) -> None:
    with fresh_database(cluster) as fresh:
        lingering = fresh.connect()
        lingering.run("BEGIN")
    with contextlib.closing(cluster.connect()) as connection:
        assert connection.run("SELECT count(*) FROM pg_database WHERE datname = :n", n=fresh.name) == [[0]]
    with contextlib.suppress(Exception):
        lingering.close()


def test_every_supported_release_serves(matrix_server: Postgres) -> None:
    with fresh_database(matrix_server) as fresh, contextlib.closing(fresh.connect()) as connection:
        (version,) = connection.run("SHOW server_version_num")[0]
        assert int(version) // 10000 in tiers.RELEASES
        assert binaries.version(matrix_server.bin_dir) == int(version) // 10000
        connection.run("CREATE SCHEMA s")
