"""Digests: as their users choose, of whole days, once each, and none where nothing happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.base.database import SYSTEM
from postern.base.errors import PosternError
from postern.base.stop import Stop
from postern.flow import digest
from postern.flow.context import Context
from postern.store import mailboxes, preferences
from postern.store.preferences import Preferences
from support.instance import ALIAS, MAILBOX, Instance
from support.mail import message, parsed
from support.queue import put
from support.relay import ScriptedRelay

TODAY = "CAST(now() AT TIME ZONE 'UTC' AS date)"


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts and digests wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def context(instance: Instance) -> Context:
    return instance.context()


@pytest.fixture
def second(instance: Instance, tmp_path: Path) -> Iterator[Instance]:
    """Another home on the same database."""
    other = Instance(tmp_path / "second-home", instance.settings)
    yield other
    other.close()


def choose(context: Context, often: str) -> None:
    """Jane saves her settings."""
    with context.pool.connection() as db, db.transaction(1):
        preferences.save(db, 1, Preferences(digest=often))


def days_pass(instance: Instance, days: int) -> None:
    """All that happened, and what was told of it, is so many days older."""
    instance.query(f"UPDATE preferences SET digest_from = digest_from - {days}")
    instance.query(f"UPDATE alias_days SET day = day - {days}")
    instance.query(f"UPDATE events SET at = at - interval '{days} days'")


def run(context: Context) -> int:
    return digest.work(context, Stop()).items


def notices(instance: Instance) -> object:
    return instance.query("SELECT count(*) FROM messages WHERE kind = 'notice'")[0][0]


def test_it_says_what_was_forwarded_blocked_held_and_failed(
    instance: Instance, context: Context, relay: ScriptedRelay
):
    choose(context, "daily")
    put(instance, context, message("one"), message("two"))
    instance.drain()
    instance.query(
        "UPDATE alias_days SET blocked = 1, replied = 3;"
        "INSERT INTO events (uid, user_id, kind) SELECT md5(k || n)::uuid, 1, k"
        " FROM unnest(ARRAY['held', 'failed', 'bounced', 'paused']) k, generate_series(1, 2) n"
    )
    days_pass(instance, 1)
    assert run(context) == 1
    relay.messages.clear()
    instance.drain()
    (got,) = relay.messages
    assert got.rcpt_to == (MAILBOX,)
    mail = parsed(got.content)
    assert mail["Subject"].startswith("Your mail on ")
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for said in (
        *(
            "2 messages were forwarded to you.",
            f"Most came to {ALIAS} (2).",
            "1 was refused",
            "3 were sent as replies",
        ),
        *("2 were held in quarantine.", "4 were not delivered, or came back.", "/quarantine", "/settings"),
    ):
        assert said in text, text
    assert "shop.example" not in text.replace(ALIAS, ""), "no sender stands in it"


@pytest.mark.parametrize(("often", "days"), [("daily", 1), ("weekly", 7)])
def test_it_comes_once_a_period_even_with_two_homes(
    instance: Instance, context: Context, second: Instance, often: str, days: int
):
    choose(context, often)
    put(instance, context, message())
    assert run(context) == 0, "today is not over"
    days_pass(instance, days - 1)
    assert run(context) == 0
    days_pass(instance, 1)
    other = second.context()
    assert [run(context), run(other), run(context)] == [1, 0, 0]
    put(instance, context, message())
    days_pass(instance, days)
    assert [run(other), run(context)] == [1, 0]
    assert notices(instance) == 2


def test_a_home_that_looked_before_the_other_told_tells_nothing(
    instance: Instance, context: Context, second: Instance, monkeypatch: pytest.MonkeyPatch
):
    choose(context, "daily")
    put(instance, context, message())
    days_pass(instance, 1)
    other, look = second.context(), digest.digests.due

    def then_the_other(db: object) -> object:
        monkeypatch.setattr(digest.digests, "due", look)
        found = look(db)  # type: ignore[arg-type]
        assert run(other) == 1
        return found

    monkeypatch.setattr(digest.digests, "due", then_the_other)
    assert run(context) == 0
    assert notices(instance) == 1


def test_a_job_that_missed_days_tells_of_all_of_them(instance: Instance, context: Context):
    choose(context, "daily")
    days_pass(instance, 3)
    put(instance, context, message())
    days_pass(instance, 1)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        (due,) = digest.digests.due(db)
        words = digest.notice("https://x.example", due, digest.digests.tally(db, due), [])
    assert words.subject.startswith("Your mail from ")
    assert words.paragraphs == ("One message was forwarded to you.",)
    assert run(context) == 1


@pytest.mark.parametrize("why", ["nothing happened", "off", "disabled", "paused", "no mailbox"])
def test_none_comes_where(instance: Instance, context: Context, why: str):
    choose(context, "off" if why == "off" else "daily")
    if why != "nothing happened":
        put(instance, context, message())
    days_pass(instance, 2)
    if why == "disabled":
        instance.query("UPDATE users SET disabled_at = now()")
    if why == "paused":
        instance.query("UPDATE mailboxes SET paused_at = now()")
    if why == "no mailbox":
        instance.query("UPDATE mailboxes SET verified_at = NULL, is_default = false")
    assert run(context) == 0
    assert notices(instance) == 0


def test_who_chooses_it_again_is_not_told_of_the_time_without(instance: Instance, context: Context):
    choose(context, "daily")
    choose(context, "off")
    days_pass(instance, 30)
    choose(context, "weekly")
    assert instance.query(f"SELECT digest_from = {TODAY} FROM preferences") == [[True]]
    days_pass(instance, 2)
    choose(context, "daily")
    assert instance.query(f"SELECT digest_from = {TODAY} - 2 FROM preferences") == [[True]]


def test_without_a_sender_the_days_stay_untold(instance: Instance, context: Context):
    choose(context, "daily")
    put(instance, context, message())
    days_pass(instance, 1)
    instance.query("UPDATE domains SET user_id = 1")
    with pytest.raises(PosternError, match="cannot write to its users"):
        run(context)
    instance.query("UPDATE domains SET user_id = NULL")
    with context.pool.connection() as db, db.transaction(SYSTEM):
        assert mailboxes.default(db, 1) is not None
    assert run(context) == 1
