"""Commands that change how an instance runs, run for their effect: the queue stands still and goes on, room is made."""

from __future__ import annotations

import json

import pytest

from support.instance import MAILBOX, Instance
from support.mail import message
from support.queue import put
from support.relay import ScriptedRelay


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


def test_a_paused_queue_keeps_mail_and_a_resumed_one_delivers_it(instance: Instance, relay: ScriptedRelay):
    put(instance, instance.context(), message())
    instance.cli("queue", "pause", "--minutes", "60")
    instance.drain()
    assert relay.messages == []
    assert instance.states() == {"queued": 1}
    instance.cli("queue", "resume")
    instance.query("UPDATE deliveries SET due_at = now()")
    instance.drain()
    assert [got.rcpt_to for got in relay.messages] == [(MAILBOX,)]


def test_a_vacuum_makes_the_room_of_deleted_rows_usable_again(instance: Instance):
    instance.query("INSERT INTO webhook_ids (id) SELECT md5(n::text) FROM generate_series(1, 20000) n")
    instance.query("DELETE FROM webhook_ids")

    def pages() -> int:
        found = json.loads(instance.cli("database", "size", "--json"))
        return next(int(one["bytes"]) for one in found if one["table"] == "webhook_ids")

    before = pages()
    assert "tables vacuumed" in instance.cli("database", "vacuum")
    assert pages() < before * 3 // 4, "what stands empty at its end goes back to the disk, indexes do not"
