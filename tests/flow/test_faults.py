"""Kill -9 between each pair of steps of docs/queue.md, a database restarted in the middle, four drains at once.

Counted at the end: nothing lost, and a double only in the one window where it cannot be avoided.
"""

from __future__ import annotations

import os
import signal
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from postern.ops.local.embedded import Postgres
from support.fixtures import relay_env
from support.instance import Instance
from support.mail import message, parsed
from support.patience import PATIENCE, until
from support.postgres import Database, create_roles, make_database
from support.queue import put
from support.relay import ScriptedRelay, wait


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch):
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


def let_leases_run_out(instance: Instance) -> None:
    instance.query("UPDATE deliveries SET due_at = now() WHERE state = 'queued'")


BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
"""Who waits for a lock; of this database, for others run on the same server."""


def kill_at(instance: Instance, relay: ScriptedRelay, point: str) -> None:
    """Run a drain that is killed the moment the relay is at this point of the talk."""
    drains = []
    reached = threading.Event()

    def kill() -> None:
        if not reached.is_set():
            drains[0].send_signal(signal.SIGKILL)
            drains[0].wait(PATIENCE)
            reached.set()

    relay.on(point, kill)
    drains.append(instance.start_drain())
    assert reached.wait(PATIENCE), f"the drain never came to {point}"
    drains[0].stdout.close()
    assert drains[0].returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", ["connect", "auth", "mail", "rcpt", "data", "middle"])
def test_killed_before_the_final_dot_it_is_delivered_once(
    instance: Instance, relay: ScriptedRelay, point: str
):
    # In the middle must be the middle: more than the sockets' buffers can hold behind the drain's back.
    lines = 4_000_000 if point == "middle" else 10
    put(instance, instance.context(), message(body=b"line\r\n" * lines))
    kill_at(instance, relay, point)
    assert relay.count == 0
    assert instance.query("SELECT state, lease IS NOT NULL, attempts FROM deliveries") == [
        ["queued", True, 1]
    ]
    instance.drain()
    assert relay.count == 0, "the lease holds until it runs out"
    let_leases_run_out(instance)
    instance.drain()
    assert (relay.count, instance.states()) == (1, {"sent": 1})


def test_killed_after_the_final_dot_before_the_answer_it_may_arrive_twice(
    instance: Instance, relay: ScriptedRelay
):
    put(instance, instance.context(), message())
    kill_at(instance, relay, "body")
    let_leases_run_out(instance)
    instance.drain()
    assert instance.states() == {"sent": 1}
    assert 1 <= relay.count <= 2
    assert len({parsed(got.content)["Message-ID"] for got in relay.messages}) == 1


def test_killed_after_the_answer_before_the_record_it_arrives_twice(
    instance: Instance, relay: ScriptedRelay, ready_database: Database
):
    """The window that cannot be closed (RFC 1047). The row is held, so that the drain waits exactly there."""
    put(instance, instance.context(), message())
    drain = None
    with ready_database.connect_superuser() as holder:

        def hold() -> None:
            holder.run("BEGIN")
            holder.run("SELECT 1 FROM postern.deliveries FOR UPDATE")

        relay.on("body", hold)
        drain = instance.start_drain()
        with ready_database.connect_superuser() as watcher:
            until(lambda: watcher.run(f"{BLOCKED} AND query LIKE '%deliveries%'") == [[1]])
        drain.send_signal(signal.SIGKILL)
        drain.communicate(timeout=PATIENCE)
        relay._hooks.clear()
        holder.run("ROLLBACK")
    assert relay.count == 1
    until(lambda: instance.query("SELECT state, lease IS NOT NULL FROM deliveries") == [["queued", True]])
    let_leases_run_out(instance)
    instance.drain()
    assert (relay.count, instance.states()) == (2, {"sent": 1})
    assert len({parsed(got.content)["Message-ID"] for got in relay.messages}) == 1


def test_killed_between_the_claim_and_the_relay_nothing_is_lost(
    instance: Instance, relay: ScriptedRelay, ready_database: Database
):
    """Held where it reads the chunks: the claim is committed, nothing was sent."""
    put(instance, instance.context(), *(message() for _ in range(3)))
    with ready_database.connect_superuser() as holder, ready_database.connect_superuser() as watcher:
        holder.run("BEGIN")
        holder.run("LOCK TABLE postern.message_chunks IN ACCESS EXCLUSIVE MODE")
        drain = instance.start_drain()
        until(lambda: watcher.run(BLOCKED) == [[1]])
        drain.send_signal(signal.SIGKILL)
        drain.communicate(timeout=PATIENCE)
        holder.run("ROLLBACK")
    assert instance.query("SELECT count(*) FROM deliveries WHERE lease IS NOT NULL") == [[3]]
    let_leases_run_out(instance)
    instance.drain()
    assert (relay.count, instance.states()) == (3, {"sent": 3})


def test_a_receipt_killed_before_its_commit_leaves_nothing_and_answers_nothing(
    instance: Instance, ready_database: Database
):
    mime = message(Message_ID="<once@shop.example>", body=b"x" * 400_000)
    with (
        instance.served() as site,
        ready_database.connect_superuser() as holder,
        ready_database.connect_superuser() as watcher,
    ):
        holder.run("BEGIN")
        holder.run("LOCK TABLE postern.deliveries IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(instance.post, site, mime)
            until(lambda: watcher.run(BLOCKED) == [[1]])
            os.kill(instance.site_pid, signal.SIGKILL)
            assert answer.exception() is not None
        holder.run("ROLLBACK")
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()"
    until(lambda: instance.query(open_ones) == [[0]])
    assert instance.query(
        "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM fingerprints), (SELECT count(*) FROM message_chunks)"
    ) == [[0, 0, 0]]
    assert os.listdir(os.path.join(instance.home, "spool", "tmp")) == []
    with instance.served() as site:
        assert instance.post(site, mime).receipt == "stored"


@pytest.fixture(scope="module")
def mortal_server():
    """A PostgreSQL of this module alone, to be killed and restarted."""
    with Postgres.start() as server:
        create_roles(server)
        yield server


@pytest.fixture
def own_server(mortal_server: Postgres):
    """The same, running, whatever became of it before."""
    if mortal_server.pid is None:
        mortal_server.restart()
    return mortal_server


@pytest.fixture
def own(own_server: Postgres, tmp_path, relay: ScriptedRelay):
    """An instance on it. Its database goes with the server, which may be down by then."""
    place = make_database(own_server, f"own_{uuid.uuid4().hex}", owned=True)
    made = Instance(tmp_path / "home", {**place.env, **relay_env(relay)})
    made.migrate()
    made.people()
    yield made
    made.close()


def test_a_database_restarted_while_the_relay_thinks_is_told_afterwards(
    own: Instance, own_server: Postgres, relay: ScriptedRelay
):
    """The relay has the message; the record is made when the database is back: no double."""
    go_on = threading.Event()
    relay.follow({"body": [wait(go_on)]})
    put(own, own.context(), message(), message())
    reached = threading.Event()
    relay.on("body", reached.set)
    drain = own.start_drain()
    assert reached.wait(PATIENCE)
    own_server.restart()
    go_on.set()
    out, _ = drain.communicate(timeout=PATIENCE)
    let_leases_run_out(own)
    own.drain()
    assert (relay.count, own.states()) == (2, {"sent": 2}), out


def test_a_database_killed_under_a_drain_loses_nothing(
    own: Instance, own_server: Postgres, relay: ScriptedRelay
):
    """kill -9 of the postmaster while the relay has a message in its hands."""
    go_on = threading.Event()
    relay.follow({"data": [None, wait(go_on)]})
    put(own, own.context(), *(message() for _ in range(6)))
    reached = threading.Event()
    relay.on("data", lambda: reached.set() if relay.seen["data"] == 2 else None)
    drain = own.start_drain()
    assert reached.wait(PATIENCE)
    own_server.kill9()
    own_server.restart()
    go_on.set()
    drain.communicate(timeout=PATIENCE)
    let_leases_run_out(own)
    own.drain()
    seen = Counter(parsed(got.content)["Message-ID"] for got in relay.messages)
    assert own.states() == {"sent": 6}
    assert set(seen.values()) == {1} and len(seen) == 6


def test_while_the_database_is_down_mail_is_spooled_and_later_delivered_once(
    own: Instance, own_server: Postgres, relay: ScriptedRelay
):
    known, unknown = message(body=b"big\r\n" * 100_000), message()
    with own.served() as site:
        own_server.kill9()
        assert own.post(site, known).receipt == "spooled"
        assert own.post(site, unknown, rcpt_to="nobody@alias.example").receipt == "spooled"
        own_server.restart()
        assert own.post(site, known).receipt in ("stored", "spooled"), "the sender's retry, before the import"
    own.finish()
    own.finish()
    assert relay.count == 1
    assert own.states() == {"sent": 1}
    assert os.listdir(os.path.join(own.home, "spool", "new")) == []
    assert len(os.listdir(os.path.join(own.home, "spool", "kept"))) == 1
    assert '"status": "fail"' in own.cli("health", code=1) or "kept for the operator" in own.cli(
        "health", code=1
    )


def test_a_replayed_post_is_refused_by_the_spool_too(own: Instance, own_server: Postgres):
    from postern.flow.receive import receive
    from postern.mail.envelope import Unsigned
    from support.queue import inbound

    own_server.kill9()
    context, mime = own.context(), message()
    headers = inbound(own.secret, mime)
    assert receive(context, headers, (own.secret,), [mime]) == "spooled"
    with pytest.raises(Unsigned):
        receive(context, headers, (own.secret,), iter(()))  # before a byte of body is read
    assert len(os.listdir(os.path.join(own.home, "spool", "new"))) == 1


def test_an_import_killed_between_commit_and_removal_stores_the_message_once(
    own: Instance, own_server: Postgres, relay: ScriptedRelay
):
    """The file is put back as if it had not been removed, its webhook id long forgotten."""
    import shutil

    spool = os.path.join(own.home, "spool", "new")
    with own.served() as site:
        own_server.kill9()
        assert own.post(site, message()).receipt == "spooled"
    (name,) = os.listdir(spool)
    shutil.copy(os.path.join(spool, name), os.path.join(own.home, name))
    own_server.restart()
    own.drain()
    own.query("DELETE FROM webhook_ids")
    own.query("DELETE FROM fingerprints")
    shutil.move(os.path.join(own.home, name), os.path.join(spool, name))
    own.drain()
    assert (relay.count, own.states(), os.listdir(spool)) == (1, {"sent": 1}, [])


def test_a_spooled_message_whose_key_is_gone_waits_until_the_key_is_back(
    own: Instance, own_server: Postgres, relay: ScriptedRelay
):
    from postern.ops import keys

    spool = os.path.join(own.home, "spool", "new")
    with own.served() as site:
        own_server.kill9()
        assert own.post(site, message()).receipt == "spooled"
    own_server.restart()
    right = own.settings["POSTERN_SEAL_KEYS"]
    own.write_env(POSTERN_SEAL_KEYS=keys.fresh()["POSTERN_SEAL_KEYS"])
    own.drain()
    assert len(os.listdir(spool)) == 1 and relay.count == 0
    own.write_env(POSTERN_SEAL_KEYS=right)
    own.drain()
    assert (relay.count, os.listdir(spool)) == (1, [])


def test_four_drains_at_once_relay_each_of_a_thousand_deliveries_once(
    instance: Instance, relay: ScriptedRelay, tmp_path
):
    """Four homes on one database, as four hosts would be."""
    context = instance.context()
    ids = [f"<{number}@shop.example>" for number in range(1000)]
    put(instance, context, *(message(Message_ID=one, body=b"x\r\n") for one in ids))
    hosts = [Instance(tmp_path / f"host{number}", instance.settings) for number in range(4)]
    drains = [host.start_drain() for host in hosts]
    for drain in drains:
        out, _ = drain.communicate(timeout=4 * PATIENCE)
        assert drain.returncode == 0, out
    seen = Counter(parsed(got.content)["Message-ID"] for got in relay.messages)
    assert seen == Counter(ids)
    assert instance.states() == {"sent": 1000}
    assert instance.query("SELECT sum(sent) FROM relay_usage") == [[1000]]
    assert len(instance.query("SELECT 1 FROM jobs WHERE job = 'deliver' AND ok")) == 4
    for host in hosts:
        host.close()


def test_two_drains_of_one_home_are_one(instance: Instance, relay: ScriptedRelay):
    go_on, reached = threading.Event(), threading.Event()
    relay.follow({"mail": [wait(go_on)]})
    relay.on("mail", reached.set)
    put(instance, instance.context(), message(), message())
    first = instance.start_drain()
    assert reached.wait(PATIENCE)
    instance.drain()
    assert relay.count == 0
    go_on.set()
    first.communicate(timeout=PATIENCE)
    assert (relay.count, relay.seen["connect"]) == (2, 1)
