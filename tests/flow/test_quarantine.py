"""Quarantine: let out or given up by its user and nobody else, once; and what happens when it dies in between.

The pages of it: tests/web/test_quarantine.py.
"""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM
from postern.base.errors import Conflict
from postern.base.stop import Stop
from postern.flow import mailboxes as keeping
from postern.flow import notify, prune, quarantine
from postern.flow.context import Context
from postern.mail.notice import Notice
from postern.store import holds, mailboxes, users
from support.instance import MAILBOX, Instance
from support.mail import message, parsed
from support.queue import put
from support.receipt import DMARC_FAIL
from support.relay import ScriptedRelay

SECOND = "second@other.example"


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing wakes a drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def context(instance: Instance) -> Context:
    return instance.context()


def hold(instance: Instance, context: Context) -> int:
    """A forged message, held; the id of its delivery."""
    stamped = "Received: from x by cloudflare-email.net; now\r\nAuthentication-Results: " + DMARC_FAIL
    put(instance, context, f"{stamped}\r\n".encode() + message())
    ((delivery_id,),) = instance.query("SELECT max(id) FROM deliveries WHERE state = 'held'")
    return int(str(delivery_id))


def kinds(instance: Instance) -> list[object]:
    return [row[0] for row in instance.query("SELECT kind FROM events ORDER BY id")]


def test_what_is_let_out_arrives_once_and_says_that_it_may_be_forged(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    delivery_id = hold(instance, context)
    instance.drain()
    assert relay.count == 0
    quarantine.release(context, 1, delivery_id)
    with pytest.raises(quarantine.NotHeld):
        quarantine.release(context, 1, delivery_id)
    instance.drain()
    (got,) = relay.messages
    assert got.rcpt_to == (MAILBOX,)
    assert parsed(got.content)["X-Postern-Auth"] == "dmarc=fail"
    assert kinds(instance) == ["held", "released", "sent"]


def test_what_was_held_for_long_is_not_too_old_when_it_is_let_out(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    delivery_id = hold(instance, context)
    instance.query("UPDATE deliveries SET created_at = now() - interval '13 days'")
    quarantine.release(context, 1, delivery_id)
    relay.follow({"rcpt": ["450 4.2.0 later"]})
    instance.drain()
    assert instance.states() == {"queued": 1}


def test_what_is_given_up_leaves_nothing_behind(instance: Instance, relay: ScriptedRelay, context: Context):
    delivery_id = hold(instance, context)
    quarantine.drop(context, 1, delivery_id)
    with pytest.raises(quarantine.NotHeld):
        quarantine.drop(context, 1, delivery_id)
    with pytest.raises(quarantine.NotHeld):
        quarantine.release(context, 1, delivery_id)
    instance.drain()
    assert relay.count == 0
    assert instance.query("SELECT count(*) FROM message_chunks") == [[0]]
    assert instance.query("SELECT cleared_at IS NOT NULL, summary_sealed FROM messages") == [[True, None]]
    assert kinds(instance) == ["held", "dropped"]


@pytest.mark.parametrize("act", [quarantine.release, quarantine.drop])
def test_it_is_nobody_elses(instance: Instance, context: Context, act):
    delivery_id = hold(instance, context)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        kim = users.add(db, "kim")
    with pytest.raises(quarantine.NotHeld):
        act(context, kim.id, delivery_id)
    assert instance.states() == {"held": 1}
    assert kinds(instance) == ["held"]


@pytest.mark.parametrize("state", ["queued", "sent", "failed", "dropped"])
@pytest.mark.parametrize("act", [quarantine.release, quarantine.drop])
def test_what_is_not_held_is_left_as_it_is(instance: Instance, context: Context, act, state: str):
    delivery_id = hold(instance, context)
    instance.query(f"UPDATE deliveries SET state = '{state}'")
    with pytest.raises(quarantine.NotHeld):
        act(context, 1, delivery_id)
    assert instance.states() == {state: 1}


def test_while_its_mailbox_is_paused_it_is_not_let_out(instance: Instance, context: Context):
    delivery_id = hold(instance, context)
    instance.query("UPDATE mailboxes SET paused_at = now()")
    with pytest.raises(Conflict, match="paused"):
        quarantine.release(context, 1, delivery_id)
    assert instance.states() == {"held": 1}


def test_the_mail_stays_while_another_mailbox_may_still_get_it(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    instance.cli("mailbox", "add", "jane", SECOND, "--verified")
    instance.query(
        "INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id)"
        " SELECT a.id, m.id, 1 FROM aliases a, mailboxes m ON CONFLICT DO NOTHING"
    )
    hold(instance, context)
    first, second = (int(str(row[0])) for row in instance.query("SELECT id FROM deliveries ORDER BY id"))
    quarantine.drop(context, 1, first)
    assert instance.query("SELECT count(*) > 0 FROM message_chunks") == [[True]]
    quarantine.release(context, 1, second)
    instance.drain()
    assert relay.count == 1
    assert instance.query("SELECT count(*) FROM message_chunks") == [[0]]


def test_when_it_dies_before_the_mail_is_deleted_the_next_pruning_does_it(
    instance: Instance, context: Context
):
    delivery_id = hold(instance, context)
    with context.pool.connection() as db, db.transaction(1):
        assert holds.drop(db, delivery_id) is not None
    instance.drain()
    assert instance.query("SELECT count(*) FROM message_chunks") == [[0]]
    assert instance.query("SELECT cleared_at IS NOT NULL, summary_sealed FROM messages") == [[True, None]]


# A mailbox that is paused while mail for it is queued.


def pause(instance: Instance, address_id: int = 1) -> None:
    instance.query("UPDATE mailboxes SET paused_at = now() WHERE id = :id", id=address_id)


def resume(context: Context) -> int:
    """As "Forward to it again" does."""
    with context.pool.connection() as db, db.transaction(1):
        mailbox = mailboxes.by_id(db, 1)
    assert mailbox is not None
    return keeping.resume(context, mailbox)


def test_what_was_queued_before_the_pause_is_held_and_costs_nothing_of_the_budget(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    put(instance, context, message(), message())
    pause(instance)
    instance.drain()
    assert relay.count == 0
    assert instance.query("SELECT state, attempts, lease FROM deliveries") == [["held", 0, None]] * 2
    assert instance.query("SELECT held_why FROM messages") == [["paused"]] * 2
    assert kinds(instance) == ["received", "received", "held", "held"]
    assert instance.query("SELECT coalesce(sum(sent), 0) FROM relay_usage") == [[0]]


def test_what_others_wait_for_goes_out_meanwhile(instance: Instance, relay: ScriptedRelay, context: Context):
    instance.cli("mailbox", "add", "jane", SECOND, "--verified")
    instance.query(
        "INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id)"
        " SELECT a.id, m.id, 1 FROM aliases a, mailboxes m ON CONFLICT DO NOTHING"
    )
    put(instance, context, message())
    pause(instance)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        notify.post(context, db, 1, 1, Notice(subject="News", paragraphs=("All is well.",)))
    instance.drain()
    assert sorted(got.rcpt_to for got in relay.messages) == [(MAILBOX,), (SECOND,)]
    assert instance.states() == {"held": 1, "sent": 2}, "a notice is no forward, and goes all the same"


def test_a_flood_for_a_paused_mailbox_is_held_in_one_drain_and_what_follows_goes_out(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    instance.write_env(POSTERN_DRAIN_BATCH="2")
    put(instance, context, *(message() for _ in range(5)))
    pause(instance)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        notify.post(context, db, 1, 1, Notice(subject="News", paragraphs=("All is well.",)))
    instance.drain()
    assert instance.states() == {"held": 5, "sent": 1}


def test_what_was_on_its_way_when_the_mailbox_was_paused_is_held_at_its_next_try(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    put(instance, context, message())
    relay.follow({"rcpt": ["450 4.2.0 later"]})
    instance.drain()
    assert instance.states() == {"queued": 1}
    pause(instance)
    instance.query("UPDATE deliveries SET due_at = now()")
    instance.drain()
    assert instance.query("SELECT state, attempts FROM deliveries") == [["held", 1]]


def test_a_resume_lets_out_what_waited_for_it_and_nothing_else(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    forged = hold(instance, context)
    put(instance, context, message())
    pause(instance)
    put(instance, context, message())
    instance.drain()
    assert instance.states() == {"held": 3}
    assert resume(context) == 2
    assert resume(context) == 0
    instance.drain()
    assert relay.count == 2
    assert instance.query("SELECT id FROM deliveries WHERE state = 'held'") == [[forged]]
    assert kinds(instance).count("released") == 2


def test_what_is_held_has_its_days_from_then_on(instance: Instance, context: Context):
    put(instance, context, message())
    pause(instance)
    instance.query("UPDATE deliveries SET created_at = now() - interval '20 days'")
    instance.drain()
    instance.query("DELETE FROM jobs")
    instance.drain()
    assert instance.states() == {"held": 1}


def test_whoever_inherits_a_paused_mailbox_gets_what_waited_for_it(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    put(instance, context, message())
    pause(instance)
    instance.drain()
    instance.cli("mailbox", "add", "jane", SECOND, "--verified")
    with context.pool.connection() as db, db.transaction(1):
        mailbox = mailboxes.by_id(db, 1)
    assert mailbox is not None
    keeping.delete(context, mailbox)
    instance.drain()
    assert [got.rcpt_to for got in relay.messages] == [(SECOND,)]


def test_what_was_held_just_while_its_mailbox_was_resumed_is_let_out_within_the_hour(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    pause(instance)
    put(instance, context, message())
    instance.query("UPDATE mailboxes SET paused_at = NULL")
    instance.query("UPDATE deliveries SET created_at = now() - interval '20 days'")
    prune.work(context, Stop())
    instance.drain()
    assert relay.count == 1
