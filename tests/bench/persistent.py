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
from collections.abc import Iterator

from figure import Goal, Line, Section, median
from world import PEERS, RELAY, World, environ_of, peers_packages

import tiers
from postern.base.errors import PosternError
from postern.ops.install.htaccess import Site
from postern.ops.local.embedded import Postgres
from support.apache import free_port
from support.instance import ROOT
from support.passenger import PassengerHost
from support.patience import until
from support.postgres import Database, create_roles, fresh_database

ASKED = "/health/ready"
REQUESTS, ROUNDS = 150, 4


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


def _compare(world: World, server: str, ours: int, peers: int, lines: list[Line], goals: list[Goal]) -> None:
    """Two ports."""
    found: dict[str, list[float]] = {"ours": [], "peers": []}
    many = 20 if world.quick else REQUESTS
    for _ in range(world.rounds(ROUNDS)):
        for name, port in (("ours", ours), ("peers", peers)):
            found[name] += _requests(port, many)
    told = {name: median(numbers) for name, numbers in found.items()}
    lines += [
        Line(f"**Postern** behind {server}", told["ours"]),
        Line(f"Flask and SQLAlchemy behind {server}", told["peers"]),
    ]
    words = f"{server}: a request to Postern to one to Flask and SQLAlchemy"
    goals.append(Goal(words, 0.5, told["ours"] / told["peers"], "×"))


def _requests(port: int, many: int) -> list[float]:
    """Milliseconds of each; the first ones, which open connections, are not counted."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    with contextlib.closing(line):
        for number in range(many + 5):
            began = time.perf_counter()
            line.request("GET", ASKED)
            answer = line.getresponse()
            answer.read()
            if number >= 5:
                times.append((time.perf_counter() - began) * 1000)
            assert answer.status == 200
    return times


def _ours(world: World) -> dict[str, str]:
    world.instance.write_env(POSTERN_RESIDENT="off")
    return {"POSTERN_HOME": world.instance.home}


@contextlib.contextmanager
def _gunicorn(world: World, folder: pathlib.Path, module: str, environ: dict[str, str]) -> Iterator[int]:
    """One process of one thread; yields its port."""
    port = free_port()
    packages = world.environ()["BENCH_PACKAGES"]
    argv = [sys.executable, "-m", "gunicorn", "-w", "1", "-b", f"127.0.0.1:{port}", "--keep-alive", "60"]
    argv += ["--worker-class", "gthread", "--threads", "1", "--no-control-socket", f"{module}:application"]
    env = {**environ, "PATH": os.defpath, "PYTHONPATH": f"{peers_packages()}:{packages}"}
    server = subprocess.Popen(argv, env=env, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port))
        yield port
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
def _passenger() -> Iterator[tuple[int, int]]:
    """Two shared hosts, one with each program, and a database over TCP, without TLS for both; yields their ports."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_over_tcp())
        create_roles(server)
        place = stack.enter_context(fresh_database(server))
        ours = stack.enter_context(PassengerHost())
        ours.put_program()
        ours.put_packages()
        ours.instance(place, {**RELAY, "POSTERN_RATE_PERCENT": "0"})
        ours.become("stock", Site("", "passenger", "off"))
        theirs = stack.enter_context(PassengerHost())
        _put_flask(place, theirs)
        theirs.become("stock", Site("", "passenger", "off"))
        until(lambda: _answers(ours.port) and _answers(theirs.port))
        yield ours.port, theirs.port
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
