"""What needs neither database nor settings: processor, disk, the start of Python, limits, the seal."""

from __future__ import annotations

import contextlib
import os
import time

from postern.base.keyring import KeyRing, new_key, parse_keys
from postern.base.limit_table import LimitTable, Rate
from postern.base.stream import StreamSealer, open_stream
from postern.ops.bench.lab import FOLDER, environ
from postern.ops.bench.result import LeftOut
from postern.ops.local.scratch import Scratch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.bench.bench import Bench

LOOKS = 2_000
MEBIBYTE = 1 << 20

_DRIVER = "from postern.base.driver import lean\nwith lean():\n import pg8000.native"
_SEAL = "from cryptography.hazmat.primitives.ciphers.aead import AESGCM"


def processor(bench: Bench) -> None:
    """Always the same work, so that two runs can be told apart from two states of the host."""
    samples = []
    for _ in bench.rounds(15, 3):
        began = time.perf_counter()
        words = {}
        for number in range(60_000):
            words[number % 997] = str(number)
        samples.append((time.perf_counter() - began) * 1000)
    bench.found("host.processor", samples)


def sync(bench: Bench) -> None:
    """In the home, where the spool is."""
    samples = []
    path = os.path.join(bench.home, FOLDER, f"sync-{os.getpid()}")
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", buffering=0) as file:
            for _ in bench.rounds(40, 3):
                began = time.perf_counter()
                file.write(bytes(4096))
                os.fsync(file.fileno())
                samples.append((time.perf_counter() - began) * 1000)
    except OSError as error:
        raise LeftOut(f"nothing can be written in {bench.home} ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
    bench.found("host.sync", samples)


def start(bench: Bench) -> None:
    """One after the other in each round: what is busy is busy for all of them."""
    import pg8000

    packages = os.path.dirname(os.path.dirname(os.path.abspath(pg8000.__file__)))
    env = environ(bench.home)
    paths = f"import sys; sys.path[:0] = [{env['PYTHONPATH']!r}, {packages!r}]\n"
    wanted = {"start.python": "pass", "start.driver": paths + _DRIVER, "start.seal": paths + _SEAL}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
    for _ in bench.rounds(15, 10):
        for name, code in wanted.items():
            spent = bench.spawner.run([bench.python, "-I", "-S", "-c", code], env)
            if spent.code:
                raise LeftOut(f"{bench.python} ended with {spent.code}")
            taken[name].append((spent.clock_ms, spent.processor_ms))
    for name, pairs in taken.items():
        bench.found(name, [pair[0] for pair in pairs], [pair[1] for pair in pairs])


def limiter(bench: Bench) -> None:
    """A table of its own; microseconds a look, over many who ask."""
    scratch = Scratch("limits-", near=os.path.join(bench.home, FOLDER))
    samples = []
    try:
        table = LimitTable(scratch.path("limits"))
        with contextlib.closing(table):
            rate = Rate(100, 60, 50)
            for number in bench.rounds(15, 3):
                began = time.perf_counter()
                for asked in range(LOOKS):
                    table.take(rate, b"%d" % (number * LOOKS + asked))
                samples.append((time.perf_counter() - began) * 1e6 / LOOKS)
    finally:
        scratch.remove()
    bench.found("limiter", samples)


def seal(bench: Bench) -> None:
    """As a message is: chunk by chunk."""
    ring = KeyRing(parse_keys(new_key()), os.urandom(32))
    body = os.urandom(MEBIBYTE)
    samples = []
    for _ in bench.rounds(20, 3):
        began = time.perf_counter()
        sealer = StreamSealer(ring, "bench")
        chunks = [*sealer.update(body), sealer.finish()]
        opened = sum(map(len, open_stream(ring, "bench", sealer.header, chunks)))
        samples.append((time.perf_counter() - began) * 1000)
        assert opened == MEBIBYTE, "what was sealed opens whole"
    bench.found("seal", samples)
