"""GET /health: 200 while mail flows, 503 for each thing that stops it, made to happen for real; and nothing private in it."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
from collections.abc import Iterator

import pytest

from postern.base import redact
from postern.ops.local.embedded import Postgres
from support.fixtures import RELAY_PASSWORD, relay_env
from support.instance import ALIAS, DOMAIN, MAILBOX, Instance
from support.mail import message
from support.patience import PATIENCE
from support.queue import put
from support.relay import ScriptedRelay
from support.serving import serving
from support.wsgi import Answer, ask

CHECKS = ["database", "queue", "drain", "relay", "disk", "spool"]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts wake no drain: a test runs its own. What the log learns to hide is forgotten."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda _: None)
    monkeypatch.setattr(redact, "_known", redact._known)


def health(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """One look; what it tells is checked against what it must never tell."""
    with serving(instance, monkeypatch) as app:
        answer = ask(app, uri="/health")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["status"] == ("ok" if answer.status == 200 else "fail")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", answer.json["time"])
    for check in answer.json["checks"]:
        assert set(check) == {"name", "status", "detail", "ms"}
        assert check["status"] in ("ok", "fail")
        assert check["ms"] >= 0
    assert (answer.status == 200) is all(check["status"] == "ok" for check in answer.json["checks"])
    tells_nothing_private(answer.text, instance)
    return answer


def tells_nothing_private(text: str, instance: Instance) -> None:
    private = [ALIAS, DOMAIN, MAILBOX, RELAY_PASSWORD, instance.home, "jane", "@", "postern_owner"]
    private += [value for value in instance.settings.values() if len(value) > 4 and not value.isdigit()]
    for word in private:
        assert word not in text, word


def failing(answer: Answer) -> list[str]:
    assert answer.status == (503 if "fail" in answer.text else 200)
    return [check["name"] for check in answer.json["checks"] if check["status"] == "fail"]


def detail(answer: Answer, name: str) -> str:
    return next(check["detail"] for check in answer.json["checks"] if check["name"] == name)


@pytest.fixture
def well(instance: Instance) -> Instance:
    """One whose drain ran."""
    instance.drain()
    return instance


def test_all_is_well_when_a_message_went_through(well: Instance, monkeypatch: pytest.MonkeyPatch):
    put(well, well.context(), message())
    well.drain()
    answer = health(well, monkeypatch)
    assert answer.status == 200
    assert [check["name"] for check in answer.json["checks"]] == CHECKS
    assert detail(answer, "relay") == "took the last message"
    assert detail(answer, "queue").startswith("0 waiting, 0 due")


def test_the_answer_may_not_be_kept_by_anybody(well: Instance, monkeypatch: pytest.MonkeyPatch):
    assert health(well, monkeypatch).headers["cache-control"] == "no-store"


def test_a_drain_that_never_ran_fails_and_says_what_to_do(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    answer = health(instance, monkeypatch)
    assert failing(answer) == ["drain"]
    assert "cron" in detail(answer, "drain")


def test_a_drain_that_ran_too_long_ago_fails(well: Instance, monkeypatch: pytest.MonkeyPatch):
    well.query(
        "UPDATE jobs SET started_at = started_at - interval '31 minutes', ended_at = ended_at - interval '31 minutes'"
    )
    assert failing(health(well, monkeypatch)) == ["drain"]
    well.write_env(POSTERN_HEALTH_DRAIN_SECONDS="3600")
    assert failing(health(well, monkeypatch)) == []


def test_a_drain_that_failed_fails(well: Instance, monkeypatch: pytest.MonkeyPatch):
    """A table is missing: the drain ends with an error, and says so in its row."""
    well.query("ALTER TABLE relay_usage RENAME TO taken_away")
    try:
        well.drain(code=78)
    finally:
        well.query("ALTER TABLE taken_away RENAME TO relay_usage")
    answer = health(well, monkeypatch)
    assert failing(answer) == ["drain"]
    assert "failed; the log says why" in detail(answer, "drain")


def test_a_drain_that_was_killed_fails_once_it_is_too_long_ago(
    well: Instance, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
):
    put(well, well.context(), message())
    drains = []
    relay.on("data", lambda: drains[0].send_signal(signal.SIGKILL))
    drains.append(well.start_drain())
    drains[0].communicate(timeout=PATIENCE)
    answer = health(well, monkeypatch)
    assert failing(answer) == []
    assert "running" in detail(answer, "drain")
    well.query("UPDATE jobs SET started_at = now() - interval '31 minutes'")
    assert failing(health(well, monkeypatch)) == ["drain"]


def test_a_queue_whose_oldest_is_due_too_long_fails(well: Instance, monkeypatch: pytest.MonkeyPatch):
    put(well, well.context(), message(), message())
    well.query("UPDATE deliveries SET due_at = now() - interval '29 minutes'")
    assert failing(health(well, monkeypatch)) == []
    well.query(
        "UPDATE deliveries SET due_at = now() - interval '31 minutes' WHERE id = (SELECT max(id) FROM deliveries)"
    )
    answer = health(well, monkeypatch)
    assert failing(answer) == ["queue"]
    assert detail(answer, "queue").startswith("2 waiting, 2 due")
    well.query("UPDATE deliveries SET due_at = now() + interval '3 hours'")
    assert failing(health(well, monkeypatch)) == [], "what waits for its next try is well"


TROUBLE = {
    "refuses the login": {"auth": "535 5.7.8 no"},
    "is at its limit": {"mail": "550 5.4.5 daily limit of jane.doe@real-mailbox.example exceeded"},
    "hangs up": {"connect": "421 4.3.2 not now"},
}


@pytest.mark.parametrize("how", TROUBLE)
def test_a_relay_in_trouble_fails_until_it_takes_a_message(
    well: Instance, relay: ScriptedRelay, how: str, monkeypatch: pytest.MonkeyPatch
):
    put(well, well.context(), message())
    relay.follow(TROUBLE[how])
    well.drain()
    answer = health(well, monkeypatch)
    assert failing(answer) == ["relay"]
    assert "in trouble, paused for" in detail(answer, "relay")
    relay.follow({})
    well.query("UPDATE relays SET paused_until = NULL, rest_until = NULL")
    well.query("UPDATE deliveries SET due_at = now()")
    well.drain()
    assert well.states() == {"sent": 1}
    assert failing(health(well, monkeypatch)) == []


def test_a_relay_that_is_not_there_fails(well: Instance, monkeypatch: pytest.MonkeyPatch):
    put(well, well.context(), message())
    well.write_env(POSTERN_RELAY_PORT="1")
    well.drain()
    assert failing(health(well, monkeypatch)) == ["relay"]


def test_a_recipient_that_is_refused_is_no_trouble_of_the_relay(
    well: Instance, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
):
    put(well, well.context(), message())
    relay.follow({"rcpt": "550 5.1.1 no such user"})
    well.drain()
    assert well.states() == {"failed": 1}
    assert failing(health(well, monkeypatch)) == []


def test_too_little_free_disk_fails(well: Instance, monkeypatch: pytest.MonkeyPatch):
    well.write_env(POSTERN_DISK_FREE_BYTES=str(10**15))
    answer = health(well, monkeypatch)
    assert failing(answer) == ["disk"]
    assert re.fullmatch(r"\d+ MB free", detail(answer, "disk"))


def test_a_message_kept_for_the_operator_fails_until_it_is_looked_at(
    well: Instance, monkeypatch: pytest.MonkeyPatch
):
    """It came while the database was away, for an alias that turned out not to exist."""
    kept = pathlib.Path(well.home, "spool", "kept")
    host = well.settings["POSTERN_DB_HOST"]
    well.write_env(POSTERN_DB_HOST=well.home)
    with well.served() as site:
        assert well.post(site, message(), rcpt_to=f"nobody@{DOMAIN}").receipt == "spooled"
    well.write_env(POSTERN_DB_HOST=host)
    well.drain()
    answer = health(well, monkeypatch)
    assert failing(answer) == ["spool"]
    assert "1 kept for the operator" in detail(answer, "spool")
    for path in kept.iterdir():
        path.unlink()
    assert failing(health(well, monkeypatch)) == []


def test_a_spool_that_nobody_empties_fails(well: Instance, monkeypatch: pytest.MonkeyPatch):
    well.context().spool.keep("in_1", b"note", b"header", [b"chunk"])
    answer = health(well, monkeypatch)
    assert failing(answer) == []
    assert detail(answer, "spool").startswith("1 waiting")
    os.utime(os.path.join(well.home, "spool", "new", "in_1"), (1_700_000_000, 1_700_000_000))
    assert failing(health(well, monkeypatch)) == ["spool"]


def test_a_database_without_tables_fails(well: Instance, monkeypatch: pytest.MonkeyPatch):
    well.write_env(POSTERN_DB_SCHEMA="empty")
    assert failing(health(well, monkeypatch)) == ["database"]


def test_a_wrong_password_or_name_fails_and_is_not_told(well: Instance, monkeypatch: pytest.MonkeyPatch):
    well.write_env(POSTERN_DB_NAME="misspelt_database")
    assert failing(health(well, monkeypatch)) == ["database"]
    assert "misspelt_database" in well.log(), "the operator learns it from the log"


def test_all_that_is_wrong_is_told_at_once(
    instance: Instance, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
):
    put(instance, instance.context(), message())
    relay.follow({"auth": "535 5.7.8 no"})
    instance.drain()
    instance.query("UPDATE deliveries SET due_at = now() - interval '1 day'")
    instance.query("UPDATE jobs SET started_at = now() - interval '1 day'")
    pathlib.Path(instance.home, "spool", "kept", "in_1").touch()
    instance.write_env(POSTERN_DISK_FREE_BYTES=str(10**15))
    assert failing(health(instance, monkeypatch)) == ["queue", "drain", "relay", "disk", "spool"]


@pytest.fixture(scope="module")
def mortal_server() -> Iterator[Postgres]:
    """A server that may be stopped."""
    with Postgres.start() as server:
        server.create_role("postern")
        server.create_database("postern", "postern")
        yield server


def test_a_database_that_stops_fails_and_is_well_again_when_it_is_back(
    mortal_server: Postgres, tmp_path: pathlib.Path, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
):
    place = {
        "POSTERN_DB_HOST": mortal_server.socket_dir,
        "POSTERN_DB_PORT": str(mortal_server.port),
        "POSTERN_DB_NAME": "postern",
        "POSTERN_DB_USER": "postern",
    }
    instance = Instance(tmp_path / "home", {**place, **relay_env(relay)})
    with contextlib.closing(instance):
        instance.migrate()
        instance.drain()
        with serving(instance, monkeypatch) as app:
            assert ask(app, uri="/health").status == 200
            mortal_server.kill9()
            answer = ask(app, uri="/health")
            assert failing(answer) == ["database"]
            assert [check["name"] for check in answer.json["checks"]] == ["database", "disk", "spool"]
            tells_nothing_private(answer.text, instance)
            mortal_server.restart()
            assert ask(app, uri="/health").status == 200


def test_the_command_says_the_same_with_its_exit_code(well: Instance):
    told = well.cli("health")
    for name in CHECKS:
        assert re.search(rf"^{name}\s+ok\b", told, re.MULTILINE)
    well.write_env(POSTERN_DISK_FREE_BYTES=str(10**15))
    assert re.search(r"^disk\s+fail\b", well.cli("health", code=1), re.MULTILINE)


def test_the_answer_is_small_and_json(well: Instance, monkeypatch: pytest.MonkeyPatch):
    answer = health(well, monkeypatch)
    assert len(answer.body) < 2000
    assert json.loads(answer.body) == answer.json
