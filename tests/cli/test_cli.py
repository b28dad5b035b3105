"""The operator's command line, each command run as a process of its own: good and bad input, exit codes, JSON, no traceback.

Covered: every command; the operator's way from an empty folder to a message that arrived; each exit code of docs/cli.md.
Not here: the demo (tests/ops), what /health looks at (tests/web).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.base.lock import FileLock
from postern.cli.commands import _walk
from postern.cli.main import build_parser
from postern.ops.local.superuser import Superuser
from support import forked
from support.fixtures import relay_env
from support.instance import ALIAS, MAILBOX, ROOT, Instance
from support.mail import message
from support.patience import PATIENCE, child
from support.postgres import Database as Place
from support.relay import ScriptedRelay
from support.template import ready_database

COMMANDS = [name.split()[1:] for name, _, _ in _walk(build_parser())]


def run(instance: Instance, *args: str, code: int = 0, stdin: str = "") -> str:
    """Run `postern …`; what it printed. Errors go to stderr, results to stdout, a traceback nowhere."""
    found, out, errors = forked.run(["-m", "postern", *args], instance.environ, str(ROOT), stdin)
    told = f"postern {' '.join(args)}: {found}\n{out}{errors}"
    assert "Traceback" not in told, told
    assert found == code, told
    if code == 0:
        assert errors == "", told
        return out
    assert errors.startswith(("postern: ", "usage: ")), told
    return errors


def rows(instance: Instance, *args: str) -> list[dict[str, object]]:
    """A listing, read by a program."""
    found: list[dict[str, object]] = json.loads(run(instance, *args, "--json"))
    return found


@pytest.fixture(scope="module")
def office(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A migrated instance for tests that leave each other alone: each has users and domains of its own."""
    with ready_database(cluster) as place:
        settings = {**place.env, "POSTERN_RELAY_HOST": "smtp.relay.example"}
        with contextlib.closing(Instance(tmp_path_factory.mktemp("office") / "home", settings)) as made:
            made.migrate()
            yield made


@pytest.fixture
def empty(tmp_path: Path) -> Instance:
    """A home without a .env."""
    made = Instance(tmp_path / "home", {})
    (tmp_path / "home" / ".env").unlink()
    return made


# The command line itself.


def test_there_are_the_commands_that_the_operator_needs():
    assert len(COMMANDS) > 20
    for wanted in (["user", "add"], ["queue", "retry"], ["send-test"], ["keys", "new"], ["migrate", "up"]):
        assert wanted in COMMANDS


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(empty: Instance, command: list[str]):
    told = run(empty, *command, "--help")
    assert told.startswith(f"usage: postern {' '.join(command)}")
    assert f"example: postern {' '.join(command)}" in re.sub(r"\s+", " ", told)


def test_every_example_is_a_command_that_parses():
    parser = build_parser()
    for _, _, example in _walk(parser):
        words = shlex.split(re.sub(r" >>? .*", "", example))
        assert words[0] == "postern"
        assert parser.parse_args(words[1:]).run


def test_the_version_is_told(empty: Instance):
    assert re.fullmatch(r"postern \d+\.\d+\.\d+\n", run(empty, "--version"))


WRONG_USE = (
    (),
    ("frob",),
    ("user",),
    ("user", "frob"),
    ("user", "add"),
    ("user", "add", "jane", "joe"),
    ("user", "add", "jane", "--frob"),
    ("queue", "list", "--state", "lost"),
    ("queue", "list", "--most", "-1"),
    ("queue", "list", "--most", "many"),
    ("queue", "retry"),
    ("queue", "retry", "x"),
    ("queue", "drop", "1", "2x"),
    ("queue", "drop", "9" * 30),
    ("message", "show", "x"),
    ("message", "show", "-1"),
    ("user", "events", "jane", "--last", "-5"),
    ("migrate", "down", "-1"),
    ("migrate", "down", "all"),
    ("serve", "--port", "x"),
    ("alias", "add"),
    ("alias", "on"),
    ("alias", "list", "jane", "--state", "gone"),
    ("contact", "block", "shop@alias.example"),
    ("completion", "tcsh"),
)


@pytest.mark.parametrize("args", WRONG_USE, ids=" ".join)
def test_wrong_use_is_64(empty: Instance, args: tuple[str, ...]):
    run(empty, *args, code=64)


@pytest.mark.parametrize("command", [["commands"], ["keys", "new"]], ids=" ".join)
def test_a_reader_that_goes_away_is_no_error(office: Instance, command: list[str]):
    """`postern commands | head -1`"""
    read, write = os.pipe()
    os.close(read)
    environ = {name: value for name, value in office.environ.items() if name != "PYTHONUNBUFFERED"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "postern", *command],
            env=environ,
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


# Settings.


NEED_SETTINGS = (
    ("env", "check"),
    ("user", "list"),
    ("migrate", "up"),
    ("migrate", "status"),
    ("queue", "run"),
    ("health",),
    ("send-test", "shop@alias.example"),
)


@pytest.mark.parametrize("args", NEED_SETTINGS, ids=" ".join)
def test_without_settings_every_missing_one_is_named_and_the_code_is_78(
    empty: Instance, args: tuple[str, ...]
):
    told = run(empty, *args, code=78)
    for name in ("URL", "DB_NAME", "DB_USER", "SEAL_KEYS", "INDEX_KEY", "WEBHOOK_SECRETS", "RELAY_HOST"):
        assert f"- POSTERN_{name} is missing" in told
    assert f"{empty.home}/.env" in told


@pytest.mark.parametrize(
    "args", [("env", "example"), ("env", "table"), ("commands",), ("keys", "new")], ids=" ".join
)
def test_what_needs_no_settings_works_without_them(empty: Instance, args: tuple[str, ...]):
    assert run(empty, *args)


def test_fresh_keys_are_new_each_time_and_made_for_the_file(empty: Instance):
    first, second = run(empty, "keys", "new"), run(empty, "keys", "new")
    names = [line.partition("=")[0] for line in first.splitlines()]
    assert names == ["POSTERN_SEAL_KEYS", "POSTERN_INDEX_KEY", "POSTERN_WEBHOOK_SECRETS"]
    assert not set(first.splitlines()) & set(second.splitlines())


def test_a_weak_key_is_78_and_not_shown(office: Instance, tmp_path: Path):
    weak = "k1:" + "QUJD" * 10 + "QUI="
    made = Instance(tmp_path / "home", {**office.settings, "POSTERN_SEAL_KEYS": weak})
    told = run(made, "env", "check", code=78)
    assert weak[3:] not in told


def test_a_weak_webhook_secret_is_78_and_not_shown(office: Instance, tmp_path: Path):
    made = Instance(tmp_path / "home", {**office.settings, "POSTERN_WEBHOOK_SECRETS": "whsec_QUJDQUJD"})
    assert "QUJDQUJD" not in run(made, "env", "check", code=78)


def test_check_says_that_all_is_well(office: Instance):
    assert "complete" in run(office, "env", "check")


def test_a_database_that_is_away_is_75(office: Instance, tmp_path: Path):
    made = Instance(tmp_path / "home", {**office.settings, "POSTERN_DB_HOST": str(tmp_path)})
    for args in (("env", "check"), ("user", "list"), ("migrate", "up"), ("queue", "list")):
        assert str(tmp_path) in run(made, *args, code=75)


def test_a_database_without_tables_is_78_with_the_command_that_makes_them(office: Instance, tmp_path: Path):
    made = Instance(tmp_path / "home", {**office.settings, "POSTERN_DB_SCHEMA": "elsewhere"})
    for args in (("user", "list"), ("queue", "list"), ("user", "add", "jane")):
        assert "postern migrate up" in run(made, *args, code=78)


# Users.


def test_users_are_made_and_listed(office: Instance):
    assert "Made the user u.one_a-b" in run(office, "user", "add", "u.one_a-b")
    assert "u.one_a-b" in run(office, "user", "list")
    assert {"handle", "role", "since", "confirmed", "disabled"} == set(rows(office, "user", "list")[0])
    assert "already" in run(office, "user", "add", "u.one_a-b", code=73)


@pytest.mark.parametrize(
    "handle",
    ["", "Jane", "-x", ".x", "jane doe", "jane@example.net", "é", "a" * 64, "x\ny", "../x", "\x1b[2J"],
)
def test_what_cannot_be_a_handle_is_refused(office: Instance, handle: str):
    told = run(office, "user", "add", "--", handle, code=64)
    assert "\x1b" not in told


def test_what_asks_for_a_user_that_is_not_there_is_66(office: Instance):
    for args in (
        ("mailbox", "add", "nobody", "x@example.net"),
        ("mailbox", "list", "nobody"),
        ("alias", "list", "nobody"),
        ("user", "events", "nobody"),
        ("domain", "add", "nobody.example", "--user", "nobody"),
    ):
        assert "postern user list" in run(office, *args, code=66)


# Mailboxes.


def test_mailboxes_are_added_listed_and_verified(office: Instance):
    run(office, "user", "add", "mia")
    assert "No mailbox yet" in run(office, "mailbox", "list", "mia")
    assert rows(office, "mailbox", "list", "mia") == []
    run(office, "domain", "add", "mia.example")
    with FileLock(os.path.join(office.home, "run", "deliver.lock")) as lock:
        assert lock.acquire(), "no drain is woken for the link, for this instance has no relay"
        assert "a link was mailed" in run(office, "mailbox", "add", "mia", "Mia.M@Example.NET")
    (found,) = rows(office, "mailbox", "list", "mia")
    assert str(found["address"]).lower() == "mia.m@example.net"
    assert found["verified"] is None
    assert "has that mailbox already" in run(office, "mailbox", "add", "mia", "mia.m@example.net", code=73)
    assert "verified now" in run(office, "mailbox", "add", "mia", "mia.m@example.net", "--verified")
    assert rows(office, "mailbox", "list", "mia")[0]["verified"] is not None
    assert "already" in run(office, "mailbox", "add", "mia", "mia.m@example.net", "--verified", code=73)
    run(office, "mailbox", "add", "mia", "second@example.net", "--verified")
    assert len(run(office, "mailbox", "list", "mia").splitlines()) == 3


BAD_ADDRESSES = (
    "",
    "x",
    "@example.net",
    "x@",
    "x@@example.net",
    "a b@example.net",
    "x@example.net\nBcc: y@z",
    "x@-.net",
    "x" * 65 + "@example.net",
)


@pytest.fixture(scope="module")
def zoe(office: Instance) -> Instance:
    """A user and nothing else."""
    run(office, "user", "add", "zoe")
    return office


@pytest.mark.parametrize("address", BAD_ADDRESSES, ids=ascii)
def test_what_is_no_address_is_refused(zoe: Instance, address: str):
    run(zoe, "mailbox", "add", "--", "zoe", address, code=64)
    run(zoe, "alias", "add", "--", "zoe", address, code=64)


def test_a_mailbox_on_our_own_domain_would_loop(office: Instance):
    run(office, "user", "add", "lou")
    run(office, "domain", "add", "loop.example")
    assert "come back" in run(office, "mailbox", "add", "lou", "lou@LOOP.example", code=73)
    assert "come back" in run(office, "mailbox", "add", "lou", "lou@LOOP.example", "--verified", code=73)


# Domains.


def test_domains_are_taken_in_and_listed(office: Instance):
    run(office, "user", "add", "dora")
    assert "Took in shared.example" in run(office, "domain", "add", "Shared.Example")
    run(office, "domain", "add", "dora.example", "--user", "dora")
    run(office, "domain", "add", "bücher.example")
    owners = {row["name"]: row["owner"] for row in rows(office, "domain", "list")}
    assert owners["shared.example"] == "shared"
    assert owners["dora.example"] == "dora"
    assert owners["xn--bcher-kva.example"] == "shared"
    assert "already" in run(office, "domain", "add", "shared.example", code=73)
    assert "already" in run(office, "domain", "add", "DORA.example", "--user", "dora", code=73)


@pytest.mark.parametrize(
    "name",
    ["", "localhost.", "a b.example", "-x.example", "x..example", "x@y.example", "a" * 64 + ".example"],
)
def test_what_is_no_domain_is_refused(office: Instance, name: str):
    run(office, "domain", "add", "--", name, code=64)


# Aliases.


@pytest.fixture(scope="module")
def anna(office: Instance) -> Instance:
    """A user with two mailboxes and a domain."""
    for args in (
        ("user", "add", "anna"),
        ("user", "add", "bert"),
        ("mailbox", "add", "anna", "one@real.example", "--verified"),
        ("mailbox", "add", "anna", "two@real.example", "--verified"),
        ("mailbox", "add", "bert", "bert@real.example", "--verified"),
        ("domain", "add", "anna.example", "--user", "anna"),
        ("domain", "add", "all.example"),
    ):
        run(office, *args)
    return office


def forwards_to(instance: Instance, alias: str) -> list[str]:
    """Of which mailboxes the alias says so."""
    from postern.store import mailboxes

    context = instance.context()
    local, _, domain = alias.partition("@")
    found = instance.query(
        "SELECT m.uid, m.address_sealed FROM alias_mailboxes am JOIN mailboxes m ON m.id = am.mailbox_id"
        " JOIN aliases a ON a.id = am.alias_id JOIN domains d ON d.id = a.domain_id"
        " WHERE a.local = :local AND d.name = :domain ORDER BY m.id",
        local=local,
        domain=domain,
    )
    return [mailboxes.open_address(context.ring, uid, sealed) for uid, sealed in found]  # type: ignore[arg-type]


def test_aliases_are_made_listed_and_switched(anna: Instance):
    assert "Made shop@anna.example." in run(anna, "alias", "add", "anna", "Shop@Anna.example")
    assert forwards_to(anna, "shop@anna.example") == ["one@real.example"]
    run(
        anna,
        "alias",
        "add",
        "anna",
        "both@all.example",
        "--mailbox",
        "one@real.example",
        "--mailbox",
        "TWO@real.example",
    )
    assert forwards_to(anna, "both@all.example") == ["one@real.example", "two@real.example"]
    listed = {row["address"]: row["enabled"] for row in rows(anna, "alias", "list", "anna")}
    assert listed["shop@anna.example"] is True
    assert "shop@anna.example: off." in run(anna, "alias", "off", "SHOP@anna.example")
    assert "nothing to do" in run(anna, "alias", "off", "shop@anna.example")
    assert {row["address"]: row["enabled"] for row in rows(anna, "alias", "list", "anna")}[
        "shop@anna.example"
    ] is False
    assert "shop@anna.example: on." in run(anna, "alias", "on", "shop@anna.example")
    assert "taken" in run(anna, "alias", "add", "anna", "shop@anna.example", code=73)
    assert "taken" in run(anna, "alias", "add", "bert", "both@all.example", code=73)


def test_an_alias_that_cannot_be_made_is_not_made(anna: Instance):
    assert "no domain" in run(anna, "alias", "add", "bert", "x@anna.example", code=66)
    assert "no domain" in run(anna, "alias", "add", "anna", "x@elsewhere.example", code=66)
    assert "no such mailbox" in run(
        anna, "alias", "add", "anna", "x@all.example", "--mailbox", "bert@real.example", code=66
    )
    run(anna, "user", "add", "carl")
    assert "postern mailbox add carl" in run(anna, "alias", "add", "carl", "x@all.example", code=66)
    assert "No alias like that" in run(anna, "alias", "list", "carl")
    assert "x@all.example" not in run(anna, "alias", "list", "anna")
    assert "no alias" in run(anna, "alias", "on", "x@all.example", code=66)


@pytest.mark.parametrize("local", ["postmaster", "Abuse", "re-" + "a2" * 8, "bn-aaaa", "MAILER-DAEMON"])
def test_reserved_names_are_refused(anna: Instance, local: str):
    assert "reserved" in run(anna, "alias", "add", "anna", f"{local}@all.example", code=64)


# Migrations.


def test_migrations_are_shown_tried_applied_and_taken_back(database: Place, tmp_path: Path):
    made = Instance(tmp_path / "home", {**database.env, "POSTERN_RELAY_HOST": "smtp.relay.example"})
    assert {row["applied"] for row in rows(made, "migrate", "status")} == {None}
    assert "Would apply: 0001_accounts" in run(made, "migrate", "up", "--dry-run")
    assert {row["applied"] for row in rows(made, "migrate", "status")} == {None}
    assert "Applied: 0001_accounts" in run(made, "migrate", "up")
    assert "Nothing to do" in run(made, "migrate", "up")
    applied = rows(made, "migrate", "status")
    assert None not in {row["applied"] for row in applied}
    for answer in ("", "no\n", "y\n"):
        assert "Nothing was taken back" in run_and_answer(made, answer)
    assert rows(made, "migrate", "status") == applied
    assert "Took back" in run(made, "migrate", "down", stdin="yes\n")
    assert [row["applied"] for row in rows(made, "migrate", "status")][-1] is None
    assert "0001_accounts" in run(made, "migrate", "down", "99", "--yes")
    assert "Nothing to take back" in run(made, "migrate", "down", "--yes")


def run_and_answer(instance: Instance, answer: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "postern", "migrate", "down"],
        env=instance.environ,
        input=answer,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 64
    assert "Traceback" not in done.stderr
    return done.stderr


# Serving.


def test_a_port_that_is_taken_or_no_port_is_told(office: Instance):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "port" in run(office, "serve", "--port", str(taken.getsockname()[1]), code=75)
    assert "port" in run(office, "serve", "--port", "70000", code=75)
    assert "no-such-host.invalid" in run(office, "serve", "--host", "no-such-host.invalid", code=75)


SERVE = ["-m", "postern", "serve", "--port", "0"]


def test_ctrl_c_ends_the_site(office: Instance):
    with child(
        [sys.executable, *SERVE],
        env=office.environ,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout.readline().startswith("http://127.0.0.1:")
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=PATIENCE)
    assert (server.returncode, errors) == (130, "")


def test_a_site_in_the_background_takes_no_notice_of_ctrl_c_and_ends_when_told(office: Instance):
    """A shell without job control starts it with SIGINT ignored: that Ctrl-C is for what runs in front (POSIX 2.11)."""
    argv = ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, *SERVE]
    with child(argv, env=office.environ, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        site = server.stdout.readline().split()[0]
        server.send_signal(signal.SIGINT)
        with urllib.request.urlopen(site, timeout=PATIENCE) as answer:
            assert answer.status == 200
        server.terminate()
    assert server.returncode == -signal.SIGTERM


# The queue, messages and send-test: on an instance with a relay.


def test_the_operators_way_from_an_empty_folder_to_a_message_that_arrived(
    database: Place, relay: ScriptedRelay, empty: Instance
):
    env = Path(empty.home, ".env")

    def append(text: str) -> None:
        with open(os.open(env, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
            file.write(text)

    append(run(empty, "env", "example"))
    assert run(empty, "env", "check", code=78).count("is missing") == 7
    append(run(empty, "keys", "new"))
    assert run(empty, "env", "check", code=78).count("is missing") == 4
    given = {**database.env, **relay_env(relay), "POSTERN_URL": "http://localhost:8025"}
    append("".join(f"{name}={value}\n" for name, value in given.items()))
    empty.settings = {"POSTERN_WEBHOOK_SECRETS": re.findall("whsec_.*", env.read_text())[-1]}
    assert "database answers" in run(empty, "env", "check")
    assert "postern migrate up" in run(empty, "user", "add", "jane", code=78)
    assert "Applied" in run(empty, "migrate", "up")
    run(empty, "user", "add", "jane")
    run(empty, "mailbox", "add", "jane", MAILBOX, "--verified")
    run(empty, "domain", "add", "alias.example")
    run(empty, "alias", "add", "jane", ALIAS)
    assert "Nothing waits" in run(empty, "queue", "list")
    with empty.served() as site:
        assert "Accepted (stored)" in run(empty, "send-test", ALIAS, "--site", site)
        empty.finish()
        assert "5.1.1" in run(empty, "send-test", "nobody@alias.example", "--site", site, code=1)
        run(empty, "alias", "off", ALIAS)
        assert "5.2.1" in run(empty, "send-test", ALIAS, "--site", site, code=1)
        empty.wait_for_drain()
    run(empty, "queue", "run")
    assert relay.count == 1
    (sent,) = rows(empty, "queue", "list", "--state", "sent")
    assert (sent["user"], sent["alias"], sent["tries"]) == ("jane", ALIAS, 1)
    (shown,) = rows(empty, "message", "show", str(sent["message"]))
    assert (shown["alias"], shown["from"], shown["source"]) == (ALIAS, "postern-test@example.com", "test")
    assert shown["deleted"] is not None
    assert "deleted" in run(empty, "message", "show", str(sent["message"]), "--raw", code=66)
    assert [row["kind"] for row in rows(empty, "user", "events", "jane")] == ["blocked", "sent", "received"]
    assert [row["kind"] for row in rows(empty, "user", "events", "jane", "--last", "1")] == ["blocked"]
    assert "took the last message" in run(empty, "health")


def test_what_failed_is_listed_retried_dropped_and_shown(instance: Instance, relay: ScriptedRelay):
    mime = message(subject="Walrus")
    with instance.served() as site:
        relay.follow({"rcpt": "550 5.1.1 no such user here"})
        assert instance.post(site, mime).receipt == "stored"
        instance.finish()
    run(instance, "queue", "run")
    (failed,) = rows(instance, "queue", "list")
    assert failed["state"] == "failed"
    assert "550" in str(failed["relay"])
    assert "no such user here" in str(failed["relay"])
    number, message_id = str(failed["id"]), str(failed["message"])
    assert run_raw(instance, message_id) == mime
    assert "Walrus" not in run(instance, "message", "show", message_id)
    assert f"Delivery {number}: retried." in run(instance, "queue", "retry", number)
    assert "0 sent, 0 later, 1 failed" in run(instance, "queue", "run")
    told = run(instance, "queue", "drop", number, "4711", "--yes", code=73)
    assert "4711" in told
    assert [row["state"] for row in rows(instance, "queue", "list", "--state", "dropped")] == ["dropped"]
    assert number in run(instance, "queue", "drop", number, "--yes", code=73)
    assert "Nothing waits" in run(instance, "queue", "list")
    assert rows(instance, "queue", "list") == []
    run(instance, "queue", "retry", number, code=73)
    assert [(row["act"], row["target"]) for row in rows(instance, "acts")] == [
        ("drop delivery", number),
        ("retry delivery", number),
    ]
    kinds = [row["kind"] for row in rows(instance, "user", "events", "jane")]
    assert kinds == ["dropped", "failed", "retried", "failed", "received"]
    assert rows(instance, "message", "show", message_id)[0]["deleted"] is not None


def run_raw(instance: Instance, message_id: str) -> bytes:
    return subprocess.run(
        [sys.executable, "-m", "postern", "message", "show", message_id, "--raw"],
        env=instance.environ,
        stdout=subprocess.PIPE,
        check=True,
        timeout=PATIENCE,
    ).stdout


def test_a_drain_that_is_at_work_is_left_to_it(instance: Instance):
    with FileLock(os.path.join(instance.home, "run", "deliver.lock")) as lock:
        assert lock.acquire()
        assert "Another drain is at work" in run(instance, "queue", "run")


def test_what_is_not_there_is_told(office: Instance):
    assert "no message 4711" in run(office, "message", "show", "4711", code=66)
    assert "4711" in run(office, "queue", "retry", "4711", code=73)
    assert "4711" in run(office, "queue", "drop", "4711", "--yes", code=73)
    run(office, "user", "add", "eve")
    assert "Nothing happened yet" in run(office, "user", "events", "eve")
    assert rows(office, "user", "events", "eve") == []
    assert run(office, "queue", "list", "--most", "0")


@pytest.mark.parametrize(
    "site",
    [
        "http://127.0.0.1:1",
        "http://no-such-host.invalid",
        "ftp://x",
        "nonsense",
        "http://localhost:70000",
        "http://",
    ],
)
def test_a_site_that_does_not_answer_is_69(office: Instance, site: str):
    run(office, "send-test", "shop@all.example", "--site", site, code=69)


def test_nothing_printed_holds_a_secret(anna: Instance):
    secrets = [
        anna.settings[f"POSTERN_{name}"]
        for name in ("SEAL_KEYS", "INDEX_KEY", "WEBHOOK_SECRETS", "DB_PASSWORD")
    ]
    told = ""
    for args in (
        ("env", "check"),
        ("user", "list"),
        ("alias", "list", "anna"),
        ("migrate", "status"),
        ("env", "table"),
    ):
        told += run(anna, *args)
    for secret in secrets:
        assert secret.rpartition(":")[2] not in told
