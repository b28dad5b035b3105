"""Rotating keys: everything comes under the new key while mail flows, nothing is lost wherever it stops, and no key leaves
the ring that something still needs."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from postern.base.database import SYSTEM
from postern.base.errors import Busy, ConfigError, Conflict, NotFound
from postern.base.keyring import new_key
from postern.flow.context import Context
from postern.mail.envelope import Unsigned
from postern.ops.backups import backup
from postern.ops.rotation import census, reseal, ring_file, sheet
from postern.store import deliveries, seals
from support.filled import fill
from support.instance import ALIAS, MAILBOX, Instance
from support.mail import body_of, message
from support.patience import PATIENCE, join, read_terminal
from support.queue import inbound, put
from support.relay import ScriptedRelay


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch):
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


def untold(done: int) -> None:
    """Nobody watches."""


@pytest.fixture
def full(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """With rows in every table, sealed under its own ring, and real mail. What is made up there of streams is cleared."""
    context = instance.context()
    monkeypatch.setattr("support.store.RING", context.ring)
    instance.query("UPDATE users SET handle = 'first'")
    with context.pool.connection() as db:
        fill(db)
    instance.query(
        "UPDATE messages SET cleared_at = now(); DELETE FROM deliveries; DELETE FROM message_chunks"
    )
    put(instance, context, message(body=b"small\r\n"), message(body=b"x" * 65_000 + b"\r\n" + b"y" * 200_000))
    return instance


def values(context: Context) -> dict[str, list[tuple[str, bytes]]]:
    """Place -> (key id, content) of every sealed value, in the order of the rows."""
    found = {}
    with context.pool.connection() as db, db.transaction(SYSTEM):
        for column in seals.columns(db):
            every = seals.not_under(db, column, b"", [], 1000)
            found[column.place] = [
                (context.ring.key_id_of(one.sealed), context.ring.open(one.sealed, column.place + one.key))
                for one in every
            ]
    return found


def contents(context: Context) -> dict[str, list[bytes]]:
    return {place: [content for _, content in held] for place, held in values(context).items()}


def age(instance: Instance) -> None:
    """The settings were changed long ago."""
    long_ago = time.time() - ring_file.SETTLED_SECONDS - 1
    os.utime(pathlib.Path(instance.home, ".env"), (long_ago, long_ago))


def ring_of(instance: Instance) -> list[str]:
    return instance.context().ring.ids


def rows_under(instance: Instance) -> dict[str, int]:
    return census.take(instance.context()).rows


# What is sealed, and where.


def test_every_sealed_column_is_found_and_opens_at_its_place(full: Instance):
    found = values(full.context())
    sql = (
        "SELECT table_name || '.' || left(column_name, -7) || ':' FROM information_schema.columns"
        " WHERE table_schema = 'postern' AND data_type = 'bytea' AND column_name LIKE '%\\_sealed' ORDER BY 1"
    )
    assert [[place] for place in sorted(found)] == full.query(sql)
    # What no table of support/filled.py fills is told here, so that it is not forgotten.
    assert {place for place, held in found.items() if not held} <= {
        "aliases.name:", "contacts.name:", "deliveries.bounced:", "deliveries.said:", "messages.summary:",
    }  # fmt: skip


def test_the_design_names_every_place(full: Instance):
    page = pathlib.Path(__file__).parents[2].joinpath("docs", "sealing.md").read_text()
    for place in values(full.context()):
        assert f"`{place}<" in page, place


# Rotation.


def test_everything_comes_under_a_fresh_key_and_the_old_one_leaves(full: Instance, relay: ScriptedRelay):
    before = contents(full.context())
    (old,) = ring_of(full)
    said = full.cli("keys", "rotate")
    new, again = ring_of(full)
    assert again == old and f"Key {new} seals from now on" in said and "Print a new sheet" in said
    assert set(rows_under(full)) == {new}
    assert contents(full.context()) == before
    assert [row["state"] for row in json.loads(full.cli("keys", "list", "--json"))] == ["seals", "opens"]
    assert "changed just now" in full.cli("keys", "retire", old, "--yes", code=75)
    age(full)
    assert "--yes" in full.cli("keys", "retire", old, code=64)
    assert f"Key {old} is no longer in the ring." in full.cli("keys", "retire", old, "--yes")
    assert ring_of(full) == [new]
    full.drain()
    assert sorted(len(body_of(one.content)) for one in relay.messages) == [7, 265_004]
    assert contents(full.context())["mailboxes.address:"] == before["mailboxes.address:"]


def test_with_nothing_sealed_a_key_is_exchanged_all_the_same(instance: Instance):
    instance.query("DELETE FROM users")
    (old,) = ring_of(instance)
    instance.cli("keys", "rotate")
    assert ring_of(instance)[1:] == [old]


KILLED = """
import os, signal, sys
from postern.flow.context import open_context
from postern.ops.rotation import reseal, ring_file
reseal.BATCH = 2
left = int(sys.argv[1])
def told(done):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
if left < 0:
    os.replace = lambda old, new: os.kill(os.getpid(), signal.SIGKILL)
context = open_context({}, "test")
ring_file.put_in_front(context) if len(context.ring.ids) == 1 else None
reseal.everything(open_context({}, "test"), told)
"""


def test_it_may_be_killed_anywhere_and_goes_on_from_there(full: Instance):
    before = contents(full.context())
    (old,) = ring_of(full)
    left = []
    for steps in (-1, 0, 1, 2, 4, 7):
        run = [sys.executable, "-c", KILLED, str(steps)]
        done = subprocess.run(run, env=full.environ, timeout=PATIENCE)
        assert done.returncode == -signal.SIGKILL
        assert contents(full.context()) == before
        left.append(rows_under(full).get(old, 0))
    assert left == sorted(left, reverse=True) and left[0] > left[-1] > 0
    said = full.cli("keys", "rotate")
    assert "Going on" in said and len(ring_of(full)) == 2
    assert set(rows_under(full)) == {ring_of(full)[0]}
    assert contents(full.context()) == before


def test_mail_flows_meanwhile(instance: Instance, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch):
    """Receipts with the old ring, receipts with the new one, drains, and rotations in a row: each message arrives once."""
    monkeypatch.setattr(reseal, "BATCH", 1)
    bodies = [b"%d\r\n" % number + b"z" * 70_000 for number in range(12)]
    put(instance, instance.context(), *(message(body=body) for body in bodies[:4]))
    old = instance.context()

    def receive() -> None:
        for number, body in enumerate(bodies[4:]):
            put(instance, old if number % 2 else instance.context(), message(body=body))
            if number % 4 == 3:
                instance.drain()

    thread = threading.Thread(target=receive)
    thread.start()
    rounds = 0
    while thread.is_alive() or rounds < 2:
        ring_file.put_in_front(instance.context())
        reseal.everything(instance.context(), untold)
        rounds += 1
    join(thread)
    instance.query("UPDATE deliveries SET due_at = now() WHERE state = 'queued'")
    instance.finish()
    assert instance.states() == {"sent": len(bodies)}
    assert sorted(body_of(one.content).split(b"\r\n")[0] for one in relay.messages) == sorted(
        body.split(b"\r\n")[0] for body in bodies
    )
    reseal.everything(instance.context(), untold)
    assert set(rows_under(instance)) == {ring_of(instance)[0]}


def test_a_message_that_a_drain_is_at_waits_for_the_next_run(full: Instance):
    context = full.context()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        assert len(deliveries.claim(db, 1, 900)) == 1
    ring_file.put_in_front(context)
    tally = reseal.everything(full.context(), untold)
    assert (tally.streams, tally.busy, tally.broken) == (1, 1, 0)
    full.query("UPDATE deliveries SET due_at = now()")
    assert reseal.everything(full.context(), untold).streams == 1


def test_what_is_changed_meanwhile_stays_as_it_was_written(full: Instance, monkeypatch: pytest.MonkeyPatch):
    ring_file.put_in_front(full.context())
    context = full.context()
    found: list[bytes] = []
    before = context.ring.seal

    def seal(plain: bytes, place: str) -> bytes:
        """Somebody writes another address between reading and exchanging."""
        if place.startswith("mailboxes.address:") and not found:
            found.append(before(b"changed@real.example", place))
            with full.context().pool.connection() as db, db.transaction(SYSTEM):
                uid = place.partition(":")[2]
                db.run(
                    "UPDATE mailboxes SET address_sealed = :to WHERE uid = CAST(:uid AS uuid)",
                    to=found[0],
                    uid=uid,
                )
        return before(plain, place)

    monkeypatch.setattr(type(context.ring), "seal", lambda ring, plain, place: seal(plain, place))
    reseal.everything(context, untold)
    assert found and full.query("SELECT 1 FROM mailboxes WHERE address_sealed = :one", one=found[0]) == [[1]]


def test_what_does_not_open_is_told_and_stays(full: Instance):
    full.query(
        "UPDATE mailboxes SET address_sealed = address_sealed || '\\x00' WHERE id = (SELECT min(id) FROM mailboxes)"
    )
    full.query(
        "UPDATE message_chunks SET data = data || '\\x00' WHERE message_id = (SELECT min(message_id) FROM message_chunks)"
    )
    said = full.cli("keys", "rotate")
    assert "2 do not open" in said and "Under older keys as yet: 2" in said
    assert full.log().count("keys.broken") == 2


def test_homes_of_one_database_know_the_key_before_it_seals(
    instance: Instance, tmp_path: pathlib.Path, relay: ScriptedRelay
):
    with contextlib.closing(Instance(tmp_path / "other", dict(instance.settings))) as other:
        said = instance.cli("keys", "rotate", "--prepare")
        made = re.findall(r"--to (\w+)", said)[0]
        assert ring_of(instance)[1] == made
        text = pathlib.Path(instance.home, ".env").read_text()
        other.write_env(POSTERN_SEAL_KEYS=re.findall(r"^POSTERN_SEAL_KEYS=(.*)$", text, re.MULTILINE)[0])
        instance.cli("keys", "rotate", "--to", made)
        assert ring_of(instance)[0] == made and ring_of(other)[1] == made
        put(instance, instance.context(), message())
        other.drain()
        assert [one.rcpt_to for one in relay.messages] == [(MAILBOX,)]


def test_only_one_rotates_at_a_time(instance: Instance):
    with ring_file.lock(instance.context()) as lock:
        assert lock.acquire()
        assert "already" in instance.cli("keys", "rotate", code=75)


def test_keys_that_come_from_elsewhere_are_not_changed(instance: Instance):
    context = instance.context()
    instance.write_env(POSTERN_SEAL_KEYS=new_key())
    with pytest.raises(ConfigError, match="not the one in use"):
        ring_file.put_in_front(context)


def test_the_other_lines_of_the_settings_stay(instance: Instance):
    path = pathlib.Path(instance.home, ".env")
    path.write_text("# mine\r\n" + path.read_text() + "#POSTERN_SEAL_KEYS=no")
    before = path.read_text().split("\n")
    ring_file.put_in_front(instance.context())
    after = path.read_text().split("\n")
    changed = [line for line, was in zip(after, before) if line != was]
    assert len(changed) == 1 and changed[0].startswith("POSTERN_SEAL_KEYS=")
    assert len(after) == len(before) and path.stat().st_mode & 0o777 == 0o600


# Retiring.


def retire(instance: Instance, key_id: str) -> None:
    context = instance.context()
    ring_file.take_out(context, key_id, census.take(context))


def test_a_key_that_is_needed_does_not_leave(full: Instance):
    """Each reason by itself, in turn."""
    (old,) = ring_of(full)
    context = full.context()
    with pytest.raises(NotFound):
        retire(full, "nosuch")
    with pytest.raises(Conflict, match="is the newest"):
        retire(full, old)
    spool_one(full)
    newest = backup.write(context, backup.default_folder(context.config))
    ring_file.put_in_front(context)
    age(full)
    with pytest.raises(Conflict, match=r"\d\d rows and 1 files"):
        retire(full, old)
    reseal.everything(full.context(), untold)
    with pytest.raises(Conflict, match="0 rows and 1 files"):
        retire(full, old)
    (name,) = os.listdir(full.context().spool.new)
    full.context().spool.set_aside(name)
    with pytest.raises(Conflict, match="0 rows and 1 files"):
        retire(full, old)
    os.unlink(pathlib.Path(full.home, "spool", "kept", name))
    with pytest.raises(Conflict, match="newest backup"):
        retire(full, old)
    os.rename(newest, newest.replace("postern-2", "postern-1"))
    backup.write(full.context(), os.path.dirname(newest))
    os.utime(pathlib.Path(full.home, ".env"))
    with pytest.raises(Busy, match="changed just now"):
        retire(full, old)
    age(full)
    retire(full, old)
    assert old not in ring_of(full)


def spool_one(instance: Instance) -> None:
    """A message that came while the database was away."""
    from postern.flow.receive import receive

    port = instance.settings["POSTERN_DB_PORT"]
    instance.write_env(POSTERN_DB_PORT="1")
    try:
        mime = message()
        receive(instance.context(), inbound(instance.secret, mime), (instance.secret,), [mime])
    finally:
        instance.write_env(POSTERN_DB_PORT=port)


def test_a_backup_made_half_way_names_both_keys(full: Instance):
    (old,) = ring_of(full)
    ring_file.put_in_front(full.context())
    context = full.context()
    path = backup.write(context, backup.default_folder(context.config))
    assert backup.read_manifest(context.ring, path).keys == [old]
    assert census.take(context).backups == {key: [os.path.basename(path)] for key in context.ring.ids}


def test_a_key_that_is_gone_is_listed_as_missing(full: Instance):
    (old,) = ring_of(full)
    full.write_env(POSTERN_SEAL_KEYS=new_key())
    rows = json.loads(full.cli("keys", "list", "--json"))
    assert [(row["id"], row["state"]) for row in rows][1:] == [(old, "MISSING")]
    assert rows[1]["rows"] > 10 and rows[0]["rows"] == 0


# Webhook secrets.


def test_webhook_secrets_overlap(instance: Instance, relay: ScriptedRelay):
    before = instance.secret
    said = instance.cli("keys", "rotate", "--webhook")
    made = re.findall(r"whsec_\S+", said)[0]
    assert instance.config.webhook_secrets.split()[0] == made
    from postern.flow.receive import receive
    from postern.mail.envelope import parse_secrets

    def accepted(secret: bytes) -> bool:
        mime = message()
        secrets = parse_secrets(instance.config.webhook_secrets)
        try:
            return receive(instance.context(), inbound(secret, mime, ALIAS), secrets, [mime]) == "stored"
        except Unsigned:
            return False

    after = parse_secrets(made)[0]
    assert accepted(before) and accepted(after)
    assert "--yes" in instance.cli("keys", "retire", "--webhook", code=64)
    assert "taken out: 1" in instance.cli("keys", "retire", "--webhook", "--yes")
    assert accepted(after) and not accepted(before)


# The copy on paper.


def secrets_of(instance: Instance) -> list[str]:
    config = instance.config
    return (config.seal_keys + " " + config.index_key + " " + config.webhook_secrets).split()


def test_the_sheet_is_private_and_brings_all_keys_back(instance: Instance, tmp_path: pathlib.Path):
    ring_file.put_in_front(instance.context())
    path = tmp_path / "sheet.txt"
    said = instance.cli("keys", "sheet", "--to", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert all(secret in text for secret in secrets_of(instance)) and "NOBODY CAN BRING IT BACK" in text
    assert not any(secret in said + instance.log() for secret in secrets_of(instance))
    assert "is there already" in instance.cli("keys", "sheet", "--to", str(path), code=73)
    assert instance.cli("keys", "compare", str(path)).count(" same") == 4
    other = Instance(tmp_path / "new", dict(instance.settings))
    kept = {name: value for name, value in instance.settings.items() if name not in sheet.SECRETS}
    pathlib.Path(other.home, ".env").write_text(text + "".join(f"{n}={v}\n" for n, v in kept.items()))
    assert secrets_of(other) == secrets_of(instance)


def test_a_sheet_goes_to_a_terminal_and_to_nothing_else(instance: Instance):
    assert "no terminal" in instance.cli("keys", "sheet", code=64)
    ours, theirs = pty.openpty()
    run = [sys.executable, "-m", "postern", "keys", "sheet"]
    with subprocess.Popen(run, env=instance.environ, stdout=theirs, stdin=theirs) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: read_terminal(ours), b""))
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    assert all(secret.encode() in shown for secret in secrets_of(instance))


def test_a_copy_that_was_mistyped_or_lacks_a_key_is_told(instance: Instance, tmp_path: pathlib.Path):
    path = tmp_path / "typed.txt"
    sheet.write(instance.config, str(path))
    letter = instance.config.index_key[5]
    typed = instance.config.index_key[:5] + ("A" if letter != "A" else "B") + instance.config.index_key[6:]
    path.write_text(path.read_text().replace(instance.config.index_key, typed))
    ring_file.put_in_front(instance.context())
    found = {one.name: one.found for one in sheet.compare(instance.config, str(path))}
    old, new = instance.context().ring.ids[::-1]
    assert found == {
        f"key-{new}": "missing",
        f"key-{old}": "same",
        "index-key-1": "mistyped",
        "webhook-secret-1": "same",
    }
    said = instance.cli("keys", "compare", str(path), code=73)
    assert not any(secret in said for secret in secrets_of(instance))


def test_no_key_is_in_any_log(full: Instance):
    full.cli("keys", "rotate")
    text = full.log()
    assert "keys.resealed" in text
    assert not any(secret.partition(":")[2][:20] in text for secret in full.config.seal_keys.split())
