"""cPanel's uapi, and the database it makes: a real PostgreSQL that asks for passwords, in each way that a panel may give it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tiers
from postern.base.connect import connect
from postern.base.database import SYSTEM, Database
from postern.base.errors import ConfigError, DatabaseUnavailable
from postern.base.settings import Config
from postern.ops import migrate
from postern.ops.install import cpanel
from postern.ops.install.cpanel import CpanelRefused, Credentials
from postern.ops.local.embedded import Postgres
from postern.store import roles
from support.uapi import Uapi

OWNERSHIPS = ("group", "user", "granted")
HBA = (
    "local all postgres trust",
    "local all all md5",
    "host all all 127.0.0.1/32 md5",
)
"""As cPanel's: everybody has a password."""


@pytest.fixture(scope="module")
def server(start_over_tcp: Callable[..., Postgres]) -> Iterator[Postgres]:
    settings = {"log_statement": "all", "password_encryption": "md5"}
    with start_over_tcp(hba=HBA, settings=settings) as made:
        yield made


@pytest.fixture
def uapi(tmp_path: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uapi]:
    with Uapi(tmp_path / "bin", server) as made:
        monkeypatch.setenv("PATH", f"{made.folder}:/usr/bin:/bin")
        yield made


def opened(found: Credentials, password: str | None = None) -> contextlib.closing[Database]:
    config = Config(
        db_host=found.host,
        db_port=found.port,
        db_name=found.name,
        db_user=found.user,
        db_password=found.password if password is None else password,
    )
    return contextlib.closing(connect(config))


def passwords_given(uapi: Uapi) -> list[str]:
    return [given["password"] for _, _, given in uapi.calls if "password" in given]


@pytest.mark.parametrize("ownership", OWNERSHIPS)
def test_the_database_takes_the_schema_whoever_owns_it(uapi: Uapi, server: Postgres, ownership: str):
    uapi.ownership = ownership
    found = cpanel.make_database(places=[server.socket_dir])
    assert (found.host, found.port) == (server.socket_dir, server.port)
    assert uapi.databases() == [found.name] == [f"{uapi.prefix}postern"]
    assert uapi.users() == [found.user]
    with opened(found) as db:
        assert migrate.up(db, "postern", migrate.read_files())
    again = cpanel.make_database(places=[server.socket_dir])
    assert again.name == found.name
    assert again.password != found.password
    with opened(again) as db:
        assert migrate.up(db, "postern", migrate.read_files()) == []
    with pytest.raises(ConfigError):
        connect_with(found)


def connect_with(found: Credentials, password: str | None = None) -> None:
    with opened(found, password):
        pass


def test_the_password_of_the_command_line_is_worth_nothing_afterwards(uapi: Uapi, server: Postgres):
    found = cpanel.make_database(places=[server.socket_dir])
    (given,) = passwords_given(uapi)
    assert given != found.password
    with pytest.raises(ConfigError):
        connect_with(found, given)


def test_the_real_password_is_in_no_log_and_no_repr(uapi: Uapi, server: Postgres):
    found = cpanel.make_database(places=[server.socket_dir])
    log = Path(server.socket_dir, "log").read_text(errors="replace")
    assert "postern.verifier" in log
    assert found.password not in log
    assert found.password not in repr(found)
    assert found.password not in json.dumps(uapi.calls)


def test_who_came_in_with_the_password_of_the_command_line_is_thrown_out(uapi: Uapi, server: Postgres):
    first = cpanel.make_database(places=[server.socket_dir])
    with opened(first) as stranger:
        cpanel.make_database(places=[server.socket_dir])
        with pytest.raises(DatabaseUnavailable), stranger.transaction(SYSTEM):
            stranger.run("SELECT 1")


@pytest.mark.parametrize("when", ["kill_before", "kill_after"])
@pytest.mark.parametrize("number", range(1, 7))
def test_killed_at_any_call_the_next_run_ends_well(uapi: Uapi, server: Postgres, when: str, number: int):
    setattr(uapi, when, number)
    code = (
        f"from postern.ops.install import cpanel; print(cpanel.make_database(places=[{server.socket_dir!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tiers.TOP / "lib")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = cpanel.make_database(places=[server.socket_dir])
    assert uapi.databases() == [found.name]
    assert uapi.users() == [found.user]
    connect_with(found)


def test_killed_between_the_verifier_and_the_answer_the_next_run_ends_well(uapi: Uapi, server: Postgres):
    lost = cpanel.make_database(places=[server.socket_dir])
    found = cpanel.make_database(places=[server.socket_dir])
    assert (found.name, found.user) == (lost.name, lost.user)
    connect_with(found)


def test_two_instances_of_an_account_have_two_databases(uapi: Uapi, server: Postgres):
    first = cpanel.make_database(places=[server.socket_dir])
    second = cpanel.make_database("postern2", places=[server.socket_dir])
    assert uapi.databases() == [first.name, second.name]
    connect_with(first)
    connect_with(second)


def test_an_account_without_a_prefix_gets_plain_names(
    tmp_path: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch
):
    name = f"alice{os.getpid()}plain"
    with Uapi(tmp_path / "bin", server, prefix="") as uapi:
        monkeypatch.setenv("PATH", f"{uapi.folder}:/usr/bin:/bin")
        found = cpanel.make_database(name, places=[server.socket_dir])
        assert (found.name, found.user) == (name, f"{name}_app")
        connect_with(found)


def test_it_is_found_over_tcp_where_there_is_no_socket(uapi: Uapi, server: Postgres, tmp_path: Path):
    found = cpanel.make_database(places=[str(tmp_path), "127.0.0.1"], port=server.port)
    assert (found.host, found.port) == ("127.0.0.1", server.port)
    connect_with(found)


def test_no_server_anywhere_says_where_it_was_sought(uapi: Uapi, tmp_path: Path):
    with pytest.raises(DatabaseUnavailable, match=f"no PostgreSQL answers at {tmp_path}") as caught:
        cpanel.make_database(places=[str(tmp_path)])
    assert "POSTERN_DB_HOST" in caught.value.remedy


REFUSALS = {
    "the feature is off": (lambda uapi: uapi.features.clear(), "You do not have the feature “postgres”"),
    "a command fails": (
        lambda uapi: uapi.refuse.update(create_database="The PostgreSQL command failed: no space left"),
        "no space left",
    ),
    "the number of databases is used up": (
        lambda uapi: uapi.refuse.update(create_user="You have reached your limit."),
        "reached your limit",
    ),
    "its answer is no JSON": (
        lambda uapi: setattr(uapi, "raw", "Internal error: disk quota exceeded"),
        "makes no sense: Internal error: disk quota",
    ),
    "its answer is empty": (lambda uapi: setattr(uapi, "raw", ""), "makes no sense: nothing"),
    "its answer is of another kind": (lambda uapi: setattr(uapi, "raw", '["result"]'), "makes no sense"),
    "status 0 without a word": (
        lambda uapi: setattr(uapi, "raw", '{"result": {"status": 0, "errors": null, "data": null}}'),
        "gave no reason",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_says_why_and_what_to_click(uapi: Uapi, server: Postgres, case: str):
    arrange, words = REFUSALS[case]
    arrange(uapi)
    with pytest.raises(CpanelRefused, match=words) as caught:
        cpanel.make_database(places=[server.socket_dir])
    assert "PostgreSQL Databases" in caught.value.remedy
    assert caught.value.__cause__ is None
    assert not any(password in str(caught.value) for password in passwords_given(uapi))


def test_a_postgresql_that_is_down_is_said_with_cpanels_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with Uapi(tmp_path / "bin") as uapi:
        monkeypatch.setenv("PATH", f"{uapi.folder}:/usr/bin:/bin")
        with pytest.raises(CpanelRefused, match="currently offline"):
            cpanel.make_database()


def test_names_that_are_too_long_are_refused_before_anything_is_made(uapi: Uapi, server: Postgres):
    with pytest.raises(CpanelRefused, match="names of 63 characters"):
        cpanel.make_database("p" * 60, places=[server.socket_dir])
    assert [function for _, function, _ in uapi.calls] == ["get_restrictions"]


def test_without_the_program_there_is_no_cpanel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not cpanel.available()
    with pytest.raises(CpanelRefused, match="cannot be run"):
        cpanel.call("Postgresql", "list_users")


def test_a_program_that_hangs_is_given_up_without_showing_its_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / "uapi"
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(cpanel, "CALL_SECONDS", 0.2)
    with pytest.raises(CpanelRefused, match="did not answer") as caught:
        cpanel.call("Postgresql", "set_password", user="alice_app", password="thrown away")
    assert caught.value.__cause__ is None
    assert "thrown" not in str(caught.value)


def test_values_reach_cpanel_as_they_are(uapi: Uapi):
    assert cpanel.available()
    path = "sites/it's 100% a+b=c&d"
    cpanel.call("PassengerApps", "register_application", name="Póstern", path=path, domain=uapi.domain)
    assert uapi.applications["Póstern"]["path"] == f"/home/alice/{path}"


def test_the_verifier_is_what_postgresql_itself_would_make(server: Postgres):
    """Given the salt that the server chose for the same password, ours is the same string."""
    password = "Correct9Horse"
    with contextlib.closing(server.connect()) as session:
        session.run(f"SET password_encryption TO 'scram-sha-256'; CREATE ROLE sample PASSWORD '{password}'")
        ((made,),) = session.run("SELECT rolpassword FROM pg_authid WHERE rolname = 'sample'")
        session.run("DROP ROLE sample")
    salt = base64.b64decode(made.split("$")[1].split(":")[1])
    assert roles._verifier(password, salt) == made
