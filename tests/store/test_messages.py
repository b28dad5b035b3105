"""The sealed MIME of a message: in and out by COPY, and gone when nobody needs it any more."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base.database import SYSTEM, Database
from postern.base.spool import Holder
from postern.store import deliveries, mailboxes, messages, outcomes, queue
from support.store import RING, SAID, Store, Tenant, add_message, claim, do, set_row


def chunks_of(db: Database, message_id: int) -> list[bytes]:
    with contextlib.closing(Holder("/tmp")) as holder:
        do(db, messages.read_chunks, message_id, holder)
        return list(holder.chunks())


CHUNKS = (
    [],
    [b""],
    [b"x"],
    [bytes(65536)] * 5 + [b"end"],
    [os.urandom(65536) for _ in range(9)],
    [b"\xff\xff" * 3, b"\x00" * 7, b"\\x00\n\t"],
)


@pytest.mark.parametrize("chunks", CHUNKS, ids=["none", "empty", "one", "large", "many", "odd"])
def test_chunks_come_out_as_they_went_in(db: Database, jane: Tenant, chunks: list[bytes]):
    with db.transaction(SYSTEM):
        message_id, _ = add_message(db, jane.id, jane.alias.id, [jane.mailbox.id], chunks)
    assert chunks_of(db, message_id) == chunks
    assert chunks_of(db, jane.message_id) == [b"sealed jane"]


@given(st.lists(st.binary(max_size=30), max_size=8), st.lists(st.integers(1, 40)))
def test_the_copy_stream_is_taken_apart_however_it_is_cut(chunks: list[bytes], cuts: list[int]):
    columns = b"".join(b"\x00\x01" + len(chunk).to_bytes(4, "big") + chunk for chunk in chunks)
    stream = b"PGCOPY\n\xff\r\n\x00" + bytes(8) + columns + b"\xff\xff"
    with contextlib.closing(Holder("/tmp")) as holder:
        taker = messages._CopyRows(holder)
        for cut in cuts:
            taker.write(stream[:cut])
            stream = stream[cut:]
        taker.write(stream)
        assert list(holder.chunks()) == chunks


def test_the_mail_goes_with_its_last_delivery_that_needs_it(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        second = mailboxes.add(db, RING, jane.id, "second@real.example", verified=True)
        message_id, _ = add_message(db, jane.id, jane.alias.id, [jane.mailbox.id, second.id], [b"sealed"])
    set_row(db, jane.delivery_id, "due_at = now() + interval '1 day'")
    one, two = claim(db)
    do(db, messages.clear_when_done, message_id)
    assert chunks_of(db, message_id) == [b"sealed"]
    do(db, outcomes.sent, RING, [(one, SAID)])
    assert chunks_of(db, message_id) == [b"sealed"]
    do(db, deliveries.failed, RING, two, SAID)
    do(db, messages.clear_when_done, message_id)
    assert chunks_of(db, message_id) == [b"sealed"], "a failed one can be retried"
    do(db, queue.drop, two.id)
    do(db, messages.clear_when_done, message_id)
    assert chunks_of(db, message_id) == []
    assert do(db, messages.find, message_id).cleared_at is not None
    assert chunks_of(db, jane.message_id) == [b"sealed jane"]


def test_failed_mail_is_kept_for_its_days_and_no_longer(db: Database, jane: Tenant):
    set_row(db, jane.delivery_id, "state = 'failed', finished_at = now() - interval '13 days'")
    assert do(db, messages.clear_failed, 14) == 0
    assert do(db, messages.clear_failed, 13) == 1
    assert chunks_of(db, jane.message_id) == []


def test_failed_mail_that_another_delivery_still_needs_is_kept(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        second = mailboxes.add(db, RING, jane.id, "second@real.example", verified=True)
        deliveries.add(db, jane.id, jane.message_id, [second.id])
    set_row(db, jane.delivery_id, "state = 'failed', finished_at = now() - interval '20 days'")
    assert do(db, messages.clear_failed, 14) == 0
    assert chunks_of(db, jane.message_id) == [b"sealed jane"]


def test_mail_whose_mailbox_was_deleted_is_not_kept(db: Database, jane: Tenant):
    assert do(db, mailboxes.delete, jane.mailbox.id) is True
    assert do(db, messages.clear_failed, 14) == 1
    assert chunks_of(db, jane.message_id) == []


def test_mail_whose_deliveries_are_written_down_together_is_not_kept(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        second = mailboxes.add(db, RING, jane.id, "second@real.example", verified=True)
        deliveries.add(db, jane.id, jane.message_id, [second.id])
    done = [(claimed, SAID) for claimed in claim(db)]
    assert do(db, outcomes.sent, RING, done) == {claimed.id for claimed, _ in done}
    assert chunks_of(db, jane.message_id) == []


def test_small_mail_is_read_together_and_large_mail_left_out(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        large, _ = add_message(db, jane.id, jane.alias.id, [jane.mailbox.id], [b"a" * 65536, b"b"])
        small, _ = add_message(db, jane.id, jane.alias.id, [jane.mailbox.id], [b"c" * 65000])
        found = messages.read_small(db, [jane.message_id, large, small])
    assert found == {jane.message_id: b"sealed jane", small: b"c" * 65000}


def test_mail_whose_last_two_deliveries_finished_at_once_is_not_kept(
    store: Store, db: Database, jane: Tenant
):
    with db.transaction(SYSTEM):
        second = mailboxes.add(db, RING, jane.id, "second@real.example", verified=True)
        deliveries.add(db, jane.id, jane.message_id, [second.id])
    one, two = claim(db)
    other = store.connect()
    with db.transaction(SYSTEM), other.transaction(SYSTEM):
        for place, claimed in ((db, one), (other, two)):
            outcomes.sent(place, RING, [(claimed, SAID)])
    assert chunks_of(db, jane.message_id) == [b"sealed jane"], "neither saw the other"
    assert do(db, messages.clear_failed, 14) == 1
    assert chunks_of(db, jane.message_id) == []


@pytest.mark.parametrize("state", ["queued", "held"])
def test_mail_that_is_still_wanted_is_kept_however_old(db: Database, jane: Tenant, state: str):
    set_row(db, jane.delivery_id, f"state = '{state}', created_at = now() - interval '99 days'")
    assert do(db, messages.clear_failed, 0) == 0
    assert chunks_of(db, jane.message_id) == [b"sealed jane"]


def test_rows_about_finished_mail_go_after_their_days_and_unfinished_ones_stay(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        db.run(
            "UPDATE messages SET received_at = now() - interval '40 days', cleared_at = now() - interval '31 days'"
        )
    assert do(db, messages.forget_old, 30) == 0, "its delivery is still queued"
    set_row(db, jane.delivery_id, "state = 'sent'")
    assert do(db, messages.forget_old, 32) == 0
    assert do(db, messages.forget_old, 30) == 1
    with db.transaction(SYSTEM):
        assert db.value("SELECT count(*) FROM deliveries") == 0


def test_mail_that_is_not_cleared_is_never_forgotten(db: Database, jane: Tenant):
    with db.transaction(SYSTEM):
        db.run("UPDATE messages SET received_at = now() - interval '400 days'")
        db.run("UPDATE deliveries SET state = 'failed'")
    assert do(db, messages.forget_old, 30) == 0
