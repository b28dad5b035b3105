"""The queue: each arrow of docs/queue.md's picture, taken on a real server, and each place where there is none.

Covered: claim, sent, later, failed, give_back, a lease that is lost or runs out, retry, drop, bounced; claims side by
side; what the operator sees. Times are the database's: a test moves them by UPDATE, never by waiting.
"""

from __future__ import annotations

import threading

import pytest

from postern.base.database import SYSTEM, Database
from postern.base.errors import SealBroken
from postern.store import deliveries, messages, outcomes, queue
from postern.store.deliveries import Said
from support.patience import join
from support.store import RING, SAID, Store, Tenant, claim, do, more, row, set_row

# Claim.


def test_a_new_delivery_is_queued_and_due_at_once(db: Database, jane: Tenant):
    found = row(db, jane.delivery_id)
    assert (found["state"], found["lease"], found["attempts"]) == ("queued", None, 0)
    assert found["due_in"] <= 0


def test_a_claim_brings_all_that_is_needed_to_send_it(db: Database, jane: Tenant):
    (claimed,) = claim(db, lease_seconds=900)
    found = row(db, jane.delivery_id)
    assert found["lease"] == claimed.lease
    assert found["state"] == "queued"
    assert 890 < found["due_in"] <= 900
    assert (claimed.id, claimed.user_id, claimed.attempts) == (jane.delivery_id, jane.id, 1)
    assert (claimed.message_id, claimed.message_uid) == (jane.message_id, jane.message_uid)
    assert (claimed.alias_id, claimed.alias, claimed.domain) == (
        jane.alias.id,
        "shop@jane.example",
        "jane.example",
    )
    assert (claimed.size, claimed.chunk_count, claimed.stream_header) == (
        len(b"sealed jane"),
        1,
        b"\x02" + bytes(24),
    )
    assert claimed.mailbox_id == jane.mailbox.id
    assert (claimed.kind, claimed.contact_id, claimed.address(RING)) == ("forward", None, "jane@real.example")
    assert 0 <= claimed.age_seconds < 60


def test_what_is_leased_is_not_claimed_again_before_its_lease_runs_out(db: Database, jane: Tenant):
    (first,) = claim(db)
    assert claim(db) == []
    set_row(db, jane.delivery_id, "due_at = now() - interval '1 second'")
    (second,) = claim(db)
    assert second.lease != first.lease
    assert second.attempts == 2


def test_what_waits_is_not_claimed_before_its_time(db: Database, jane: Tenant):
    set_row(db, jane.delivery_id, "due_at = now() + interval '1 minute'")
    assert claim(db) == []
    set_row(db, jane.delivery_id, "due_at = now()")
    assert len(claim(db)) == 1


@pytest.mark.parametrize("state", [state for state in deliveries.STATES if state != "queued"])
def test_what_is_finished_is_never_claimed(db: Database, jane: Tenant, state: str):
    set_row(db, jane.delivery_id, f"state = '{state}', due_at = now() - interval '1 year'")
    assert claim(db) == []


def test_a_claim_takes_as_many_as_asked_and_the_longest_due_first(db: Database, jane: Tenant):
    ids = [jane.delivery_id, *more(db, jane, 4)]
    # The index would bring them in order by chance.
    db.run("SET enable_indexscan TO off; SET enable_bitmapscan TO off")
    for delivery_id, minutes in zip(ids, (97, 99, 96, 100, 98)):
        set_row(db, delivery_id, f"due_at = now() - interval '{minutes} minutes'")
    first = claim(db, many=2)
    assert [claimed.id for claimed in first] == [ids[3], ids[1]]
    assert len({claimed.lease for claimed in first}) == 1
    assert [claimed.id for claimed in claim(db, many=2)] == [ids[4], ids[0]]
    assert [claimed.id for claimed in claim(db, many=2)] == [ids[2]]
    assert claim(db, many=2) == []


def test_two_claims_side_by_side_take_different_ones_and_wait_for_neither(
    store: Store, db: Database, jane: Tenant
):
    ids = {jane.delivery_id, *more(db, jane, 5)}
    other = store.connect()
    with db.transaction(SYSTEM):
        mine = deliveries.claim(db, 3, 900)
        with other.transaction(SYSTEM):
            other.run("SET LOCAL lock_timeout TO '5s'")
            theirs = deliveries.claim(other, 100, 900)
    assert len(mine) == 3
    assert {claimed.id for claimed in mine}.isdisjoint(claimed.id for claimed in theirs)
    assert {claimed.id for claimed in [*mine, *theirs]} == ids


def test_a_claim_that_is_rolled_back_never_was(db: Database, jane: Tenant):
    def die() -> None:
        with db.transaction(SYSTEM):
            deliveries.claim(db, 1, 900)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die()
    (claimed,) = claim(db)
    assert claimed.attempts == 1


def test_four_at_once_share_the_queue_and_take_each_delivery_once(store: Store, db: Database, jane: Tenant):
    ids = [jane.delivery_id, *more(db, jane, 99)]
    taken: list[int] = []
    start = threading.Barrier(4)

    def work(own: Database) -> None:
        start.wait(60)
        while True:
            batch = claim(own, many=7)
            if not batch:
                return
            taken.extend(claimed.id for claimed in batch)

    threads = [threading.Thread(target=work, args=(store.connect(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    join(*threads)
    assert sorted(taken) == ids


# Out of a lease.


def test_sent_ends_it(db: Database, jane: Tenant):
    (claimed,) = claim(db)
    said = Said(250, "body", "2.0.0 queued as 4711")
    assert do(db, outcomes.sent, RING, [(claimed, said)]) == {claimed.id}
    found = row(db, claimed.id)
    assert (found["state"], found["lease"], found["said_code"], found["said_stage"]) == (
        "sent",
        None,
        250,
        "body",
    )
    assert found["finished_at"] is not None
    assert claim(db) == []


def test_failed_ends_it(db: Database, jane: Tenant):
    (claimed,) = claim(db)
    assert do(db, deliveries.failed, RING, claimed, Said(550, "rcpt", "5.1.1 no such user")) is True
    found = row(db, claimed.id)
    assert (found["state"], found["lease"], found["said_code"], found["said_stage"]) == (
        "failed",
        None,
        550,
        "rcpt",
    )
    assert found["finished_at"] is not None
    assert claim(db) == []


def test_later_makes_it_wait_and_counts_the_try(db: Database, jane: Tenant):
    (claimed,) = claim(db)
    assert do(db, deliveries.later, RING, claimed, SAID, 300) is True
    found = row(db, claimed.id)
    assert (found["state"], found["lease"], found["attempts"], found["finished_at"]) == (
        "queued",
        None,
        1,
        None,
    )
    assert 290 < found["due_in"] <= 300
    assert claim(db) == []
    set_row(db, claimed.id, "due_at = now()")
    assert claim(db)[0].attempts == 2


def test_give_back_makes_it_wait_and_counts_no_try(db: Database, jane: Tenant):
    more(db, jane, 2)
    batch = claim(db)
    ids = [claimed.id for claimed in batch]
    assert do(db, deliveries.give_back, batch[0].lease, ids[1:], 60) == 2
    assert [row(db, number)["attempts"] for number in ids] == [1, 0, 0]
    assert [row(db, number)["lease"] for number in ids] == [batch[0].lease, None, None]
    assert all(50 < float(str(row(db, number)["due_in"])) <= 60 for number in ids[1:])
    assert row(db, ids[1])["said_code"] is None


def test_what_the_relay_said_is_sealed_and_bound_to_its_delivery(db: Database, jane: Tenant):
    (other_id,) = more(db, jane, 1)
    for claimed in claim(db):
        do(db, deliveries.later, RING, claimed, SAID, 1)
    with db.transaction(SYSTEM):
        mine, other = queue.entries(db, ["queued"], 10)
    assert other.id == other_id
    assert mine.said(RING) == other.said(RING) == SAID.words
    assert b"jane" not in mine.said_sealed
    with pytest.raises(SealBroken):
        RING.open(mine.said_sealed, f"deliveries.said:{other.uid}")


OUTCOMES = {
    "sent": lambda db, claimed: bool(outcomes.sent(db, RING, [(claimed, SAID)])),
    "later": lambda db, claimed: deliveries.later(db, RING, claimed, SAID, 60),
    "failed": lambda db, claimed: deliveries.failed(db, RING, claimed, SAID),
    "give_back": lambda db, claimed: deliveries.give_back(db, claimed.lease, [claimed.id], 60),
}

LOST = {
    "another drain leased it": "lease = gen_random_uuid()",
    "it was given back": "lease = NULL",
    "it was sent": "state = 'sent', lease = NULL",
    "it failed": "state = 'failed', lease = NULL",
    "it was dropped": "state = 'dropped', lease = NULL",
}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("why", LOST)
def test_who_lost_the_lease_changes_nothing_and_is_told(db: Database, jane: Tenant, outcome: str, why: str):
    (claimed,) = claim(db)
    set_row(db, claimed.id, LOST[why])
    before = row(db, claimed.id)
    assert not do(db, OUTCOMES[outcome], claimed)
    assert {**row(db, claimed.id), "due_in": 0} == {**before, "due_in": 0}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_counts_once(db: Database, jane: Tenant, outcome: str):
    (claimed,) = claim(db)
    assert do(db, OUTCOMES[outcome], claimed)
    assert not do(db, OUTCOMES[outcome], claimed)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_lease_that_ran_out_and_was_taken_by_nobody_still_counts(db: Database, jane: Tenant, outcome: str):
    """The relay has it: to record that is better than to send it twice."""
    (claimed,) = claim(db)
    set_row(db, claimed.id, "due_at = now() - interval '1 hour'")
    assert do(db, OUTCOMES[outcome], claimed)


def test_two_drains_with_the_same_delivery_do_not_both_record(store: Store, db: Database, jane: Tenant):
    (slow,) = claim(db)
    set_row(db, slow.id, "due_at = now()")
    (quick,) = claim(store.connect())
    assert do(db, outcomes.sent, RING, [(slow, SAID)]) == set()
    assert do(db, deliveries.failed, RING, quick, SAID) is True
    assert row(db, slow.id)["state"] == "failed"


# By hand.


def test_retry_brings_a_failed_one_back_as_if_new(db: Database, jane: Tenant):
    (claimed,) = claim(db)
    do(db, deliveries.failed, RING, claimed, SAID)
    set_row(db, claimed.id, "created_at = now() - interval '6 days', attempts = 30")
    assert do(db, queue.retry, claimed.id) == jane.id
    found = row(db, claimed.id)
    assert (found["state"], found["lease"], found["attempts"], found["finished_at"]) == (
        "queued",
        None,
        0,
        None,
    )
    (again,) = claim(db)
    assert again.age_seconds < 60


def test_retry_makes_a_waiting_one_due(db: Database, jane: Tenant):
    (claimed,) = claim(db)
    do(db, deliveries.later, RING, claimed, SAID, 3600)
    assert do(db, queue.retry, claimed.id) == jane.id
    assert len(claim(db)) == 1


NO_RETRY = {
    "sent": "state = 'sent'",
    "dropped": "state = 'dropped'",
    "in the hands of a drain": "lease = gen_random_uuid(), due_at = now() + interval '1 minute'",
}


@pytest.mark.parametrize("why", NO_RETRY)
def test_retry_does_nothing_where_there_is_no_way_back(db: Database, jane: Tenant, why: str):
    set_row(db, jane.delivery_id, NO_RETRY[why])
    before = row(db, jane.delivery_id)
    assert do(db, queue.retry, jane.delivery_id) is None
    assert {**row(db, jane.delivery_id), "due_in": 0} == {**before, "due_in": 0}


def test_retry_does_nothing_when_the_mail_was_deleted(db: Database, jane: Tenant):
    set_row(db, jane.delivery_id, "state = 'failed', finished_at = now() - interval '20 days'")
    assert do(db, messages.clear_failed, 14) == 1
    assert do(db, queue.retry, jane.delivery_id) is None
    assert do(db, queue.retry, 10**12) is None


DROPPED = {
    "failed": "state = 'failed'",
    "held": "state = 'held'",
    "waiting": "due_at = now() + interval '1 hour'",
    "due": "due_at = now()",
    "leased by a drain that died": "lease = gen_random_uuid(), due_at = now() - interval '1 second'",
}


@pytest.mark.parametrize("state", DROPPED)
def test_drop_gives_up(db: Database, jane: Tenant, state: str):
    set_row(db, jane.delivery_id, DROPPED[state])
    assert do(db, queue.drop, jane.delivery_id) == (jane.id, jane.message_id)
    found = row(db, jane.delivery_id)
    assert (found["state"], found["lease"]) == ("dropped", None)
    assert found["finished_at"] is not None
    assert claim(db) == []
    assert do(db, queue.drop, jane.delivery_id) is None


@pytest.mark.parametrize(
    "why",
    ["state = 'sent'", "lease = gen_random_uuid(), due_at = now() + interval '1 minute'"],
    ids=["sent", "leased"],
)
def test_drop_does_nothing_where_it_may_be_on_its_way(db: Database, jane: Tenant, why: str):
    set_row(db, jane.delivery_id, why)
    assert do(db, queue.drop, jane.delivery_id) is None
    assert row(db, jane.delivery_id)["state"] != "dropped"
    assert do(db, queue.drop, 10**12) is None


# What the operator sees.


def test_the_listing_shows_states_leases_and_nothing_else(db: Database, jane: Tenant):
    ids = [jane.delivery_id, *more(db, jane, 3)]
    set_row(db, ids[1], "state = 'failed'")
    set_row(db, ids[2], "state = 'sent'")
    (first,) = claim(db, many=1)
    with db.transaction(SYSTEM):
        found = queue.entries(db, ["queued", "failed"], 10)
        assert [entry.id for entry in queue.entries(db, ["queued", "failed"], 2)] == ids[:2]
        assert queue.entries(db, [], 10) == []
    assert [(entry.id, entry.state, entry.leased) for entry in found] == [
        (ids[0], "queued", first.id == ids[0]),
        (ids[1], "failed", False),
        (ids[3], "queued", first.id == ids[3]),
    ]
    assert (found[0].handle, found[0].alias, found[0].size) == (
        "jane",
        "shop@jane.example",
        len(b"sealed jane"),
    )
    assert found[1].said(RING) == ""


def test_a_notice_stands_in_the_listing_without_an_alias(db: Database, jane: Tenant):
    do(db, Database.run, "UPDATE messages SET kind = 'notice', alias_id = NULL")
    (entry,) = do(db, queue.entries, ["queued"], 10)
    assert (entry.id, entry.alias) == (jane.delivery_id, "")


def test_the_depth_counts_what_waits_and_how_long_the_longest_does(db: Database, jane: Tenant):
    ids = [jane.delivery_id, *more(db, jane, 4)]
    set_row(db, ids[0], "due_at = now() + interval '1 hour'")
    set_row(db, ids[1], "due_at = now() - interval '100 seconds'")
    set_row(db, ids[2], "state = 'sent', due_at = now() - interval '1 year'")
    set_row(db, ids[3], "lease = gen_random_uuid(), due_at = now() + interval '15 minutes'")
    found = do(db, queue.depth)
    assert (found.waiting, found.due) == (4, 2)
    assert 100 <= found.oldest_due_seconds < 160


def test_an_empty_queue_has_no_depth(db: Database):
    assert do(db, queue.depth) == queue.Depth(0, 0, 0)
