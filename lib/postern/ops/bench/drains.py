"""Mail going out: cron/deliver.py as cron starts it, to the relay of the lab. What its start takes is counted apart."""

from __future__ import annotations

import os
import sys

from postern.base import clock, home
from postern.base.database import SYSTEM
from postern.flow.receive import receive
from postern.mail.envelope import Inbound, parse_secrets
from postern.ops import post
from postern.ops.bench.lab import ALIAS, SENDER
from postern.ops.bench.requests import SIZES, message
from postern.ops.bench.result import LeftOut
from postern.store import queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.bench.bench import Bench
    from postern.ops.bench.lab import Lab
    from postern.ops.bench.spawn import Spent

BATCH = {"drain.4k": 150, "drain.25m": 2}
QUICK_BATCH = {"drain.4k": 5, "drain.25m": 1}


def deliveries(bench: Bench) -> None:
    """In turn: a drain that finds nothing, one with small mail; in the end one with large mail."""
    lab = bench.lab()
    drain(bench, lab)  # what receipts before have left
    batch = QUICK_BATCH if bench.quick else BATCH
    idle: list[Spent] = []
    small: list[tuple[float, float]] = []
    for _ in bench.rounds(3, 12):
        idle.append(drain(bench, lab))
        small.append(each(filled(bench, lab, "4k", batch["drain.4k"]), idle[-1], batch["drain.4k"]))
    bench.found("drain.start", [one.clock_ms for one in idle], [one.processor_ms for one in idle])
    bench.found("drain.4k", [one[0] for one in small], [one[1] for one in small])
    large, heavy = [], []
    for _ in bench.rounds(2, 10):
        spent = filled(bench, lab, "25m", batch["drain.25m"])
        large.append(each(spent, idle[-1], batch["drain.25m"]))
        heavy.append(spent.peak_mib)
    bench.found("drain.25m", [one[0] for one in large], [one[1] for one in large])
    bench.found("drain.memory", heavy)


def each(spent: Spent, idle: Spent, many: int) -> tuple[float, float]:
    """Milliseconds a delivery, on the clock and of the processor, without the start."""
    return (
        max(0.0, spent.clock_ms - idle.clock_ms) / many,
        max(0.0, spent.processor_ms - idle.processor_ms) / many,
    )


def filled(bench: Bench, lab: Lab, size: str, many: int) -> Spent:
    """Queue so many, and drain them."""
    for number in range(many):
        take_in(lab, message(SIZES[f"receipt.{size}"], number))
    return drain(bench, lab)


def take_in(lab: Lab, mime: bytes) -> None:
    """The receipt in this process."""
    secrets = parse_secrets(lab.context.config.webhook_secrets)
    signed = post.headers(secrets[0], SENDER, ALIAS, mime, "bench")
    inbound = Inbound(
        signed["webhook-id"],
        signed["webhook-timestamp"],
        signed["webhook-signature"],
        signed["postern-envelope"],
    )
    step = 1 << 16
    receive(lab.context, inbound, secrets, (mime[at : at + step] for at in range(0, len(mime), step)))


def drain(bench: Bench, lab: Lab) -> Spent:
    """Until nothing is due. LeftOut where something stays."""
    script = os.path.join(home.program(), "cron", "deliver.py")
    began = clock.elapsed()
    lab.drains.release()
    try:
        spent = bench.spawner.run([sys.executable, script], lab.environ)
    finally:
        lab.drains.acquire()
    with lab.context.pool.connection() as db, db.transaction(SYSTEM):
        depth = queue.depth(db)
    if spent.code or depth.waiting:
        took = clock.elapsed() - began
        raise LeftOut(
            f"a drain ended with {spent.code} after {took:.0f} s, and {depth.waiting} deliveries wait"
        )
    return spent
