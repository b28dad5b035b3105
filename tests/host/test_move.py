"""Moving to another host while mail comes in, as docs/SCALING.md says it: two homes on one database behind a real PgBouncer.

And what must hold behind PgBouncer in transaction mode: the wall between tenants, locks, the relay's budget, one home for a
job. Its settings are those of docs/docker/pgbouncer.ini, with few connections, so that each is passed around.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from postern.base.connect import connect
from postern.base.database import SYSTEM, Database
from postern.base.errors import DatabaseUnavailable, PosternError
from postern.flow.receive import receive
from postern.ops import post
from postern.ops.local.superuser import Superuser
from postern.store import sign_in_codes, users
from postern.store.sign_in_codes import Asked
from support.fixtures import relay_env
from support.instance import ROOT, Instance
from support.mail import body_of, message, parsed
from support.patience import PATIENCE, until
from support.pgbouncer import PgBouncer
from support.postgres import Database as Place
from support.queue import inbound, put
from support.relay import ScriptedRelay, wait
from support.store import RING

pytestmark = pytest.mark.tier("pgbouncer")


@pytest.fixture(scope="module")
def pooler(cluster: Superuser) -> Iterator[PgBouncer]:
    with PgBouncer(cluster, default_pool_size=3) as running:
        yield running


@pytest.fixture
def old(
    tmp_path: pathlib.Path, database: Place, relay: ScriptedRelay, pooler: PgBouncer
) -> Iterator[Instance]:
    """The old host's home. Its tables were made straight on PostgreSQL; everything else goes through PgBouncer."""
    made = Instance(tmp_path / "old", {**database.env, **relay_env(relay), "POSTERN_DRAIN_BATCH": "5"})
    made.migrate()
    made.write_env(**pooler.env)
    made.people()
    yield made
    made.close()


class World(threading.Thread):
    """Those who write, and the Worker: message after message to `address`, each again until it is taken."""

    def __init__(self, address: str, secret: bytes) -> None:
        super().__init__()
        self.address, self.secret = address, secret
        self.taken: list[str] = []
        self.refused: list[object] = []
        self.is_over = threading.Event()

    def __enter__(self) -> World:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.join(PATIENCE)
        assert not self.is_alive()

    def run(self) -> None:
        while not self.is_over.is_set():
            name = f"<{len(self.taken)}@shop.example>"
            mime = message(body=b"%d\r\n" % len(self.taken), Message_ID=name)
            if self._post(mime):
                self.taken.append(name)

    def _post(self, mime: bytes) -> bool:
        """Whether it was taken; a host that is away is asked again with the same message, as a sender's server does it."""
        try:
            answer = post.post(self.address, self.secret, "bob@shop.example", "shop@alias.example", mime)
        except post.Unreachable:
            return False
        if not answer.receipt and answer.status != 503:
            self.refused.append(answer)
        return bool(answer.receipt)

    def write(self, many: int) -> None:
        """Wait until so many more are taken."""
        goal = len(self.taken) + many
        until(lambda: len(self.taken) >= goal)


def spooled(instance: Instance) -> list[str]:
    """What waits in this home for the database."""
    return os.listdir(os.path.join(instance.home, "spool", "new"))


def end(*drains: subprocess.Popen[str]) -> None:
    for drain in drains:
        out, _ = drain.communicate(timeout=PATIENCE)
        assert drain.returncode == 0, out


def arrived(relay: ScriptedRelay) -> Counter[str]:
    return Counter(parsed(got.content)["Message-ID"] for got in relay.messages)


def test_the_move_with_one_database_loses_nothing_and_doubles_nothing(
    old: Instance, relay: ScriptedRelay, pooler: PgBouncer, tmp_path: pathlib.Path
) -> None:
    """Mail comes in all the time, first at the old host, then at the new one; both deliver."""
    new = Instance(tmp_path / "new", {**old.settings, **pooler.tls_env})
    with (
        new.served() as address,
        contextlib.ExitStack() as running,
        World(running.enter_context(old.served()), old.secret) as world,
    ):
        world.write(4)
        pooler.stop()
        world.write(3)
        pooler.start()
        end(*[host.start_drain() for host in (old, new)])
        world.write(4)
        world.address = address
        world.write(4)
        old.finish()
        assert spooled(old) == []
        running.close()
        world.write(4)
    new.finish()
    new.finish()
    assert world.refused == []
    assert len(world.taken) >= 19
    assert arrived(relay) == Counter(world.taken)
    assert new.states() == {"sent": len(world.taken)}
    assert spooled(new) == []
    assert '"event":"receipt.spooled"' in old.log()
    assert new.query("SELECT count(DISTINCT home) FROM jobs WHERE job = 'deliver'") == [[2]]


def test_a_host_that_dies_under_the_mail_leaves_the_rest_to_the_new_one(
    old: Instance, relay: ScriptedRelay, tmp_path: pathlib.Path
) -> None:
    """kill -9 of its site and its drain: what the drain had claimed waits for its lease, one message may come twice."""
    new = Instance(tmp_path / "new", old.settings)
    reached, go_on = threading.Event(), threading.Event()
    relay.follow({"body": [None, None, wait(go_on)]})
    relay.on("body", lambda: reached.set() if relay.seen["body"] == 3 else None)
    with new.served() as address, old.served() as before, World(before, old.secret) as world:
        assert reached.wait(PATIENCE)
        world.write(3)
        os.kill(old.site_pid, signal.SIGKILL)
        for pid in drains_of(old):
            os.kill(pid, signal.SIGKILL)
        world.address = address
        world.write(3)
        go_on.set()
    new.finish()
    new.query("UPDATE deliveries SET due_at = now() WHERE state = 'queued'")
    new.finish()
    assert new.states() == {"sent": len(world.taken)}
    assert set(arrived(relay)) == set(world.taken)
    assert relay.count <= len(world.taken) + 1


def drains_of(instance: Instance) -> list[int]:
    """The processes of cron/deliver.py in this home."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line, environ = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
            if b"deliver.py" in line and f"POSTERN_HOME={instance.home}\0".encode() in environ + b"\0":
                found.append(int(path.name))
    return found


def test_both_hosts_run_all_jobs_and_one_of_them_does_what_serves_both(
    old: Instance, tmp_path: pathlib.Path
) -> None:
    new = Instance(tmp_path / "new", old.settings)
    script = str(ROOT / "cron" / "purge.py")
    started = [
        subprocess.Popen([sys.executable, script], env=host.environ, stdout=subprocess.PIPE, text=True)
        for host in (old, new)
    ]
    end(*started)
    assert old.query("SELECT count(*), count(DISTINCT home) FROM jobs WHERE job = 'purge' AND ok") == [[1, 1]]
    assert (old.log() + new.log()).count('"event":"job.left_out"') == 1


def test_both_hosts_share_the_relays_budget(
    old: Instance, relay: ScriptedRelay, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda _: None)
    old.write_env(POSTERN_RELAY_PER_HOUR="7")
    new = Instance(tmp_path / "new", old.settings)
    put(old, old.context(), *(message() for _ in range(20)))
    end(*[host.start_drain() for host in (old, new)])
    assert relay.count == 7
    assert old.states() == {"sent": 7, "queued": 13}


@pytest.fixture
def single(cluster: Superuser) -> Iterator[PgBouncer]:
    """All clients take turns on one connection to PostgreSQL."""
    with PgBouncer(cluster, default_pool_size=1) as running:
        yield running


LEFT = """SELECT pg_backend_pid(), current_setting('postern.user_id', true), current_setting('search_path'),
    current_setting('statement_timeout'), (SELECT count(*) FROM pg_prepared_statements),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database
    WHERE datname = current_database())), (SELECT count(*) FROM pg_cursors)"""


def test_a_connection_is_handed_on_with_nothing_left_in_it(old: Instance, single: PgBouncer) -> None:
    """The wall of tenants, locks and time limits are the transaction's; no statement stays prepared."""
    old.write_env(**single.env)
    with opened(old) as first, opened(old) as second:
        with first.transaction(SYSTEM):
            jane = users.find(first, "jane")
            assert jane
            assert sign_in_codes.ask(first, RING, Asked(b"address", b"client", b"browser"), "Firefox")
        with first.transaction(jane.id):
            assert first.value("SELECT count(*) FROM postern.aliases WHERE user_id = :id", id=jane.id) == 1
        left = second.run(LEFT)
        assert second.value("SELECT count(*) FROM postern.aliases") == 0, "no tenant is named"
        fail_in_transaction(first)
        assert first.run(LEFT) == left == [[left[0][0], left[0][1], '"$user", public', "0", 0, 0, 0]]
        assert left[0][1] in (None, "")


def fail_in_transaction(db: Database) -> None:
    with contextlib.suppress(PosternError), db.transaction(SYSTEM):
        db.run("SELECT 1 / CAST(:zero AS integer)", zero=0)


@contextlib.contextmanager
def opened(instance: Instance) -> Iterator[Database]:
    with contextlib.closing(connect(instance.config)) as db:
        yield db


def test_where_pgbouncer_is_full_mail_is_spooled_and_the_spool_can_be_carried_over(
    old: Instance, cluster: Superuser, relay: ScriptedRelay, tmp_path: pathlib.Path
) -> None:
    mime = message()
    with PgBouncer(cluster, max_client_conn=2) as full:
        old.write_env(**full.env)
        with contextlib.ExitStack() as held:
            until(lambda: is_full(old, held))
            received = receive(old.context(), inbound(old.secret, mime), (old.secret,), [mime])
        assert received == "spooled"
        with contextlib.ExitStack() as held:
            until(lambda: not is_full(old, held))
        new = Instance(tmp_path / "new", old.settings)
        for name in spooled(old):
            shutil.move(os.path.join(old.home, "spool", "new", name), os.path.join(new.home, "spool", "new"))
        new.finish()
    assert [body_of(got.content) for got in relay.messages] == [body_of(mime)]


def is_full(instance: Instance, held: contextlib.ExitStack) -> bool:
    """Hold one more connection; whether no more is to be had."""
    try:
        held.enter_context(opened(instance))
    except DatabaseUnavailable as error:
        return "no more connections allowed" in error.reason
    return False
