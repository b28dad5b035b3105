"""Several relays: who takes what, fail-over and fail-back, budgets of their own; slowing down, and limits learnt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.base.database import SYSTEM
from postern.flow import outlet
from postern.relay.outcome import judge
from postern.store import aliases, domains, mailboxes, users
from postern.web import health
from support.fixtures import RELAY_PASSWORD, RELAY_USER
from support.instance import Instance
from support.mail import message
from support.queue import put
from support.relay import DROP, KEEP_AND_DROP, ScriptedRelay, say

LIMIT = "550 5.4.5 Daily user sending limit exceeded"
SLOWER = "421 4.7.0 Try again later, closing connection"


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def second(instance: Instance) -> Iterator[ScriptedRelay]:
    """Another relay, in the settings after `relay`."""
    with ScriptedRelay(users={RELAY_USER: RELAY_PASSWORD}) as server:
        instance.write_env(
            POSTERN_RELAY2_HOST="127.0.0.1",
            POSTERN_RELAY2_PORT=str(server.port),
            POSTERN_RELAY2_USER=RELAY_USER,
            POSTERN_RELAY2_PASSWORD=f'"{RELAY_PASSWORD}"',
            POSTERN_RELAY2_CA_FILE=server.ca_file,
            POSTERN_RELAY2_PER_HOUR="0",
            POSTERN_RELAY2_PER_DAY="0",
        )
        yield server


def put_many(instance: Instance, many: int) -> None:
    put(instance, instance.context(), *(message() for _ in range(many)))


def make_due(instance: Instance) -> None:
    instance.query("UPDATE deliveries SET due_at = now() WHERE state = 'queued'")


def booked(instance: Instance, relay: ScriptedRelay) -> object:
    """What is booked on this relay."""
    return instance.query(
        f"SELECT coalesce(sum(sent), 0) FROM relay_usage WHERE relay = '127.0.0.1:{relay.port}'"
    )[0][0]


def test_the_first_relay_takes_all_that_it_can(
    instance: Instance, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    put_many(instance, 3)
    instance.drain()
    assert (relay.count, second.count, second.seen["connect"]) == (3, 0, 0)


BROKEN = {
    "login": {"auth": "535 5.7.8 bad credentials"},
    "greeting": {"connect": say("554 5.7.1 go away", drop=True)},
    "gone": {"connect": DROP},
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
def test_while_the_first_cannot_be_used_the_second_takes_over_in_the_same_drain_and_gives_back_later(
    instance: Instance, relay: ScriptedRelay, second: ScriptedRelay, script: dict[str, object]
) -> None:
    relay.follow(script)
    put_many(instance, 3)
    instance.drain()
    assert (relay.count, second.count) == (0, 3)
    assert (booked(instance, relay), booked(instance, second)) == (0, 3)
    assert instance.query("SELECT DISTINCT state, attempts FROM deliveries") == [["sent", 1]]
    (told,) = (check for check in health.look(instance.context()) if check.name == "relay")
    assert told.ok
    assert "1: in trouble" in told.detail and "2: took the last message" in told.detail
    knocks = relay.seen["connect"]
    put_many(instance, 1)
    instance.drain()
    assert relay.seen["connect"] == knocks, "it is left alone while it is paused"
    relay.follow({})
    instance.query("UPDATE relays SET paused_until = now()")
    put_many(instance, 2)
    instance.drain()
    assert (relay.count, second.count) == (2, 4)


def test_a_relay_that_is_down_hands_over_and_both_down_lose_nothing(
    instance: Instance, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    relay.stop()
    put_many(instance, 2)
    instance.drain()
    assert second.count == 2
    second.stop()
    instance.query("UPDATE relays SET paused_until = now()")
    put_many(instance, 2)
    instance.drain()
    assert (
        instance.query("SELECT state, attempts, lease FROM deliveries WHERE state <> 'sent'")
        == [["queued", 0, None]] * 2
    )


def test_each_has_its_own_budget_and_what_is_over_goes_to_the_next(
    instance: Instance, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    instance.write_env(POSTERN_RELAY_PER_HOUR="2", POSTERN_RELAY2_PER_DAY="3")
    put_many(instance, 7)
    instance.drain()
    assert (relay.count, second.count) == (2, 3)
    assert instance.states() == {"sent": 5, "queued": 2}
    rows = instance.cli("limits")
    assert "relay, an hour" in rows and "POSTERN_RELAY2_PER_DAY" in rows


def test_the_window_of_doubt_is_no_wider_with_two(
    instance: Instance, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    """Lost after the final dot: the first may have it, so nobody is asked at once; after its wait it goes out once more."""
    relay.follow({"body": [KEEP_AND_DROP]})
    put_many(instance, 1)
    instance.drain()
    assert (relay.count, second.count, instance.states()) == (1, 0, {"queued": 1})
    make_due(instance)
    instance.drain()
    assert relay.count + second.count == 2


def test_the_operator_stops_all_of_them(
    instance: Instance, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    instance.cli("queue", "pause")
    put_many(instance, 1)
    instance.drain()
    assert (relay.count, second.count) == (0, 0)
    instance.cli("queue", "resume")
    instance.drain()
    assert relay.count == 1


def test_one_answer_to_slow_down_stops_nobody(instance: Instance, relay: ScriptedRelay) -> None:
    relay.follow({"rcpt": [SLOWER]})
    instance.cli("mailbox", "add", "jane", "second@other.example", "--verified")
    instance.cli("alias", "add", "jane", "other@alias.example", "--mailbox", "second@other.example")
    put_many(instance, 1)
    put(instance, instance.context(), message(), rcpt_to="other@alias.example")
    instance.drain()
    assert instance.states() == {"queued": 1, "sent": 1}
    assert instance.query("SELECT slow_level FROM relays") == [[None]]


def to_many_mailboxes(instance: Instance, many: int) -> None:
    """One mail, to so many mailboxes of one alias."""
    context = instance.context()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        user, domain = users.find(db, "jane"), domains.find(db, "alias.example")
        assert user and domain
        alias = aliases.add(db, user.id, domain.id, "all")
        for number in range(many):
            box = mailboxes.add(db, context.ring, user.id, f"box-{number}@other.example", verified=True)
            aliases.forward_to(db, alias, box.id)
    put(instance, context, message(), rcpt_to="all@alias.example")


def test_a_relay_that_asks_to_slow_down_rests_then_gets_less_then_as_before(
    instance: Instance, relay: ScriptedRelay
) -> None:
    instance.write_env(POSTERN_DRAIN_BATCH="4")
    relay.follow({"rcpt": [None, SLOWER, SLOWER]})
    to_many_mailboxes(instance, 8)
    instance.drain()
    assert instance.states() == {"sent": 1, "queued": 7}
    assert (relay.seen["rcpt"], booked(instance, relay)) == (3, 3), "the rest was given back untried"
    ((level, rests, trouble),) = instance.query(
        "SELECT slow_level, rest_until > now() + interval '30 seconds', trouble FROM relays"
    )
    assert (level, rests, trouble) == (1, True, None)
    make_due(instance)
    instance.drain()
    assert relay.count == 1, "it rests"
    instance.query("UPDATE relays SET rest_until = now()")
    instance.drain()
    assert relay.count == 3, "half a batch, and another rest"
    instance.query("UPDATE relays SET rest_until = now(), slowed_at = now() - interval '11 minutes'")
    instance.drain()
    assert instance.states() == {"sent": 8}


def test_each_further_request_halves_the_batch_and_doubles_the_rest(
    instance: Instance, relay: ScriptedRelay
) -> None:
    relay.follow({"connect": say("421 4.7.0 too many connections", drop=True)})
    put_many(instance, 1)
    for level, seconds in ((1, 60), (2, 120), (3, 240)):
        instance.query("UPDATE relays SET rest_until = now(), paused_until = now()")
        make_due(instance)
        instance.drain()
        assert instance.query(
            "SELECT slow_level, round(extract(epoch FROM rest_until - slowed_at)) FROM relays"
        ) == [[level, seconds]]


def test_a_rate_that_is_exceeded_rests_the_relay_at_once_and_shortly(
    instance: Instance, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    """Amazon SES. The second relay takes the rest."""
    relay.follow({"data": [None, "454 Throttling failure: Maximum sending rate exceeded."]})
    to_many_mailboxes(instance, 4)
    instance.drain()
    assert (relay.count, second.count) == (1, 2)
    assert instance.query("SELECT paused_until FROM relays WHERE slow_level = 1") == [[None]]
    assert instance.query("SELECT state, attempts FROM deliveries WHERE state <> 'sent'") == [["queued", 1]]


def test_a_limit_is_learnt_from_its_refusal_and_kept(
    instance: Instance, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    instance.write_env(POSTERN_RELAY_PER_DAY="60", POSTERN_RELAY_CONNECTIONS="1")
    relay.follow({"mail": [None] * 12 + [LIMIT]})
    put_many(instance, 16)
    instance.drain()
    assert (relay.count, second.count) == (12, 0), (
        "the same mailbox: the others wait with the one that was refused"
    )
    assert instance.query("SELECT day_learnt, hour_learnt FROM relays WHERE trouble IS NOT NULL") == [
        [12, None]
    ]
    (row,) = (line for line in instance.cli("relay", "list").splitlines() if f":{relay.port}" in line)
    assert row.split()[2:6] == ["13", "-", "13", "12"]
    relay.follow({})
    instance.query("UPDATE relays SET paused_until = now()")
    make_due(instance)
    instance.drain()
    assert (relay.count, second.count) == (12, 4)
    instance.cli("relay", "forget", "1")
    put_many(instance, 1)
    instance.drain()
    assert relay.count == 13


@pytest.mark.parametrize(
    ("stage", "code", "words", "expected"),
    [
        # stage, what a provider is known to say; slower?, at once?, whose limit
        ("mail", 421, "4.7.0 Try again later", (True, False, "")),
        ("rcpt", 450, "4.7.1 Greylisted, come back", (False, False, "")),
        (
            "rcpt",
            450,
            "4.2.1 The user you are trying to contact is receiving mail at a rate",
            (False, False, ""),
        ),
        ("mail", 450, "4.7.1 Error: too much mail from 192.0.2.1", (True, False, "")),
        ("mail", 432, "4.3.2 Concurrent connections limit exceeded", (False, False, "")),
        ("data", 454, "Throttling failure: Maximum sending rate exceeded.", (True, True, "")),
        ("data", 454, "Throttling failure: Daily message quota exceeded.", (False, False, "day")),
        ("mail", 550, "5.4.5 Daily user sending limit exceeded.", (False, False, "day")),
        ("body", 554, "5.7.0 domain has exceeded the max emails per hour", (False, False, "hour")),
        ("mail", 451, "You have exceeded your messaging limits", (False, False, "")),
        ("auth", 454, "4.7.0 Too many login attempts", (False, False, "")),
        ("rcpt", 552, "5.2.2 mailbox over quota today", (False, False, "")),
        ("body", 250, "2.0.0 daily limit not reached", (False, False, "")),
    ],
)
def test_what_providers_say_is_understood(
    stage: str, code: int, words: str, expected: tuple[bool, bool, str]
) -> None:
    outcome = judge(stage, code, words)
    assert (outcome.asks_to_slow_down(), outcome.is_rate(), outcome.limit_period()) == expected


@pytest.mark.parametrize(
    ("set_limit", "learnt", "expected"), [(0, None, 0), (5, None, 5), (0, 7, 7), (5, 7, 5), (9, 7, 7)]
)
def test_the_tighter_limit_holds(set_limit: int, learnt: int | None, expected: int) -> None:
    assert outlet.tighter(set_limit, learnt) == expected
