"""While the gate is shut: receipts spool, a drain ends the delivery that it is at, gives the rest back, and no mail doubles."""

from __future__ import annotations

import threading

from postern.base import lock, stop
from postern.base.stop import Stop
from postern.flow import job_run, job_table
from postern.ops.install.fetch import fetch
from support.instance import Instance
from support.mail import message
from support.patience import PATIENCE, join, until
from support.queue import put
from support.relay import ScriptedRelay, wait


def test_mail_waits_in_the_spool_while_it_is_shut_and_arrives_once_afterwards(
    instance: Instance, relay: ScriptedRelay, site: str
):
    gate = instance.context().pool.gate
    with gate.close(PATIENCE):
        answer = instance.post(site, message())
        assert (answer.status, answer.receipt) == (202, "spooled")
        assert instance.drain(code=75) == ""
    assert relay.messages == []
    assert instance.states() == {}
    instance.finish()
    assert len(relay.messages) == 1
    assert instance.states() == {"sent": 1}


def test_pages_say_come_back_later_while_it_is_shut(instance: Instance, site: str):
    with instance.context().pool.gate.close(PATIENCE):
        answer = fetch(f"{site}/health")
    assert answer.status == 503
    assert b"cannot be used" in answer.body
    assert "Postern is being upgraded." in instance.log()


def test_a_drain_ends_its_delivery_and_gives_the_rest_back(instance: Instance, relay: ScriptedRelay):
    context, held = instance.context(), lock.of_job(instance.home, "deliver")
    assert held.acquire()
    with held:  # or the receipts would wake a drain of their own
        put(instance, context, message(), message(), message())
    reached, go_on = threading.Event(), threading.Event()
    relay.follow({"body": [wait(go_on)]})
    relay.on("body", reached.set)
    drain = instance.start_drain()
    assert reached.wait(PATIENCE)
    closed, looked = threading.Event(), threading.Event()

    def shut() -> None:
        with instance.context().pool.gate.close(PATIENCE):
            closed.set()
            looked.wait(PATIENCE)

    thread = threading.Thread(target=shut)
    thread.start()
    until(context.pool.gate.closed)
    assert not closed.is_set()
    go_on.set()
    assert drain.wait(PATIENCE) == 0
    drain.stdout.close()
    assert closed.wait(PATIENCE)
    assert stop.CLOSED in instance.log()
    assert len(relay.messages) == 1
    looked.set()
    join(thread)
    assert instance.states() == {"sent": 1, "queued": 2}
    assert instance.query("SELECT count(*) FROM deliveries WHERE lease IS NOT NULL") == [[0]]
    instance.finish()
    assert len(relay.messages) == 3
    assert instance.states() == {"sent": 3}


def test_a_drain_that_nobody_disturbs_says_so(instance: Instance):
    done = job_run.run(instance.context(), job_table.get("deliver"), Stop())
    assert done.said == "0 sent, 0 later, 0 failed; stopped because nothing is due."
