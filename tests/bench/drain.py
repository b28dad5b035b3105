"""The drain beside what it cannot beat: smtplib, and bare streaming, to the same relay over one connection with TLS.

    PYTHONPATH=lib:tests python tests/bench/drain.py [ROUNDS [MESSAGES]]

Rounds of all kinds are run in turn, so that a busy machine is busy for all of them; medians and their ratios are printed. The
relay is the sink of ops/local, in a process of its own, which counts and keeps nothing. A drain is timed from its first claim
to its last record, in a fresh process with its imports done and its database connected.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import smtplib
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

from postern.flow import wake
from postern.ops.local.embedded import Postgres
from support.fixtures import RELAY_PASSWORD, RELAY_USER
from support.instance import MAILBOX, ROOT, Instance
from support.mail import message
from support.postgres import create_roles, fresh_database
from support.queue import put

SMALL, LARGE = 4096, 25_000_000
"""Bytes of a message."""

TIMED = """
import json, os, resource, sys, time
from postern.base.stop import Stop
from postern.flow import deliver
from postern.flow.context import open_context


def kilobytes(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name))


context = open_context({}, "bench")
first = deliver.drain(context, Stop())
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
idle = kilobytes("VmRSS")
with context.pool.connection() as db, db.transaction(0):
    db.run("UPDATE deliveries SET due_at = now() WHERE state = 'queued' AND lease IS NULL")
used, began = time.process_time(), time.perf_counter()
with context.pool.gate.enter():  # as a job is, from start to end
    tally = deliver.drain(context, Stop())
seconds, used = time.perf_counter() - began, time.process_time() - used
context.pool.close()
json.dump({"seconds": seconds, "processor": used, "sent": tally.sent, "idle": idle, "peak": kilobytes("VmHWM")}, sys.stdout)
"""


@dataclass(frozen=True)
class Drained:
    """What a drain took: seconds on the clock and of the processor, messages, kilobytes before it and at most."""

    seconds: float
    processor: float
    sent: int
    idle: int
    peak: int


@dataclass(frozen=True)
class Place:
    """Where it happens: an instance whose relay is the sink at this port."""

    instance: Instance
    port: int
    ca_file: str


@contextlib.contextmanager
def place(folder: pathlib.Path, **settings: str) -> Iterator[Place]:
    """A server, an instance and a sink of their own."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres.start())
        create_roles(server)
        database = stack.enter_context(fresh_database(server))
        port, ca_file = stack.enter_context(sink(folder / "sink"))
        relay = {
            "POSTERN_RELAY_HOST": "127.0.0.1",
            "POSTERN_RELAY_PORT": str(port),
            "POSTERN_RELAY_USER": RELAY_USER,
            "POSTERN_RELAY_PASSWORD": f'"{RELAY_PASSWORD}"',
            "POSTERN_RELAY_CA_FILE": ca_file,
            "POSTERN_RELAY_PER_HOUR": "0",
            "POSTERN_RELAY_PER_DAY": "0",
            "POSTERN_USER_MESSAGES_DAY": "1000000",
            "POSTERN_USER_BYTES_DAY": "1000000000000",
            "POSTERN_DRAIN_SECONDS": "600",
            "POSTERN_LEASE_SECONDS": "3600",
        }
        instance = Instance(folder / "home", {**database.env, **relay, **settings})
        stack.callback(instance.close)
        instance.migrate()
        instance.people()
        yield Place(instance, port, ca_file)


@contextlib.contextmanager
def sink(folder: pathlib.Path) -> Iterator[tuple[int, str]]:
    """The relay in a process of its own; its port, and the certificate that vouches for it."""
    folder.mkdir()
    password = folder / "password"
    password.write_text(RELAY_PASSWORD)
    argv = [sys.executable, "-m", "postern.ops.local.sink", "--folder", str(folder / "mail"), "--count-only"]
    process = subprocess.Popen(
        [*argv, "--user", RELAY_USER, "--password-file", str(password)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "lib")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield int(process.stdout.readline().rpartition(":")[2]), str(folder / "mail" / "tls" / "ca.pem")
    finally:
        process.kill()
        process.communicate()


def mail(size: int) -> bytes:
    """A message of about that size."""
    line = b"Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod.\r\n"
    return message(body=line * (size // len(line)))


def fill(at: Place, size: int, many: int) -> None:
    """Queue them by the real receipt, waking no drain."""
    before, wake.drain = wake.drain, lambda _: None
    try:
        put(at.instance, at.instance.context(), *(mail(size) for _ in range(many)))
    finally:
        wake.drain = before


def drain(at: Place, size: int, many: int) -> Drained:
    """Queue so many and time the drain that delivers them."""
    # One goes ahead: the process has everything imported, and a contact made.
    fill(at, SMALL, 1)
    at.instance.query("UPDATE deliveries SET due_at = now() - interval '1 hour' WHERE state = 'queued'")
    fill_later(at, size, many)
    done = subprocess.run(
        [sys.executable, "-c", TIMED], env=at.instance.environ, stdout=subprocess.PIPE, check=True
    )
    found = Drained(**json.loads(done.stdout))
    assert found.sent == many, found
    return found


def fill_later(at: Place, size: int, many: int) -> None:
    """Queue so many that are due in an hour only."""
    fill(at, size, many)
    at.instance.query(
        "UPDATE deliveries SET due_at = now() + interval '1 hour' WHERE state = 'queued' AND due_at > now() - interval '30 min'"
    )


def sign_in(at: Place) -> smtplib.SMTP:
    """smtplib, connected as the drain is."""
    client = smtplib.SMTP("127.0.0.1", at.port, local_hostname="localhost")
    client.starttls(context=ssl.create_default_context(cafile=at.ca_file))
    client.login(RELAY_USER, RELAY_PASSWORD)
    return client


def bare(at: Place, size: int, many: int) -> float:
    """Seconds in which plain smtplib hands over so many messages, over one connection."""
    content = mail(size)
    with sign_in(at) as client:
        began = time.perf_counter()
        for _ in range(many):
            client.sendmail("bn@alias.example", [MAILBOX], content)
        return time.perf_counter() - began


def streamed(at: Place, size: int, many: int) -> float:
    """Seconds in which bytes that need no change go out in pieces of 64 KiB: the floor of a large message."""
    content = mail(size)
    with sign_in(at) as client:
        assert client.sock
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        for _ in range(many):
            client.mail("bn@alias.example")
            client.rcpt(MAILBOX)
            client.docmd("DATA")
            for start in range(0, len(content), 65536):
                client.sock.sendall(content[start : start + 65536])
            client.sock.sendall(b".\r\n")
            assert client.getreply()[0] == 250
        return time.perf_counter() - began


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    many = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    rates: dict[str, list[float]] = {"smtplib": [], "drain": [], "streamed": [], "drain 25 MB": []}
    peaks: list[int] = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name, place(pathlib.Path(name)) as at:
        for _ in range(rounds):
            rates["smtplib"].append(many / bare(at, SMALL, many))
            small = drain(at, SMALL, many)
            rates["drain"].append(many / small.seconds)
            rates["streamed"].append(4 / streamed(at, LARGE, 4))
            large = drain(at, LARGE, 4)
            rates["drain 25 MB"].append(4 / large.seconds)
            peaks.append(large.peak - large.idle)
            print(
                f"  {many / small.seconds:.0f}/s, {small.processor / many * 1000:.2f} ms of the processor each",
                flush=True,
            )
    for kind, found in rates.items():
        print(f"{kind:12} {statistics.median(found):8.1f} a second  {[round(one) for one in found]}")
    for kind, floor in (("drain", "smtplib"), ("drain 25 MB", "streamed")):
        ratios = [one / other for one, other in zip(rates[kind], rates[floor])]
        print(f"{kind} / {floor}: {statistics.median(ratios):.2f}")
    print(f"peak memory of 25 MB messages over idle: {statistics.median(peaks) / 1024:.1f} MB")


if __name__ == "__main__":
    os.environ.pop("POSTERN_HOME", None)
    main()
