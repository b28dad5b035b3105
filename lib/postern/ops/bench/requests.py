"""A CGI request that asks the database: by itself, and answered by the resident. And mail coming in, by the same door."""

from __future__ import annotations

import base64
import os

from postern.mail.envelope import parse_secrets
from postern.ops import post
from postern.ops.bench.door import Door
from postern.ops.bench.lab import ALIAS, SENDER
from postern.ops.bench.result import LeftOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.bench.bench import Bench
    from postern.ops.bench.spawn import Spent

ASKED = "/health/ready"
"""A connection, a transaction, a question (web/health.py)."""

SIZES = {"receipt.4k": 4_000, "receipt.1m": 1_000_000, "receipt.25m": 25_000_000}
LARGE = 57 * 1_000
"""Bytes. 57 make a line of base64, and what large mail holds is files."""

ROUNDS = {"receipt.4k": (40, 8), "receipt.1m": (8, 6), "receipt.25m": (3, 15)}
"""How many at most, and for how many seconds rounds begin."""


def cold(bench: Bench) -> None:
    """Everything is imported, and a connection opened, for one answer."""
    door = Door(bench)
    taken = [door.ask(ASKED, 200, alone=True) for _ in bench.rounds(12, 10)]
    bench.found("request.cold", [one.clock_ms for one in taken], [one.processor_ms for one in taken])
    bench.found("request.memory", [one.peak_mib for one in taken])


def warm(bench: Bench) -> None:
    """By the resident, as long as that may stay; and mail."""
    door = Door(bench)
    if not door.warm_up():
        raise LeftOut("no resident stays on this host; see docs/resident.md")
    try:
        before = door.resident_ms()
        taken = [door.ask(ASKED, 200) for _ in bench.rounds(30, 6)]
        own = (door.resident_ms() - before) / len(taken)
        bench.found(
            "request.warm", [one.clock_ms for one in taken], [one.processor_ms + own for one in taken]
        )
        _receive_all(bench, door)
    finally:
        door.leave()


def _receive_all(bench: Bench, door: Door) -> None:
    idle = 0.0
    _receive(bench, door, SIZES["receipt.4k"], 0)  # the first one imports what receives
    for name, size in SIZES.items():
        idle = door.resident_mib().get("VmRSS", 0)
        door.forget_peak()
        before = door.resident_ms()
        taken = [_receive(bench, door, size, number) for number in bench.rounds(*ROUNDS[name])]
        own = (door.resident_ms() - before) / len(taken)
        bench.found(name, [one.clock_ms for one in taken], [one.processor_ms + own for one in taken])
    # The door's own weight does not depend on the message: it hands over the open file (resident/knock.py).
    bench.found("receipt.memory", [max(0.0, door.resident_mib().get("VmHWM", idle) - idle)])


def _receive(bench: Bench, door: Door, size: int, number: int) -> Spent:
    """Post one message to the door, signed, from a file."""
    lab = bench.lab()
    mime = message(size, number)
    path = lab.path("message")
    with open(path, "wb") as file:
        file.write(mime)
    secret = parse_secrets(lab.context.config.webhook_secrets)[0]
    signed = post.headers(secret, SENDER, ALIAS, mime, "bench")
    del mime
    headers = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in signed.items()}
    return door.ask("/hooks/inbound", 202, body=path, headers=headers)


def message(size: int, number: int) -> bytes:
    """A message of this many bytes, each its own: text while it is small, else what large mail is made of, base64."""
    head = (
        f"From: Shop <{SENDER}>\r\nTo: <{ALIAS}>\r\nSubject: Number {number}\r\n"
        f"Message-ID: <{os.urandom(8).hex()}@shop.example>\r\nDate: Mon, 05 Jan 2026 10:00:00 +0000\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ).encode()
    lines = b"What stands here fills the message up to its size, seventy-six letters.....\r\n"
    if size > LARGE:
        lines = base64.encodebytes(os.urandom(LARGE)).replace(b"\n", b"\r\n")
    return (head + lines * (size // len(lines) + 1))[: size - 2] + b"\r\n"
