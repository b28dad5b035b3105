"""The claim is fair: urgent mail first, then users by turns; and its cost does not grow with one user's flood."""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM, Database
from postern.store import deliveries
from support.store import RING, Store, Tenant, add_message, add_tenant


@pytest.fixture
def kim(db: Database, jane: Tenant) -> Tenant:
    return add_tenant(db, "kim")


def flood(db: Database, tenant: Tenant, many: int) -> None:
    """So many more deliveries of one user, all due before anybody else's."""
    with db.transaction(SYSTEM):
        db.run(
            "WITH m AS (INSERT INTO messages (uid, user_id, alias_id, source, size, mail_from_sealed, stream_header,"
            " chunk_count) SELECT gen_random_uuid(), :user_id, :alias_id, 'test', 1, '', '', 0"
            " FROM generate_series(1, :many) RETURNING id)"
            " INSERT INTO deliveries (uid, user_id, message_id, mailbox_id, due_at)"
            " SELECT gen_random_uuid(), :user_id, id, :mailbox_id, now() - interval '1 hour' FROM m",
            user_id=tenant.id,
            alias_id=tenant.alias.id,
            mailbox_id=tenant.mailbox.id,
            many=many,
        )


def claim(db: Database, many: int, urgent_only: bool = False) -> list[deliveries.Claimed]:
    with db.transaction(SYSTEM):
        return deliveries.claim(db, many, 900, urgent_only)


def test_users_take_turns_however_much_one_of_them_has(db: Database, jane: Tenant, kim: Tenant):
    flood(db, kim, 50)
    owners = [one.user_id for one in claim(db, 4)]
    assert sorted(owners) == sorted([jane.id, kim.id, kim.id, kim.id])
    assert {one.user_id for one in claim(db, 5)} == {kim.id}


def test_each_users_longest_due_comes_first(db: Database, jane: Tenant):
    flood(db, jane, 3)
    assert jane.delivery_id not in [one.id for one in claim(db, 3)]
    assert [one.id for one in claim(db, 3)] == [jane.delivery_id]


def test_what_somebody_waits_for_goes_before_all(db: Database, jane: Tenant, kim: Tenant):
    flood(db, jane, 20)
    with db.transaction(SYSTEM):
        message_id, _ = add_message(db, kim.id, kim.alias.id, [], [b""])
        deliveries.add(db, kim.id, message_id, [kim.mailbox.id], urgent=True)
    (first,) = claim(db, 1)
    assert first.message_id == message_id
    assert claim(db, 9, urgent_only=True) == []
    assert len(claim(db, 9)) == 9


def test_what_is_held_is_never_claimed(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        db.run("UPDATE deliveries SET state = 'held'")
    assert claim(db, 9) == []


def test_a_reply_brings_its_contact(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        message_id, _ = add_message(db, jane.id, jane.alias.id, [], [b""])
        db.run("UPDATE messages SET kind = 'reply' WHERE id = :id", id=message_id)
        deliveries.add_reply(db, jane.id, message_id, jane.contact.id)
    found = next(one for one in claim(db, 9) if one.message_id == message_id)
    assert (found.kind, found.mailbox_id, found.contact_id) == ("reply", None, jane.contact.id)
    assert found.address(RING) == "friend.of.jane@shop.example"


STATISTICS = {
    "none yet": ("SELECT 1", "SELECT 1"),
    "good": ("SELECT 1", "ANALYZE postern.deliveries"),
    "of before it was sent": ("ANALYZE postern.deliveries", "UPDATE deliveries SET state = 'sent'"),
}


@pytest.mark.parametrize("case", STATISTICS)
def test_the_claim_reads_a_few_rows_of_a_flood(
    store: Store, db: Database, jane: Tenant, kim: Tenant, case: str
):
    """Counted in rows that the plan touches, not in time."""
    store.look("ALTER TABLE deliveries SET (autovacuum_enabled = off)")
    flood(db, kim, 20_000)
    for statement in STATISTICS[case]:
        store.look(statement)
    flood(db, add_tenant(db, "zoe"), 3)
    with db.transaction(SYSTEM):
        db.run(deliveries._IN_ORDER)
        plan = db.run(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + deliveries._CLAIM,
            many=20,
            lease="00000000-0000-0000-0000-000000000000",
            lease_seconds=900,
            urgent_only=False,
        )[0][0]

    def touched(node: dict[str, object]) -> float:
        own = 0.0
        if "Scan" in str(node["Node Type"]) and node.get("Relation Name") == "deliveries":
            own = float(str(node["Actual Rows"])) * float(str(node["Actual Loops"]))
            own += float(str(node.get("Rows Removed by Filter", 0))) * float(str(node["Actual Loops"]))
        return own + sum(touched(child) for child in node.get("Plans", []))  # type: ignore[attr-defined]

    # Without this the store would be emptied row by row, with what is known of its tables now.
    store.look("TRUNCATE messages CASCADE")
    assert touched(plan[0]["Plan"]) < 500


def test_users_take_turns_also_when_there_is_room_for_one_at_a_time(db: Database, jane: Tenant, kim: Tenant):
    """A scarce budget comes in crumbs: whoever has the longest queue must not get them all."""
    flood(db, kim, 60)
    # By lot: that Jane is not drawn in sixty times has a chance of 2 to the -60.
    owners = [claim(db, 1)[0].user_id for _ in range(60)]
    assert jane.id in owners


def test_a_batch_is_delivered_in_the_order_of_the_turns(db: Database, jane: Tenant, kim: Tenant):
    flood(db, kim, 5)
    flood(db, jane, 1)
    with db.transaction(SYSTEM):
        message_id, _ = add_message(db, kim.id, kim.alias.id, [], [b""])
        deliveries.add(db, kim.id, message_id, [kim.mailbox.id], urgent=True)
    owners = [one.user_id for one in claim(db, 9)]
    assert owners[0] == kim.id, "somebody waits for it"
    assert set(owners[1:3]) == set(owners[3:5]) == {jane.id, kim.id}
    assert set(owners[5:]) == {kim.id}
