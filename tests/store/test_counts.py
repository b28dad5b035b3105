"""Counts: one message is one in the alias, in its day and with its contact."""

from __future__ import annotations

from postern.base.database import SYSTEM, Database
from postern.store import counts
from support.store import RING, Tenant, do


def rows(db: Database, sql: str) -> list[list[object]]:
    with db.transaction(SYSTEM):
        return db.run(sql)


ALIAS = "SELECT forwarded, blocked, replied, seen_at IS NOT NULL FROM aliases"
DAYS = "SELECT day = CAST(now() AT TIME ZONE 'UTC' AS date), forwarded, blocked, replied FROM alias_days ORDER BY day"
CONTACT = "SELECT received, sent, seen_at IS NOT NULL FROM contacts"


def test_each_kind_is_counted_in_its_own_column(db: Database, jane: Tenant):
    for _ in range(3):
        do(db, counts.forwarded, jane.alias.id, jane.contact.id)
    for _ in range(2):
        do(db, counts.blocked, jane.alias.id)
    do(db, counts.replied, jane.alias.id, jane.contact.id)
    assert rows(db, ALIAS) == [[3, 2, 1, True]]
    assert rows(db, DAYS) == [[True, 3, 2, 1]]
    assert rows(db, CONTACT) == [[3, 1, True]]


def test_mail_of_nobody_in_particular_counts_for_the_alias_alone(db: Database, jane: Tenant):
    do(db, counts.forwarded, jane.alias.id, None)
    assert rows(db, ALIAS) == [[1, 0, 0, True]]
    assert rows(db, CONTACT) == [[0, 0, False]]


def test_another_day_is_another_row(db: Database, jane: Tenant):
    do(db, counts.forwarded, jane.alias.id, None)
    with db.transaction(SYSTEM):
        db.run("UPDATE alias_days SET day = day - 1")
    do(db, counts.forwarded, jane.alias.id, None)
    assert rows(db, DAYS) == [[False, 1, 0, 0], [True, 1, 0, 0]]
    assert rows(db, ALIAS) == [[2, 0, 0, True]]


def test_events_of_the_last_hour_are_counted_by_kind(db: Database, jane: Tenant):
    from postern.store import events

    with db.transaction(SYSTEM):
        for kind in ("refused", "refused", "blocked"):
            events.add(db, RING, jane.id, kind, alias_id=jane.alias.id)
        db.run(
            "UPDATE events SET at = at - interval '61 minutes' WHERE id = (SELECT min(id) FROM events WHERE kind = 'refused')"
        )
    assert do(db, counts.events_lately, jane.alias.id, "refused") == 1
    assert do(db, counts.events_lately, jane.alias.id, "blocked") == 1
