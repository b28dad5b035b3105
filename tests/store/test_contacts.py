"""Contacts: one for each correspondent of an alias, its reverse address, its name, and whether it is blocked."""

from __future__ import annotations

import re
import threading

import pytest

from postern.base.database import SYSTEM, Database
from postern.store import aliases, contacts
from postern.store.contacts import Contact
from support.store import RING, Store, Tenant, do


def ensure(db: Database, jane: Tenant, address: str, name: str = "") -> Contact:
    found: Contact = do(db, contacts.ensure, RING, jane.alias.id, address, name)
    return found


def test_a_new_contact_gets_a_reverse_address_that_nobody_guesses(db: Database, jane: Tenant):
    made = [ensure(db, jane, f"bob{number}@shop.example") for number in range(20)]
    assert len({one.reverse_local for one in made}) == 20
    assert all(re.fullmatch("re-[a-z2-7]{16}", one.reverse_local) for one in made)
    assert (made[0].user_id, made[0].alias_id, made[0].blocked_at) == (jane.id, jane.alias.id, None)


@pytest.mark.parametrize("again", ["bob@shop.example", "BOB@Shop.Example", "Bob@shop.example"])
def test_the_same_correspondent_is_the_same_contact(db: Database, jane: Tenant, again: str):
    first = ensure(db, jane, "bob@shop.example")
    assert ensure(db, jane, again).id == first.id
    assert do(db, contacts.with_address, RING, jane.alias.id, again).uid == first.uid


def test_each_alias_has_its_own_contact_for_one_correspondent(db: Database, jane: Tenant):
    """One reverse address for two aliases would tell that both are one person's."""
    with db.transaction(SYSTEM):
        other = aliases.add(db, jane.id, jane.domain_id, "news")
        first = contacts.ensure(db, RING, jane.alias.id, "bob@shop.example")
        second = contacts.ensure(db, RING, other.id, "bob@shop.example")
    assert first.id != second.id
    assert first.reverse_local != second.reverse_local


def test_address_and_name_rest_sealed_and_bound_to_their_row(store: Store, db: Database, jane: Tenant):
    made = ensure(db, jane, "bob@shop.example", "Bob Builder")
    (row,) = store.look("SELECT c::text FROM contacts c WHERE id = :id", id=made.id)
    for word in ("bob@", "shop", "builder"):
        assert word not in str(row[0]).lower()
    assert b"bob@" not in made.address_sealed.lower()
    assert ensure(db, jane, "bob@shop.example").address(RING) == "bob@shop.example"


def test_the_name_is_the_one_it_last_wrote_under(db: Database, jane: Tenant):
    assert ensure(db, jane, "bob@shop.example").name(RING) == ""
    ensure(db, jane, "bob@shop.example", "Bob")
    assert ensure(db, jane, "bob@shop.example").name(RING) == "Bob"
    ensure(db, jane, "bob@shop.example", "Bob Builder")
    assert ensure(db, jane, "bob@shop.example").name(RING) == "Bob Builder"


def test_looking_for_somebody_makes_nobody(db: Database, jane: Tenant):
    assert do(db, contacts.with_address, RING, jane.alias.id, "bob@shop.example") is None
    assert do(db, contacts.with_address, RING, jane.alias.id, "") is None
    assert len(do(db, contacts.of_alias, jane.alias.id, 9)) == 1, "the one that she came with"


def test_of_many_who_make_it_at_once_all_get_the_same(store: Store, db: Database, jane: Tenant):
    got: list[int] = []
    start = threading.Barrier(4)

    def make(own: Database) -> None:
        start.wait(60)
        got.append(ensure(own, jane, "bob@shop.example").id)

    threads = [threading.Thread(target=make, args=(store.connect(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert len(set(got)) == 1


def test_a_reverse_address_leads_to_its_contact_on_its_own_domain_only(db: Database, jane: Tenant):
    made = ensure(db, jane, "bob@shop.example")
    found = do(db, contacts.by_reverse, made.reverse_local, "jane.example")
    assert found is not None and found.id == made.id
    assert do(db, contacts.by_reverse, made.reverse_local, "kim.example") is None
    assert do(db, contacts.by_reverse, "re-" + "a" * 16, "jane.example") is None


def test_blocking_is_done_once_and_taken_back_once(db: Database, jane: Tenant):
    made = ensure(db, jane, "bob@shop.example")
    assert do(db, contacts.block, made.id, False) is False
    assert do(db, contacts.block, made.id, True) is True
    since = do(db, contacts.find, made.uid).blocked_at
    assert since is not None
    assert do(db, contacts.block, made.id, True) is False
    assert do(db, contacts.by_id, made.id).blocked_at == since
    assert do(db, contacts.block, made.id, False) is True
    assert do(db, contacts.find, made.uid).blocked_at is None


def test_those_last_heard_of_come_first(db: Database, jane: Tenant):
    made = [ensure(db, jane, f"bob{number}@shop.example").id for number in range(3)]
    for contact_id, hours in zip(made, (2, 1, 3)):
        do(
            db,
            Database.run,
            f"UPDATE contacts SET seen_at = now() - interval '{hours} hours' WHERE id = {contact_id}",
        )
    found = [one.id for one in do(db, contacts.of_alias, jane.alias.id, 9)]
    assert found == [made[1], made[0], made[2], jane.contact.id]
    assert [one.id for one in do(db, contacts.of_alias, jane.alias.id, 1)] == [made[1]]
