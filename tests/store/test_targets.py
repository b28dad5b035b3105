"""Targets: what receipt learns about an address from the database."""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM, Database
from postern.store import aliases, domains, mailboxes, targets
from postern.store.targets import Target
from support.store import RING, Tenant


def resolve(db: Database, local: str, domain: str) -> Target | None:
    with db.transaction(SYSTEM):
        return targets.resolve(db, local, domain)


def run(db: Database, sql: str, **params: object) -> None:
    with db.transaction(SYSTEM):
        db.run(sql, **params)


def test_an_alias_with_what_it_needs(db: Database, jane: Tenant):
    expected = Target(jane.alias.id, jane.id, True, True, False, False, "quarantine", [jane.mailbox.id], [])
    assert resolve(db, "shop", "jane.example") == expected


STATES = {
    "UPDATE aliases SET enabled = false": ("enabled", False),
    "UPDATE aliases SET deleted_at = now()": ("alive", False),
    "UPDATE users SET disabled_at = now()": ("shut", True),
    "INSERT INTO preferences (user_id, dmarc_fail) SELECT id, 'forward' FROM users": (
        "dmarc_fail",
        "forward",
    ),
    "UPDATE mailboxes SET verified_at = NULL": ("mailboxes", []),
}


@pytest.mark.parametrize("sql", STATES)
def test_each_state_is_told(db: Database, jane: Tenant, sql: str):
    run(db, sql)
    found = resolve(db, "shop", "jane.example")
    name, value = STATES[sql]
    assert found is not None
    assert getattr(found, name) == value


def test_paused_mailboxes_are_told_apart(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        second = mailboxes.add(db, RING, jane.id, "second@real.example", verified=True)
        third = mailboxes.add(db, RING, jane.id, "third@real.example", verified=False)
        for one in (second, third):
            aliases.forward_to(db, jane.alias, one.id)
        db.run("UPDATE mailboxes SET paused_at = now() WHERE id = :id", id=jane.mailbox.id)
    found = resolve(db, "shop", "jane.example")
    assert found is not None
    assert (found.mailboxes, found.paused) == ([second.id], [jane.mailbox.id])


def test_what_is_claimed_by_another_leads_nowhere(db: Database, jane: Tenant):
    run(db, "INSERT INTO domains (name, user_id) VALUES ('claimed.example', :id)", id=jane.id)
    run(db, "UPDATE aliases SET domain_id = (SELECT id FROM domains WHERE name = 'claimed.example')")
    run(db, "UPDATE contacts SET domain_id = (SELECT id FROM domains WHERE name = 'claimed.example')")
    assert resolve(db, "shop", "claimed.example") is None
    with db.transaction(SYSTEM):
        assert targets.reverse(db, jane.contact.reverse_local, "claimed.example") is None
        assert targets.fly(db, "new", "claimed.example") is None


def test_a_reverse_address_tells_contact_alias_and_user(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        found = targets.reverse(db, jane.contact.reverse_local, "jane.example")
    expected = targets.Reverse(jane.contact.id, jane.alias.id, jane.id, True, True, False, False)
    assert found == expected


def fly(db: Database) -> targets.Fly | None:
    with db.transaction(SYSTEM):
        return targets.fly(db, "new", "jane.example")


def count(db: Database, domain_id: int) -> bool:
    with db.transaction(SYSTEM):
        return targets.count_fly(db, domain_id)


def test_so_many_a_day_and_the_next_day_again(db: Database, jane: Tenant):
    assert fly(db) is None
    with db.transaction(SYSTEM):
        domains.set_fly(db, jane.domain_id, True, 2)
    for left in (2, 1, 0):
        found = fly(db)
        assert found is not None
        assert (found.left, found.mailboxes, found.user_id) == (left, [jane.mailbox.id], jane.id)
        assert count(db, jane.domain_id) is (left > 0)
    run(db, "UPDATE domains SET fly_day = fly_day - 1")
    found = fly(db)
    assert found is not None
    assert found.left == 2
    assert count(db, jane.domain_id)


def test_an_alias_makes_itself_once_and_only_while_the_domain_lets_it(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        domains.set_fly(db, jane.domain_id, True, 2)
    found = fly(db)
    assert found is not None
    with db.transaction(SYSTEM):
        assert targets.make(db, found)
        assert not targets.make(db, found)
        db.run("DELETE FROM aliases WHERE origin = 'fly'")
        domains.set_fly(db, jane.domain_id, False, 2)
        assert not targets.make(db, found)
