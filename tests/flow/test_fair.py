"""A scarce budget of the relay is shared by those who wait, and a little of it is kept for what somebody waits for."""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM
from postern.flow import notify, outlet
from postern.flow.context import Context
from postern.mail.notice import Notice
from postern.store import aliases, domains, mailboxes, users
from support.instance import DOMAIN, Instance
from support.mail import message, parsed
from support.queue import put
from support.relay import ScriptedRelay

CODE = Notice(subject="Your code", paragraphs=("Type it.",), code="1234-5678")


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def context(instance: Instance) -> Context:
    """With Joe and Kim beside Jane; <handle>@real.example is where mail to <handle>-shop@ goes."""
    made = instance.context()
    with made.pool.connection() as db, db.transaction(SYSTEM):
        domain = domains.find(db, DOMAIN)
        assert domain is not None
        for handle in ("joe", "kim"):
            user = users.add(db, handle)
            mailbox = mailboxes.add(db, made.ring, user.id, f"{handle}@real.example", verified=True)
            aliases.forward_to(db, aliases.add(db, user.id, domain.id, f"{handle}-shop"), mailbox.id)
    return made


def got_by(relay: ScriptedRelay) -> list[str]:
    return sorted(got.rcpt_to[0].partition("@")[0] for got in relay.messages)


def test_a_flood_to_one_user_leaves_the_others_their_share(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    put(instance, context, *(message() for _ in range(12)))
    for handle in ("joe", "kim"):
        put(instance, context, message(), message(), rcpt_to=f"{handle}-shop@{DOMAIN}")
    instance.write_env(POSTERN_RELAY_PER_HOUR="6", POSTERN_DRAIN_BATCH="3")
    instance.drain()
    assert got_by(relay) == ["jane.doe", "jane.doe", "joe", "joe", "kim", "kim"]


def urgent(context: Context, many: int) -> None:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        mailbox = mailboxes.default(db, 1)
        assert mailbox is not None
        for _ in range(many):
            notify.post(context, db, 1, mailbox.id, CODE, urgent=True)


def test_of_a_budget_that_is_used_up_some_is_left_for_what_somebody_waits_for(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    instance.write_env(POSTERN_RELAY_PER_HOUR="20")
    put(instance, context, *(message() for _ in range(25)))
    instance.drain()
    assert relay.count == 18
    urgent(context, 3)
    instance.drain()
    subjects = [parsed(got.content)["Subject"] for got in relay.messages[18:]]
    assert subjects == [CODE.subject] * 2, "and never more than the budget"


RESERVES = {
    "no budget": (0, 0, 0),
    "a small hour": (9, 0, 0),
    "an hour": (50, 0, 5),
    "the smaller of two": (300, 40, 4),
    "a large one": (1000, 9000, outlet.RESERVE),
}


@pytest.mark.parametrize("case", RESERVES)
def test_the_reserve_is_ten_or_a_tenth(case: str):
    per_hour, per_day, expected = RESERVES[case]
    assert outlet._reserve(per_hour, per_day) == expected
