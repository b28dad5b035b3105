"""A receipt wakes a drain: mail does not wait for the minute, and however many receipts come, one drain runs."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from postern.flow import wake
from support.instance import Instance
from support.mail import message
from support.patience import PATIENCE, until
from support.relay import ScriptedRelay, wait


def test_a_receipt_delivers_without_cron(instance: Instance, relay: ScriptedRelay, site: str):
    arrived = threading.Event()
    relay.on("answered", arrived.set)
    assert instance.post(site, message()).status == 202
    assert arrived.wait(PATIENCE)


def test_mail_that_comes_while_a_drain_ends_is_not_left_waiting(
    instance: Instance, relay: ScriptedRelay, site: str
):
    """Fifty receipts from four sides: whatever the interleaving, all are delivered by woken drains alone."""
    arrived = threading.Semaphore(0)
    relay.on("answered", arrived.release)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: instance.post(site, message()).status, range(50)))
    accepted = answers.count(202)
    assert accepted > 0 and set(answers) <= {202, 503}
    for _ in range(accepted):
        assert arrived.acquire(timeout=PATIENCE)
    instance.wait_for_drain()
    assert instance.states() == {"sent": accepted}
    assert relay.count == accepted


def test_receipts_during_a_drain_start_no_second_one(instance: Instance, relay: ScriptedRelay, site: str):
    go_on, reached = threading.Event(), threading.Event()
    relay.follow({"mail": [wait(go_on)]})
    relay.on("mail", reached.set)
    instance.post(site, message())
    assert reached.wait(PATIENCE)
    for _ in range(10):
        assert instance.post(site, message()).status == 202
    children = [name for name in os.listdir("/proc") if name.isdigit() and _parent(name) == instance.site_pid]
    assert len(children) <= 1
    go_on.set()
    until(lambda: relay.count == 11)


def test_threads_that_reap_at_once_take_each_child_off_the_list_once():
    """A server with threads reaps at every receipt; two of them at the same child were an error after the mail was stored."""
    threads = 8
    for _ in range(20):
        wake._children.extend(os.spawnlp(os.P_NOWAIT, "true", "true") for _ in range(threads))
        start = threading.Barrier(threads)

        def reap(start: threading.Barrier = start) -> None:
            start.wait(PATIENCE)
            while wake._children:
                wake._reap()

        with ThreadPoolExecutor(threads) as pool:
            for reaper in [pool.submit(reap) for _ in range(threads)]:
                reaper.result()
    assert wake._children == []


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0
