"""Mail coming in by the door: three sizes, and twenty processes at once."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import threading
import time

from figure import Goal, Line, Section
from world import World

from postern.base.database import SYSTEM
from postern.mail.envelope import parse_secrets
from postern.ops import post
from postern.ops.bench import requests
from postern.ops.bench.bench import Bench
from postern.ops.bench.door import Door
from postern.ops.bench.lab import ALIAS, SENDER, Lab
from postern.ops.bench.requests import SIZES, message
from postern.store import queue
from support.instance import ROOT

PROCESSES, POSTED = 20, 500
COME_BACK = ("429", "503")


def measure(world: World) -> Section:
    bench = world.bench()
    with bench.stack:
        requests.warm(bench)
        found = bench.results
        lines = [
            Line(f"receipt of {words}", found[name].median, found[name].processor)
            for name, words in (("receipt.4k", "4 KB"), ("receipt.1m", "1 MB"), ("receipt.25m", "25 MB"))
        ]
        lines[-1] = Line(lines[-1].name, lines[-1].clock, lines[-1].processor, found["receipt.memory"].median)
        at_once, goals = _at_once(bench, bench.lab(), 40 if world.quick else POSTED)
    over = Goal(
        "receipt of 25 MB: memory over idle, door and resident", 8, found["receipt.memory"].median, "MiB"
    )
    return Section("in", [*lines, at_once], [over, *goals])


def _at_once(bench: Bench, lab: Lab, posted: int) -> tuple[Line, list[Goal]]:
    """Each of twenty posts one after the other; the processes are the doors."""
    door = Door(bench)
    assert door.warm_up()
    before = _waiting(lab)
    taken: list[tuple[float, str]] = []
    guard = threading.Lock()
    numbers = iter(range(posted))

    def work(me: int) -> None:
        path = lab.path(f"message-{me}")
        while True:
            with guard:
                number = next(numbers, None)
            if number is None:
                return
            mime = message(SIZES["receipt.4k"], number)
            pathlib.Path(path).write_bytes(mime)
            one = _post(bench, lab, path, mime)
            with guard:
                taken.append(one)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with contextlib.suppress(OSError):
        door.leave()
    accepted = sum(status == "202" for _, status in taken)
    stored = _waiting(lab) - before + len(lab.context.spool.waiting())
    times = sorted(clock for clock, _ in taken)
    p99 = times[int(len(times) * 0.99) - 1]
    others = {status for _, status in taken} - {"202"}
    assert others <= set(COME_BACK), others
    line = Line(
        f"{PROCESSES} processes at once, {posted} messages of 4 KB: each",
        round(times[len(times) // 2], 1),
        note=f"99 of 100 within {p99:.0f} ms; {accepted} accepted, {len(taken) - accepted} told to come back",
    )
    return line, [
        Goal(f"{PROCESSES} processes, {posted} messages: 99 of 100 are answered within", 2, p99 / 1000, "s"),
        Goal("of these, accepted and not stored", 0, accepted - stored, "messages"),
    ]


def _waiting(lab: Lab) -> int:
    with lab.context.pool.connection() as db, db.transaction(SYSTEM):
        return queue.depth(db).waiting


def _post(bench: Bench, lab: Lab, path: str, mime: bytes) -> tuple[float, str]:
    secret = parse_secrets(lab.context.config.webhook_secrets)[0]
    signed = post.headers(secret, SENDER, ALIAS, mime, "bench")
    environ = {
        **lab.environ,
        **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in signed.items()},
        "REQUEST_METHOD": "POST",
        "REQUEST_URI": "/hooks/inbound",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "CONTENT_LENGTH": str(len(mime)),
    }
    began = time.perf_counter()
    with open(path, "rb") as body:
        argv = [bench.python, "-IS", str(ROOT / "cgi-bin" / "postern.cgi")]
        done = subprocess.run(
            argv, env=environ, stdin=body, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    took = (time.perf_counter() - began) * 1000
    words = done.stdout.split(None, 2)
    return took, words[1].decode() if len(words) > 1 else os.strerror(done.returncode)
