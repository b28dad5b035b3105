"""Pruning: what is past its time goes, and what is not stays."""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM, Database
from postern.base.stop import Stop
from postern.flow import prune
from postern.flow.context import Context
from postern.store import contacts, retired, thread_ids
from support.filled import fill
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
    return prune.work(context, Stop()).items


def count(instance: Instance, table: str) -> object:
    return instance.query(f"SELECT count(*) FROM {table}")[0][0]


def test_a_drain_does_it_where_its_own_job_did_not_for_two_days(instance: Instance):
    old = "INSERT INTO webhook_ids (id, seen_at) VALUES (:id, now() - interval '1 day')"
    instance.query(old, id="a")
    instance.drain()
    assert count(instance, "webhook_ids") == 0
    instance.query(old, id="b")
    instance.query("UPDATE jobs SET ok_at = now() - interval '47 hours'")
    instance.drain()
    assert count(instance, "webhook_ids") == 1
    instance.query("UPDATE jobs SET ok_at = now() - interval '49 hours'")
    instance.drain()
    assert count(instance, "webhook_ids") == 0


def test_nothing_that_is_young_is_touched(instance: Instance, context: Context):
    put(instance, context, message())
    with context.pool.connection() as db, db.transaction(SYSTEM):
        thread_ids.note(db, context.ring, [(1, b"<1@shop.example>")])
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
        thread_ids.note(db, context.ring, [(1, b"<1@shop.example>")])
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
        thread_ids.note(db, context.ring, [(1, b"<old@shop.example>")])
        db.run("UPDATE thread_ids SET created_at = now() - interval '401 days'")
        thread_ids.note(db, context.ring, [(1, b"<young@shop.example>")])
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


MAY_STAY = {
    "users": "an operator, an admin or an invitation lets them in; deleting one takes all that is his",
    "preferences": "one row a user",
    "passkeys": "made by hand",
    "recovery_codes": "ten a user; new ones replace them",
    "domains": "within the user's quota",
    "mailboxes": "within the user's quota",
    "aliases": "within the user's quota; deleted ones go after 30 days",
    "alias_mailboxes": "aliases and mailboxes have quotas",
    "blocked_senders": "made by hand",
    "domain_mailboxes": "domains and mailboxes have quotas",
    "contacts": "a reverse address works for as long as its alias lives; a day's new ones are within the quota of messages",
    "retired_addresses": "a keyed hash for each deleted alias, for ever: nobody else may get its mail",
    "invitations": "those that were used: one a user who came so",
    "admin_acts": "what admins did stays on record; each was done by hand",
    "relays": "one row a relay of the settings",
    "job_leases": "one row a job",
    "migrations": "one row a release",
}
"""Tables whose rows no time deletes, and why they may stay."""

COLUMNS_OF_TIME = """
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = current_schema() AND data_type IN ('timestamp with time zone', 'date') AND table_name <> 'migrations'
"""


def let_years_pass(db: Database) -> None:
    """Everything that was, was ten years earlier."""
    for table, column, kind in db.run(COLUMNS_OF_TIME):
        earlier = f"CAST(least({column}, now()) - interval '10 years' AS {kind})"
        db.run(f"UPDATE {table} SET {column} = {earlier} WHERE {column} IS NOT NULL")


def filled(db: Database) -> set[str]:
    """The tables that hold a row."""
    tables = db.run("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return {str(name) for (name,) in tables if db.value(f"SELECT EXISTS (SELECT 1 FROM {name})")}


def test_what_grows_is_pruned_or_says_why_not(context: Context):
    """Every table of the schema gets rows; then all mail is done with, and years pass. What is left must be in the list."""
    with context.pool.connection() as db:
        with db.transaction(SYSTEM):
            db.run("DELETE FROM users")
        fill(db)
        with db.transaction(SYSTEM):
            assert len(db.run("SELECT 1 FROM pg_tables WHERE schemaname = current_schema()")) == len(
                filled(db)
            ), "every table must hold something here: see support/filled.py"
            db.run("UPDATE deliveries SET state = 'sent', finished_at = now()")
            db.run("UPDATE invitations SET used_at = now(), used_by = (SELECT min(id) FROM users)")
    for _ in range(3):
        with context.pool.connection() as db, db.transaction(SYSTEM):
            let_years_pass(db)
        once(context)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        assert sorted(filled(db)) == sorted(MAY_STAY)


def test_a_days_counts_stay_for_the_plots_and_go_after_400_days(instance: Instance, context: Context):
    for days in (399, 401):
        instance.query(
            "INSERT INTO alias_days (alias_id, user_id, day)"
            " SELECT id, user_id, CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:days AS integer) FROM aliases",
            days=days,
        )
    assert once(context) == 1
    assert count(instance, "alias_days") == 1
