"""A drain with several connections to one relay: the same promises as with one, kept by each of them."""

from __future__ import annotations

import signal
import threading
from collections import Counter

import pytest

from support.instance import DOMAIN, Instance
from support.mail import message, parsed
from support.patience import PATIENCE
from support.queue import put
from support.relay import ScriptedRelay, wait

IDS = [f"<{number}@shop.example>" for number in range(40)]


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch):
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


def queue(instance: Instance, ids: list[str] = IDS) -> None:
    put(instance, instance.context(), *(message(Message_ID=one, body=b"x\r\n") for one in ids))


def seen(relay: ScriptedRelay) -> Counter:
    return Counter(parsed(got.content)["Message-ID"] for got in relay.messages)


def meet(relay: ScriptedRelay, point: str, many: int) -> threading.Event:
    """Hold each connection at this point until so many are there at once; the event tells that they were."""
    together, inside, guard = threading.Event(), [0], threading.Lock()

    def arrive() -> None:
        with guard:
            inside[0] += 1
            if inside[0] >= many:
                together.set()

    relay.on(point, arrive)
    # The first message of a recipient goes alone: it must not wait for others.
    relay.follow({point: [None, *[wait(together)] * (many - 1)]})
    return together


def test_three_connections_share_the_work_and_each_message_goes_once(
    instance: Instance, relay: ScriptedRelay
):
    queue(instance)
    meet(relay, "mail", 4)
    instance.drain()
    assert seen(relay) == Counter(IDS)
    assert instance.states() == {"sent": 40}
    assert (relay.seen["connect"], relay.seen["quit"]) == (3, 3)
    assert instance.query("SELECT sum(sent) FROM relay_usage") == [[40]]
    assert instance.query("SELECT count(*) FROM events WHERE kind = 'sent'") == [[40]]
    assert instance.query("SELECT count(*) FROM message_chunks") == [[0]]


@pytest.mark.parametrize("point", ["data", "body"])
def test_killed_with_three_connections_at_work_nothing_is_lost_and_at_most_one_each_is_doubled(
    instance: Instance, relay: ScriptedRelay, point: str
):
    """At `body` each has sent its final dot and waits for the answer: the window of docs/queue.md, once a connection."""
    queue(instance)
    drains, over = [], threading.Event()
    guard, inside = threading.Lock(), [0]

    def kill() -> None:
        with guard:
            inside[0] += 1
            if inside[0] == 4:
                drains[0].send_signal(signal.SIGKILL)
                drains[0].wait(PATIENCE)
                over.set()

    relay.on(point, kill)
    relay.follow({point: [None, *[wait(over)] * 3]})
    drains.append(instance.start_drain())
    assert over.wait(PATIENCE)
    drains[0].stdout.close()
    assert relay.wait_until_idle()
    relay.follow({})
    instance.query("UPDATE deliveries SET due_at = now() WHERE state = 'queued'")
    instance.drain()
    found = seen(relay)
    assert instance.states() == {"sent": 40}
    assert set(found) == set(IDS), "nothing is lost"
    doubled = [one for one, times in found.items() if times > 1]
    assert max(found.values()) <= 2
    assert len(doubled) <= (3 if point == "body" else 0)


def test_a_relay_that_allows_one_connection_gets_all_over_that_one(instance: Instance, relay: ScriptedRelay):
    queue(instance)
    relay.follow({"connect": [None, *["421 4.7.0 too many connections from you"] * 20]})
    instance.drain()
    assert seen(relay) == Counter(IDS)
    assert instance.states() == {"sent": 40}
    assert instance.query("SELECT trouble FROM relays") == [[None]]
    assert relay.seen["connect"] <= 3, "it is not asked again in this drain"


def test_who_refuses_is_asked_once_whatever_the_connections(instance: Instance, relay: ScriptedRelay):
    instance.cli("user", "add", "joe")
    instance.cli("mailbox", "add", "joe", "joe@other.example", "--verified")
    instance.cli("alias", "add", "joe", f"joe-shop@{DOMAIN}")
    relay.follow({"rcpt:joe@other.example": "450 4.2.0 later"})
    queue(instance)
    put(instance, instance.context(), *(message() for _ in range(10)), rcpt_to=f"joe-shop@{DOMAIN}")
    instance.drain()
    assert instance.states() == {"sent": 40, "queued": 10}
    assert relay.seen["rcpt:joe@other.example"] == 1


def test_a_limit_met_on_one_connection_stops_all_and_gives_the_rest_back(
    instance: Instance, relay: ScriptedRelay
):
    relay.follow({"mail": [*[None] * 10, *["550 5.4.5 Daily user sending limit exceeded"] * 30]})
    queue(instance)
    instance.drain()
    assert relay.count == 10
    assert instance.query("SELECT count(*) FROM deliveries WHERE state = 'queued' AND lease IS NULL") == [
        [30]
    ]
    assert instance.query("SELECT sum(attempts) FROM deliveries WHERE state = 'queued'")[0][0] <= 3
    assert instance.query("SELECT trouble IS NOT NULL FROM relays") == [[True]]


def test_where_the_host_allows_no_more_threads_one_connection_does_it_all(
    instance: Instance, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
):
    from postern.base.stop import Stop
    from postern.flow import batch, deliver

    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    queue(instance)
    monkeypatch.setattr(batch, "Thread", Refused)
    assert deliver.drain(instance.context(), Stop()).sent == 40
    assert relay.seen["connect"] == 1
