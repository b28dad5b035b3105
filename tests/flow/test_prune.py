"""Pruning: what is past its time goes, what is not stays, and it is done once an hour."""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM
from postern.flow import prune
from postern.flow.context import Context
from postern.store import contacts, retired, thread_ids
from support.instance import ALIAS, DOMAIN, Instance
from support.mail import message
from support.queue import put

OWN = "own.example"


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def context(instance: Instance) -> Context:
    return instance.context()


def once(context: Context) -> int:
    """As if an hour had passed."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        db.run("DELETE FROM jobs WHERE job = 'prune'")
    return prune.prune_when_due(context, "home")


def count(instance: Instance, table: str) -> object:
    return instance.query(f"SELECT count(*) FROM {table}")[0][0]


def test_it_is_done_once_an_hour_whoever_asks(instance: Instance, context: Context):
    instance.query("INSERT INTO webhook_ids (id, seen_at) VALUES ('a', now() - interval '1 day')")
    assert prune.prune_when_due(context, "one home") == 1
    instance.query("INSERT INTO webhook_ids (id, seen_at) VALUES ('b', now() - interval '1 day')")
    assert prune.prune_when_due(context, "another home") == 0
    assert count(instance, "webhook_ids") == 1


def test_nothing_that_is_young_is_touched(instance: Instance, context: Context):
    put(instance, context, message())
    with context.pool.connection() as db, db.transaction(SYSTEM):
        thread_ids.note(db, context.ring, 1, b"<1@shop.example>")
    instance.query("UPDATE aliases SET deleted_at = now() - interval '29 days'")
    tables = ("messages", "message_chunks", "deliveries", "events", "aliases", "contacts", "thread_ids")
    before = [count(instance, table) for table in tables]
    assert all(before)
    assert once(context) == 0
    assert [count(instance, table) for table in tables] == before


def test_a_deleted_alias_goes_after_its_days_with_all_that_is_its_own_and_nobody_gets_its_address(
    instance: Instance, context: Context
):
    put(instance, context, message())
    with context.pool.connection() as db, db.transaction(SYSTEM):
        thread_ids.note(db, context.ring, 1, b"<1@shop.example>")
        contacts.ensure(db, context.ring, 1, "ann@choir.example")
    instance.query("UPDATE aliases SET deleted_at = now() - interval '31 days'")
    assert once(context) >= 1
    for table in ("aliases", "contacts", "messages", "message_chunks", "deliveries", "thread_ids"):
        assert count(instance, table) == 0, table
    assert count(instance, "events") == 1, "history outlives what it is about"
    with context.pool.connection() as db, db.transaction(SYSTEM):
        assert retired.has(db, context.ring, ALIAS)
        assert not retired.has(db, context.ring, f"shop2@{DOMAIN}")
    (row,) = instance.query("SELECT r::text FROM retired_addresses r")
    assert "shop" not in str(row[0])


def test_a_message_id_rests_for_400_days(instance: Instance, context: Context):
    with context.pool.connection() as db, db.transaction(SYSTEM):
        thread_ids.note(db, context.ring, 1, b"<old@shop.example>")
        db.run("UPDATE thread_ids SET created_at = now() - interval '401 days'")
        thread_ids.note(db, context.ring, 1, b"<young@shop.example>")
    assert once(context) == 1
    assert count(instance, "thread_ids") == 1


def test_what_is_held_too_long_is_given_up_and_told(instance: Instance, context: Context):
    put(instance, context, message(), message())
    instance.query("UPDATE deliveries SET state = 'held'")
    instance.query("UPDATE deliveries SET created_at = now() - interval '15 days' WHERE id = 1")
    once(context)
    assert instance.states() == {"dropped": 1, "held": 1}
    assert instance.query("SELECT message_id FROM events WHERE kind = 'dropped'") == [[1]]
    assert instance.query("SELECT id, cleared_at IS NOT NULL FROM messages ORDER BY id") == [
        [1, True],
        [2, False],
    ]
