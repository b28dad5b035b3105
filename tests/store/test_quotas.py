"""Quotas: the instance's or the user's own, what is used, and what holds when two ask at once."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from postern.base.database import SYSTEM, Database
from postern.base.errors import Conflict
from postern.store import aliases, quotas
from postern.store.quotas import Limits, OverQuota, Used
from support.patience import join, until
from support.store import Store, Tenant, do, settings

INSTANCE = {
    "aliases": 10_000,
    "mailboxes": 20,
    "domains": 20,
    "messages_day": 2_000,
    "bytes_day": 1_000_000_000,
}


def test_the_instances_limits_hold_until_the_user_has_his_own(store: Store, db: Database, jane: Tenant):
    config = settings(store.place)
    assert do(db, quotas.limits, config, jane.id) == INSTANCE
    own = Limits(aliases=5, bytes_day=0)
    do(db, quotas.set_own, jane.id, own)
    assert do(db, quotas.own, jane.id) == own
    assert do(db, quotas.limits, config, jane.id) == {**INSTANCE, "aliases": 5, "bytes_day": 0}
    do(db, quotas.set_own, jane.id, Limits())
    assert do(db, quotas.limits, config, jane.id) == INSTANCE


def test_what_is_used_is_told(store: Store, db: Database, jane: Tenant):
    config = settings(store.place)
    for _ in range(2):
        assert do(db, quotas.book, config, jane.id, 100)
    assert do(db, quotas.used, jane.id) == Used(1, 1, 1, 2, 200)
    with db.transaction(SYSTEM):
        db.run("UPDATE user_days SET day = day - 1")
    assert do(db, quotas.used, jane.id) == Used(1, 1, 1, 0, 0)


@pytest.mark.parametrize("name", quotas.HAVINGS)
def test_over_a_quota_the_number_and_the_remedy_are_said(store: Store, db: Database, jane: Tenant, name: str):
    config = settings(store.place)
    do(db, quotas.check, config, jane.id, name)
    do(db, quotas.set_own, jane.id, dataclasses.replace(Limits(), **{name: 1}))
    with pytest.raises(OverQuota) as caught:
        do(db, quotas.check, config, jane.id, name)
    assert isinstance(caught.value, Conflict)
    assert f"all 1 {name}" in caught.value.reason
    assert "operator" in caught.value.remedy


DAYS = [
    (Limits(messages_day=2), [1, 1], [True, True, False]),
    (Limits(bytes_day=250), [100, 100], [True, True, False]),
    (Limits(bytes_day=300), [100, 100], [True, True, True]),
    (Limits(messages_day=0), [], [False]),
]


@pytest.mark.parametrize(("own", "before", "expected"), DAYS)
def test_a_day_has_room_and_is_booked_until_it_is_full(
    store: Store, db: Database, jane: Tenant, own: Limits, before: list[int], expected: list[bool]
):
    config = settings(store.place)
    do(db, quotas.set_own, jane.id, own)
    answers = []
    for size in [*before, 100]:
        room = do(db, quotas.has_room, config, jane.id, size)
        answers.append(do(db, quotas.book, config, jane.id, size))
        assert room is answers[-1]
    assert answers == expected


def test_two_who_take_the_last_place_at_once_get_it_once(store: Store, db: Database, jane: Tenant):
    """The second waits at the check for the first one's commit."""
    config = settings(store.place)
    do(db, quotas.set_own, jane.id, Limits(aliases=2))
    other, answers = store.connect(), []

    def add() -> None:
        try:
            with other.transaction(SYSTEM):
                quotas.check(other, config, jane.id, "aliases")
                aliases.add(other, jane.id, jane.domain_id, "second")
            answers.append("made")
        except OverQuota:
            answers.append("over")

    thread = threading.Thread(target=add)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with db.transaction(SYSTEM):
        quotas.check(db, config, jane.id, "aliases")
        thread.start()
        until(lambda: store.look(waits) == [[1]])
        aliases.add(db, jane.id, jane.domain_id, "first")
    join(thread)
    assert answers == ["over"]


def test_mail_goes_on_while_a_user_adds_something(store: Store, db: Database, jane: Tenant):
    """Rows that name the user take a lock on his row that the check must not stand in the way of."""
    from support.store import add_message

    other = store.connect()
    with db.transaction(SYSTEM):
        quotas.check(db, settings(store.place), jane.id, "aliases")
        with other.transaction(SYSTEM):
            other.run("SET LOCAL lock_timeout TO '10s'")
            add_message(other, jane.id, jane.alias.id, [jane.mailbox.id], [b"x"])


def test_old_days_are_forgotten(store: Store, db: Database, jane: Tenant):
    do(db, quotas.book, settings(store.place), jane.id, 1)
    assert do(db, quotas.forget_old) == 0
    with db.transaction(SYSTEM):
        db.run("UPDATE user_days SET day = day - 41")
    assert do(db, quotas.forget_old) == 1
