"""Large mail streams: 25 MB in and out while neither process grows by more than a few megabytes."""

from __future__ import annotations

import os
import pathlib

import pytest

from postern.base import dkim_keys
from postern.base.dkim_keys import KeptKey
from postern.mail import signing_key
from postern.mail.signing_key import ED25519
from support.instance import DOMAIN, Instance
from support.mail import body_of, message
from support.patience import PATIENCE
from support.queue import put
from support.relay import ScriptedRelay
from support.signing import judge, signing_key_of

ALLOWED = 24 * 1024 * 1024
"""Bytes over idle (issue 1)."""


def peak(pid: int) -> int:
    """The most memory a process ever had, in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.fixture
def large() -> bytes:
    """25 MB that do not compress, in lines."""
    lines = [os.urandom(36).hex().encode() for _ in range(25 * 1024 * 1024 // 74 - 20)]
    return message(body=b"\r\n".join(lines) + b"\r\n")


def test_receipt_of_25_mb_stays_small(instance: Instance, relay: ScriptedRelay, large: bytes):
    instance.query(
        "INSERT INTO relays (name, paused_until) VALUES (:name, now() + interval '1 day')",
        name=f"127.0.0.1:{instance.settings['POSTERN_RELAY_PORT']}",
    )
    with instance.served() as site:
        assert instance.post(site, message()).status == 202
        idle = peak(instance.site_pid)
        assert instance.post(site, large).receipt == "stored"
        grown = peak(instance.site_pid) - idle
    assert grown <= ALLOWED, f"{grown / 1e6:.1f} MB over idle"


def test_delivery_of_25_mb_stays_small_and_exact(
    instance: Instance, relay: ScriptedRelay, large: bytes, monkeypatch
):
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    context = instance.context()
    # Signed by Postern itself, which reads the body once more.
    key = signing_key_of(DOMAIN, ED25519)
    dkim_keys.write(instance.home, [KeptKey(DOMAIN, key.selector, ED25519, 1, 1, signing_key.to_pem(key))])
    put(instance, context, message())
    peaks = []
    relay.on("body", lambda: peaks.append(peak(drain.pid)))
    drain = instance.start_drain()
    drain.communicate(timeout=PATIENCE)
    put(instance, context, large)
    drain = instance.start_drain()
    drain.communicate(timeout=PATIENCE)
    assert len(peaks) == 2
    assert body_of(relay.messages[-1].content) == body_of(large)
    assert judge(relay.messages[-1].content, key) == 1
    assert peaks[1] - peaks[0] <= ALLOWED, f"{(peaks[1] - peaks[0]) / 1e6:.1f} MB over a small one"
