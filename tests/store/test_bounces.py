"""Bounces: noted once, and a mailbox from which too much comes back is paused."""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM, Database
from postern.store import bounces, mailboxes
from support.store import RING, Tenant, do, set_row


@pytest.fixture
def sent(db: Database, jane: Tenant) -> int:
    set_row(db, jane.delivery_id, "state = 'sent'")
    return jane.delivery_id


def test_what_came_back_is_noted_once_with_its_words(db: Database, jane: Tenant, sent: int):
    found = do(db, bounces.find, sent)
    assert found is not None
    assert (found.user_id, found.kind, found.mailbox_id) == (jane.id, "forward", jane.mailbox.id)
    do(db, bounces.note, RING, found, "5.1.1", "no such user", True)
    assert do(db, bounces.find, sent) is None
    with db.transaction(SYSTEM):
        ((status, sealed),) = db.run(
            "SELECT bounced_status, bounced_sealed FROM deliveries WHERE id = :id", id=sent
        )
    assert (status, bounces.open_words(RING, found.uid, sealed)) == ("5.1.1", "no such user")


@pytest.mark.parametrize("state", ["failed", "dropped"])
def test_what_is_over_cannot_come_back(db: Database, jane: Tenant, state: str):
    set_row(db, jane.delivery_id, f"state = '{state}'")
    assert do(db, bounces.find, jane.delivery_id) is None


@pytest.mark.parametrize("state", ["queued", "held", "sent"])
def test_what_the_relay_may_have_can_come_back(db: Database, jane: Tenant, state: str):
    set_row(db, jane.delivery_id, f"state = '{state}'")
    assert do(db, bounces.find, jane.delivery_id).sent is (state == "sent")


def came_back(db: Database, jane: Tenant, hours: list[int], named: bool | None = True) -> None:
    """Deliveries to her mailbox that bounced so many hours ago."""
    with db.transaction(SYSTEM):
        for number in hours:
            db.run(
                "WITH m AS (INSERT INTO messages (uid, user_id, alias_id, source, size, mail_from_sealed, stream_header,"
                " chunk_count) VALUES (gen_random_uuid(), :user, :alias, 'test', 1, '', '', 0) RETURNING id)"
                " INSERT INTO deliveries (uid, user_id, message_id, mailbox_id, state, bounce_named, finished_at, bounced_at)"
                " SELECT gen_random_uuid(), :user, id, :mailbox, 'sent', :named,"
                " now() - make_interval(hours => :hours, mins => 1), now() - make_interval(hours => :hours) FROM m",
                user=jane.id,
                alias=jane.alias.id,
                mailbox=jane.mailbox.id,
                hours=number,
                named=named,
            )


PAUSED = {
    "ten in a day": ([1] * 10, True),
    "nine in a day": ([1] * 9, False),
    "five on three days": ([1, 30, 30, 60, 60], True),
    "four on three days": ([1, 30, 60, 60], False),
    "many, long ago": ([200] * 30, False),
    "none": ([], False),
}


@pytest.mark.parametrize("case", PAUSED)
def test_too_many_pause_the_mailbox_once(db: Database, jane: Tenant, case: str):
    hours, expected = PAUSED[case]
    came_back(db, jane, hours)
    assert do(db, bounces.pause_when_too_many, jane.mailbox.id) is expected
    assert do(db, bounces.pause_when_too_many, jane.mailbox.id) is False


def test_after_a_resume_only_what_was_sent_since_counts(db: Database, jane: Tenant):
    came_back(db, jane, [2] * bounces.DAY_LIMIT)
    assert do(db, bounces.pause_when_too_many, jane.mailbox.id)
    assert do(db, mailboxes.resume, jane.mailbox.id)
    with db.transaction(SYSTEM):
        db.run("UPDATE mailboxes SET resumed_at = now() - interval '90 minutes'")
    came_back(db, jane, [1] * (bounces.DAY_LIMIT - 1))
    assert not do(db, bounces.pause_when_too_many, jane.mailbox.id)
    came_back(db, jane, [1])
    assert do(db, bounces.pause_when_too_many, jane.mailbox.id)


@pytest.mark.parametrize("named", [False, None])
def test_what_did_not_name_the_mailbox_does_not_count(db: Database, jane: Tenant, named: bool | None):
    came_back(db, jane, [1] * bounces.DAY_LIMIT, named)
    came_back(db, jane, [1] * (bounces.DAY_LIMIT - 1))
    assert not do(db, bounces.pause_when_too_many, jane.mailbox.id)
