"""Requests to processes that live on: Postern and Flask with SQLAlchemy behind gunicorn, and behind Apache with Passenger where
that can be had. One connection, one request at a time, both in turn."""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from figure import Goal, Line, Section, median
from world import PEERS, RELAY, World, environ_of, peers_packages

import tiers
from postern.base.errors import PosternError
from postern.ops.bench.door import processor_ms
from postern.ops.install import htaccess
from postern.ops.local.embedded import Postgres
from support.apache import free_port
from support.instance import ROOT
from support.passenger import PassengerHost
from support.patience import until
from support.postgres import Database, create_roles, fresh_database

ASKED = "/health/ready"
REQUESTS, ROUNDS = 25, 24
UNCOUNTED = 2
"""The first ones of a connection: that is opened by them."""


@dataclass(frozen=True)
class Site:
    """Where it listens, and the processes that answer."""

    port: int
    workers: Callable[[], Sequence[int]]

    def processor(self) -> float:
        """Milliseconds."""
        return sum(processor_ms(pid) for pid in self.workers())


def measure(world: World) -> Section:
    lines: list[Line] = []
    goals: list[Goal] = []
    with (
        _gunicorn(world, ROOT, "passenger_wsgi", _ours(world)) as ours,
        _gunicorn(world, PEERS, "flask_sqlalchemy", world.environ()) as peers,
    ):
        _compare(world, "gunicorn", ours, peers, lines, goals)
    if os.geteuid() == 0 and not tiers.why_missing("passenger") and not tiers.why_missing("suexec"):
        with _passenger() as (ours, peers):
            _compare(world, "Passenger", ours, peers, lines, goals)
    return Section("persistent", lines, goals)


def _compare(
    world: World, server: str, ours: Site, peers: Site, lines: list[Line], goals: list[Goal]
) -> None:
    """By turns, a few requests each."""
    names = {"ours": f"**Postern** behind {server}", "peers": f"Flask and SQLAlchemy behind {server}"}
    sites = {"ours": ours, "peers": peers}
    times: dict[str, list[float]] = {name: [] for name in sites}
    used = dict.fromkeys(sites, 0.0)
    for _ in range(world.rounds(ROUNDS)):
        for name, site in sites.items():
            before = site.processor()
            times[name] += _requests(site.port, REQUESTS)
            used[name] += site.processor() - before
    asked = len(times["ours"]) // REQUESTS * (REQUESTS + UNCOUNTED)
    clock = {name: median(numbers) for name, numbers in times.items()}
    lines += [Line(words, clock[name], round(used[name] / asked, 3)) for name, words in names.items()]
    words = f"{server}: a request to Postern to one to Flask and SQLAlchemy"
    goals += [
        Goal(f"{words}, on the clock", 0.5, clock["ours"] / clock["peers"], "×"),
        Goal(f"{words}, of the processor", 0.5, used["ours"] / used["peers"], "×"),
    ]


def _requests(port: int, many: int) -> list[float]:
    """Milliseconds of each; the first ones, which open connections, are not counted."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    with contextlib.closing(line):
        for number in range(many + UNCOUNTED):
            began = time.perf_counter()
            line.request("GET", ASKED)
            answer = line.getresponse()
            answer.read()
            if number >= UNCOUNTED:
                times.append((time.perf_counter() - began) * 1000)
            assert answer.status == 200
    return times


def _ours(world: World) -> dict[str, str]:
    world.instance.write_env(POSTERN_RESIDENT="off")
    return {"POSTERN_HOME": world.instance.home}


@contextlib.contextmanager
def _gunicorn(world: World, folder: pathlib.Path, module: str, environ: dict[str, str]) -> Iterator[Site]:
    """One process of one thread."""
    port = free_port()
    packages = world.environ()["BENCH_PACKAGES"]
    argv = [sys.executable, "-m", "gunicorn", "-w", "1", "-b", f"127.0.0.1:{port}", "--keep-alive", "60"]
    argv += ["--worker-class", "gthread", "--threads", "1", "--no-control-socket", f"{module}:application"]
    env = {**environ, "PATH": os.defpath, "PYTHONPATH": f"{peers_packages()}:{packages}"}
    server = subprocess.Popen(argv, env=env, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port))
        children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children")
        yield Site(port, lambda: [int(pid) for pid in children.read_text().split()])
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    try:
        return len(_requests(port, 1)) == 1
    except (OSError, http.client.HTTPException):
        return False


FLASK = """
import os, sys
os.environ.update({environ!r})
sys.path.insert(0, {peers!r})
from flask_sqlalchemy_app import application
"""


@contextlib.contextmanager
def _passenger() -> Iterator[tuple[Site, Site]]:
    """Two shared hosts, one with each program, and a database over TCP, without TLS for both."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_over_tcp())
        create_roles(server)
        place = stack.enter_context(fresh_database(server))
        ours = stack.enter_context(PassengerHost())
        ours.put_program()
        ours.put_packages()
        ours.instance(place, {**RELAY, "POSTERN_RATE_PERCENT": "0"})
        ours.become("stock", htaccess.Site("", "passenger", "off"))
        theirs = stack.enter_context(PassengerHost())
        _put_flask(place, theirs)
        theirs.become("stock", htaccess.Site("", "passenger", "off"))
        until(lambda: _answers(ours.port) and _answers(theirs.port))
        yield Site(ours.port, ours.apps), Site(theirs.port, theirs.apps)
        # Their processes hold connections to the database.
        ours.stop()
        theirs.stop()


def _over_tcp() -> Postgres:
    """The machine's own programs; where those have no TLS, which it asks for, the newest of the tests' own."""
    try:
        return Postgres.start(tcp=True)
    except PosternError:
        return Postgres.start(tcp=True, bin_dir=str(tiers.release(max(tiers.RELEASES))))


def _put_flask(place: Database, host: PassengerHost) -> None:
    """The peer in the place of our program. It may not read the test's own folders."""
    packages = host.docroot / "packages"
    shutil.copytree(peers_packages(), packages)
    shutil.copy(PEERS / "flask_sqlalchemy.py", host.docroot / "flask_sqlalchemy_app.py")
    inside = "/home/alice/public_html/packages"
    environ = {**environ_of(place, "127.0.0.1"), "BENCH_PEERS": inside}
    (host.docroot / "passenger_wsgi.py").write_text(FLASK.format(environ=environ, peers=inside))
    host.give(host.docroot)
