"""The monitor: each check turns bad and well again, and each turn is told exactly once, by a way that works."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

import tiers
from postern.base import clock
from postern.base.database import SYSTEM
from postern.base.stop import Stop
from postern.flow import job_run, job_table
from postern.ops.monitor import machine, remedies
from postern.ops.monitor.away import State
from postern.store import jobs
from support.hook import Hook
from support.https import Issuer, Server
from support.instance import Instance
from support.mail import message
from support.queue import put

OPERATOR = "operator@real-mailbox.example"
MONITOR = job_table.get("monitor")


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        yield server


@pytest.fixture
def watched(instance: Instance, relay) -> Instance:
    """One whose operator wants mail, and whose jobs run."""
    instance.write_env(POSTERN_ALERT_MAIL=OPERATOR)
    run(instance, "deliver", "stats", "rotate-logs", "purge")
    backed_up(instance)
    return instance


def backed_up(instance: Instance) -> None:
    """As if the jobs that take longer had run."""
    context = instance.context()
    with contextlib.closing(context.pool), context.pool.connection() as db, db.transaction(SYSTEM):
        for name in ("backup", "restore-check"):
            jobs.begin(db, name, job_run.home_id(context))
            jobs.end(db, name, job_run.home_id(context), ok=True, items=1)


def run(instance: Instance, *jobs: str) -> None:
    context = instance.context()
    with contextlib.closing(context.pool):
        for name in jobs:
            job_run.run(context, job_table.get(name), Stop(), by_hand=True)


def monitor(instance: Instance, times: int = 1) -> None:
    """So many looks."""
    context = instance.context()
    with contextlib.closing(context.pool):
        for _ in range(times):
            assert job_run.run(context, MONITOR, Stop()) is not None


def alerts(relay) -> list[tuple[str, str]]:
    """Recipient and subject of what was mailed."""
    found = []
    for got in relay.messages:
        subject = message_from_bytes(got.content, policy=policy.default)["Subject"]
        found.append((got.rcpt_to[0], str(subject)))
    return found


def state(instance: Instance, name: str) -> tuple[object, object]:
    ((bad, ok),) = instance.query("SELECT bad, ok FROM findings WHERE name = :name", name=name)
    return bad, ok


Change = Callable[[Instance], object]


def sql(text: str) -> Change:
    return lambda instance: instance.query(text)


def env(**settings: str) -> Change:
    return lambda instance: instance.write_env(**settings)


def spool(instance: Instance) -> None:
    Path(instance.home, "spool", "kept", "in_1").touch()


def spool_again(instance: Instance) -> None:
    Path(instance.home, "spool", "kept", "in_1").unlink()


def queue(instance: Instance) -> None:
    put(instance, instance.context(), message())
    instance.query("UPDATE deliveries SET due_at = now() - interval '1 hour'")


def errors(instance: Instance) -> None:
    log = instance.context().log
    for _ in range(3):
        log.error("trial.error")
    instance.write_env(POSTERN_ALERT_ERRORS_HOUR="3")


def course(kind: str, many: int) -> Change:
    one = "INSERT INTO events (uid, user_id, kind) SELECT gen_random_uuid(), 1, :kind FROM generate_series(1, :many)"
    return lambda instance: [
        instance.query(one, kind="sent", many=30 if kind == "bounced" else 0),
        instance.query(one, kind=kind, many=many),
    ]


NO_EVENTS = sql("DELETE FROM events WHERE alias_id IS NULL")

TURNS: dict[str, tuple[Change, Change]] = {
    "queue": (queue, sql("UPDATE deliveries SET due_at = now() + interval '1 hour'")),
    "failures": (course("failed", 20), NO_EVENTS),
    "bounces": (course("bounced", 4), NO_EVENTS),
    "budget": (
        env(POSTERN_RELAY_PER_DAY="1", POSTERN_ALERT_BUDGET_PERCENT="100"),
        env(POSTERN_RELAY_PER_DAY="0"),
    ),
    "database-size": (env(POSTERN_ALERT_DATABASE_BYTES="1000"), env(POSTERN_ALERT_DATABASE_BYTES="0")),
    "connections": (env(POSTERN_ALERT_CONNECTIONS_PERCENT="1"), env(POSTERN_ALERT_CONNECTIONS_PERCENT="101")),
    "disk": (env(POSTERN_DISK_FREE_BYTES=str(10**15)), env(POSTERN_DISK_FREE_BYTES="1")),
    "files": (env(POSTERN_ALERT_DISK_PERCENT="1"), env(POSTERN_ALERT_DISK_PERCENT="101")),
    "spool": (spool, spool_again),
    "errors": (errors, env(POSTERN_ALERT_ERRORS_HOUR="0")),
    "certificate": (env(POSTERN_URL="https://127.0.0.1:1"), env(POSTERN_URL="http://localhost:8025")),
    "backup": (
        sql("UPDATE jobs SET ok_at = now() - interval '51 hours' WHERE job = 'backup'"),
        sql("UPDATE jobs SET ok_at = now() WHERE job = 'backup'"),
    ),
    "job-deliver": (
        sql("UPDATE jobs SET ok_at = now() - interval '4 minutes' WHERE job = 'deliver'"),
        sql("UPDATE jobs SET ok_at = now() WHERE job = 'deliver'"),
    ),
    "job-purge": (
        sql("UPDATE jobs SET ok = false, failures = 2, error = 'no' WHERE job = 'purge'"),
        sql("UPDATE jobs SET ok = true, failures = 0 WHERE job = 'purge'"),
    ),
}
"""Check -> what turns it bad, and what turns it well. The relay, the clock and the database have tests of their own."""


def test_all_is_well_and_nobody_hears_of_it(watched: Instance, relay):
    monitor(watched, 3)
    assert watched.query("SELECT name, detail FROM findings WHERE bad OR NOT ok") == []
    assert alerts(relay) == []


def test_every_check_turns_and_each_turn_is_told_exactly_once(watched: Instance, relay):
    """The certificate is looked at hourly: its last look is made an older one."""
    age = "UPDATE findings SET seen_at = now() - interval '2 hours' WHERE name = 'certificate'"
    if os.statvfs(watched.home).f_files == 0:
        TURNS.pop("files", None)
    for name, (bad, well) in TURNS.items():
        relay.messages.clear()
        # Something is booked on the relay, so that a budget of one is used up.
        watched.query("INSERT INTO relay_usage SELECT name, now(), 5 FROM relays ON CONFLICT DO NOTHING")
        bad(watched)
        monitor(watched)
        assert alerts(relay) == [], f"{name}: once may be chance"
        for _ in range(3):
            watched.query(age)
            monitor(watched)
        assert alerts(relay) == [(OPERATOR, f"Trouble: {name}")], name
        text = relay.messages[0].content.replace(b"=\r\n", b"").decode()
        entry = name if name in remedies.REMEDIES else "job"
        assert f"{remedies.PAGE}#{entry}" in text, name
        well(watched)
        for _ in range(4):
            watched.query(age)
            monitor(watched)
        assert alerts(relay)[1:] == [(OPERATOR, f"Well again: {name}")], name
        assert state(watched, name) == (False, True), name


def test_a_certificate_that_ends_soon_is_told_and_its_renewal_too(watched: Instance, relay):
    issuer = Issuer.root("A root")
    for days, subject in ((3, "Trouble: certificate"), (90, "Well again: certificate")):
        relay.messages.clear()
        with Server(issuer.issue("127.0.0.1", days=days)) as server:
            watched.write_env(POSTERN_URL=f"https://127.0.0.1:{server.port}")
            for _ in range(3):
                watched.query(
                    "UPDATE findings SET seen_at = now() - interval '2 hours' WHERE name = 'certificate'"
                )
                monitor(watched)
        assert alerts(relay) == [(OPERATOR, subject)]


def test_what_stays_bad_is_told_again_every_day(watched: Instance, relay):
    spool(watched)
    monitor(watched, 3)
    for hours, many in ((23, 1), (2, 2), (1, 2)):
        watched.query("UPDATE findings SET told_at = told_at - make_interval(hours => :hours)", hours=hours)
        monitor(watched, 2)
        assert len(alerts(relay)) == many


def test_all_that_turns_at_once_is_one_message(watched: Instance, relay):
    spool(watched)
    queue(watched)
    monitor(watched, 3)
    assert alerts(relay) == [(OPERATOR, "Trouble: queue, spool")]


def test_a_relay_that_is_down_is_told_by_the_second_path(watched: Instance, relay, hook: Hook):
    watched.write_env(POSTERN_ALERT_URL=hook.url)
    put(watched, watched.context(), message())
    relay.follow({"auth": "535 5.7.8 no"})
    run(watched, "deliver")
    monitor(watched, 3)
    assert relay.messages == []
    (got,) = hook.got
    assert got.json["text"].startswith("*Trouble: relay*\n")
    relay.follow({})
    watched.query("UPDATE relays SET paused_until = NULL")
    watched.query("UPDATE deliveries SET due_at = now()")
    run(watched, "deliver")
    monitor(watched, 3)
    assert [subject for address, subject in alerts(relay) if address == OPERATOR] == ["Well again: relay"]
    assert len(hook.got) == 1, "where mail works, nothing is posted"


def test_without_any_way_it_is_told_once_there_is_one(watched: Instance, relay, hook: Hook):
    relay.follow({"connect": "421 4.3.2 not now"})
    hook.status = 500
    watched.write_env(POSTERN_ALERT_URL=hook.url)
    spool(watched)
    monitor(watched, 3)
    assert [got.method for got in hook.got] == ["POST"] * 2, "each look after the turn tries"
    assert "alert.untold" in watched.log()
    hook.status = 200
    monitor(watched, 2)
    assert len(hook.got) == 3
    monitor(watched, 2)
    assert len(hook.got) == 3


FORMATS = {
    "slack": lambda got: got.json == {"text": got.json["text"]} and "spool" in got.json["text"],
    "json": lambda got: got.json["subject"] == "Trouble: spool" and not got.json["good"],
    "ntfy": lambda got: got.headers["title"] == "Trouble: spool" and got.body.startswith(b"spool: "),
}


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_posted_has_the_form_that_is_asked_for(watched: Instance, hook: Hook, relay, form: str):
    relay.follow({"connect": "421 4.3.2 not now"})
    watched.write_env(POSTERN_ALERT_URL=hook.url, POSTERN_ALERT_FORMAT=form)
    spool(watched)
    monitor(watched, 2)
    (got,) = hook.got
    assert FORMATS[form](got), got


def test_without_an_address_the_admins_are_told(watched: Instance, relay):
    watched.write_env(POSTERN_ALERT_MAIL="")
    watched.query("UPDATE users SET role = 'admin'")
    spool(watched)
    monitor(watched, 2)
    assert [address for address, _ in alerts(relay)] == ["jane.doe@real-mailbox.example"]


def test_a_database_that_is_away_is_told_by_mail_once_and_then_that_it_is_back(watched: Instance, relay):
    host = watched.settings["POSTERN_DB_HOST"]
    watched.write_env(POSTERN_DB_HOST=watched.home)
    monitor(watched, 4)
    assert alerts(relay) == [(OPERATOR, "Trouble: database")]
    watched.write_env(POSTERN_DB_HOST=host)
    monitor(watched, 4)
    assert [subject for _, subject in alerts(relay)][:2] == ["Trouble: database", "Well again: database"]
    assert not [subject for _, subject in alerts(relay)[2:] if "database" in subject]


def test_two_homes_on_one_database_tell_once(watched: Instance, relay, tmp_path: Path):
    second = Instance(tmp_path / "second-home", watched.settings)
    try:
        run(second, "deliver", "rotate-logs")
        backed_up(second)
        queue(watched)
        for _ in range(4):
            monitor(watched)
            monitor(second)
        assert alerts(relay) == [(OPERATOR, "Trouble: queue")]
        spool(second)
        monitor(second, 2)
        monitor(watched, 2)
        assert alerts(relay)[1:] == [(OPERATOR, "Trouble: spool")]
    finally:
        second.close()


def test_the_heart_beats_while_all_is_well_and_only_then(watched: Instance, hook: Hook):
    watched.write_env(POSTERN_HEARTBEAT_URL=hook.url)
    monitor(watched)
    assert [(got.method, got.path) for got in hook.got] == [("GET", "/hook")]
    hook.status = 302
    monitor(watched)
    assert len(hook.got) == 2, "no redirect is followed"
    assert "heartbeat.failed" in watched.log()
    spool(watched)
    monitor(watched)
    assert len(hook.got) == 2


def test_a_clock_that_is_wrong_is_told(watched: Instance, relay, monkeypatch: pytest.MonkeyPatch):
    real = clock.now
    for by in (3600, -3600):
        relay.messages.clear()
        monkeypatch.setattr(clock, "now", lambda by=by: real() + by)
        monitor(watched, 3)
        assert alerts(relay) == [(OPERATOR, "Trouble: clock")], by
        monkeypatch.setattr(clock, "now", real)
        monitor(watched, 3)
        assert alerts(relay)[1:] == [(OPERATOR, "Well again: clock")], by


def test_a_job_that_never_ran_is_no_trouble_of_a_young_installation(instance: Instance, relay):
    instance.write_env(POSTERN_ALERT_MAIL=OPERATOR)
    monitor(instance, 3)
    assert alerts(relay) == []
    instance.query("UPDATE migrations SET applied_at = now() - interval '4 days'")
    monitor(instance, 3)
    (told,) = alerts(relay)
    assert told[1] == (
        "Trouble: backup, job-backup, job-deliver, job-digest, job-purge, job-restore-check, job-rotate-logs, job-stats"
    )


def test_what_is_told_holds_no_address_and_no_secret(watched: Instance, relay, hook: Hook):
    queue(watched)
    spool(watched)
    watched.query("UPDATE jobs SET ok = false, failures = 1, error = 'no' WHERE job = 'purge'")
    monitor(watched, 2)
    (got,) = relay.messages
    text = got.content.decode()
    assert "jane.doe" not in text
    assert watched.settings["POSTERN_RELAY_PASSWORD"].strip('"') not in text
    assert "jane.doe" not in watched.log()


def test_an_alert_can_be_tried(watched: Instance, relay):
    assert "It was sent" in watched.cli("alerts", "test")
    assert alerts(relay) == [(OPERATOR, "A test of Postern's alerts")]
    relay.follow({"connect": "421 4.3.2 not now"})
    assert "Nobody could be told" in watched.cli("alerts", "test", code=75)


# What can be said without an instance.


def test_every_check_has_its_remedy_and_its_entry_in_the_docs():
    page = (tiers.TOP / remedies.PAGE).read_text()
    entries = re.findall(r"(?m)^### (.+)$", page)
    assert sorted(entries) == sorted(remedies.REMEDIES)
    for name in [*TURNS, "relay", "clock", "database"]:
        told = remedies.remedy(name, "https://alias.example")
        entry = told.partition("#")[2].partition(" ")[0]
        assert told.endswith(f"https://alias.example/admin/help/operations-monitoring#{entry})")
        assert entry in entries


QUOTA_HEAD = (
    "Disk quotas for user alice (uid 1001): \n"
    "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n"
)
QUOTAS = {
    "": {},
    "Disk quotas for user alice (uid 1001): none\n": {},
    (QUOTA_HEAD + "/dev/sda1  900   1000  2000           50     0     0        \n"): {"blocks": 45},
    (
        QUOTA_HEAD + "/dev/sda1  1900*   1000  2000   6days   99     0     100        \n"
        "/dev/sdb1  5   0  0           1     0     0        \n"
    ): {"blocks": 95, "files": 99},
}


@pytest.mark.parametrize("said", QUOTAS)
def test_quotas_are_read_as_the_program_prints_them(said: str):
    assert machine.shares_of(said) == QUOTAS[said]


def test_the_state_without_a_database_turns_after_two_looks_and_is_told_once_a_day():
    state = State()
    told = []
    for step in range(600):
        now = 1_700_000_000.0 + 300 * step
        ok = not 10 <= step < 310
        state = state.after(ok, now)
        if state.is_to_be_told(now):
            told.append((step, state.bad))
            state = state.after_telling(now)
    assert told == [(11, True), (299, True), (311, False)]


def test_a_clock_that_was_set_back_tells_once_more_and_not_for_ever():
    state = State(bad=True, since=2e9, told=2e9)
    assert state.is_to_be_told(1e9)
    assert not state.after_telling(1e9).is_to_be_told(1e9 + 300)
