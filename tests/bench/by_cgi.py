"""One request a process: the door, warm and cold, beside its floors and its peers. All kinds in turn in each round."""

from __future__ import annotations

import pathlib

from figure import Goal, Line, Section, median
from world import PEERS, World

from postern.ops.bench.door import processor_ms
from postern.ops.bench.spawn import Spent
from postern.ops.install.doors import python
from support.door import door_of
from support.instance import ROOT, Instance

ASKED = "/health/ready"
ROUNDS = 25
NAMES = {
    "floor": "Python that says one line",
    "imports": "the door's own imports, nothing else",
    "warm": "**Postern, answered by the resident**",
    "plain": "pg8000, a connection, one question",
    "cold": "**Postern, all by itself**",
    "psycopg2": "Flask and psycopg2",
    "sqlalchemy": "Flask and SQLAlchemy",
}


def measure(world: World) -> Section:
    environ = {
        **world.environ(),
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": ASKED,
        "PATH_INFO": ASKED,
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
    }
    alone = Instance(pathlib.Path(world.instance.home).parent / "alone", world.instance.settings)
    pathlib.Path(alone.home, "venv").symlink_to(pathlib.Path(world.environ()["BENCH_PACKAGES"]).parents[2])
    door = [python(), "-IS", str(ROOT / "cgi-bin" / "postern.cgi")]
    kinds = {
        "floor": ([python(), "-IS", str(PEERS / "one_line.py")], ""),
        "imports": (
            [
                python(),
                "-IS",
                "-c",
                f"import sys; sys.path.insert(0, {str(ROOT / 'lib')!r}); import postern.doors",
            ],
            "",
        ),
        "warm": (door, world.instance.home),
        "plain": ([python(), "-IS", str(PEERS / "plain.py")], ""),
        "cold": (door, alone.home),
        "psycopg2": ([python(), "-IS", str(PEERS / "flask_psycopg2.py")], ""),
        "sqlalchemy": ([python(), "-IS", str(PEERS / "flask_sqlalchemy.py")], ""),
    }
    said = str(pathlib.Path(world.instance.home, "said"))
    taken: dict[str, list[Spent]] = {name: [] for name in kinds}
    with door_of(world.instance) as made:
        world.spawner.run(door, {**environ, "POSTERN_HOME": world.instance.home})
        pid = made.wait_for_resident()
        own = -processor_ms(pid)
        for number in range(world.rounds(ROUNDS) + 1):
            for name, (argv, home) in kinds.items():
                spent = world.spawner.run(
                    argv, {**environ, "POSTERN_HOME": home or "/nonexistent"}, stdout=said
                )
                answer = pathlib.Path(said).read_bytes()
                assert spent.code == 0, f"{name} ended with {spent.code}"
                assert name == "imports" or answer.startswith(b"Status: 200"), (name, answer[:200])
                if number:  # the first is for what lies in no cache yet
                    taken[name].append(spent)
        own = (own + processor_ms(pid)) / (world.rounds(ROUNDS) + 1)
    alone.close()
    return _told(taken, own)


def _told(taken: dict[str, list[Spent]], own: float) -> Section:
    clock = {name: median([one.clock_ms for one in spent]) for name, spent in taken.items()}
    used = {name: median([one.processor_ms for one in spent]) for name, spent in taken.items()}
    used["warm"] += own
    lines = [
        Line(words, clock[name], round(used[name], 3), median([one.peak_mib for one in taken[name]]))
        for name, words in NAMES.items()
    ]
    goals = [
        Goal(
            "warm CGI request to a CGI that says one line, on the clock",
            1.6,
            clock["warm"] / clock["floor"],
            "×",
        ),
        Goal(
            "the same, of the processor, the resident's own included", 1.6, used["warm"] / used["floor"], "×"
        ),
        Goal(
            "Flask and psycopg2 under CGI to the warm request",
            10,
            clock["psycopg2"] / clock["warm"],
            "×",
            "more",
        ),
        Goal("Flask and SQLAlchemy under CGI to it", 25, clock["sqlalchemy"] / clock["warm"], "×", "more"),
        Goal("cold CGI request to bare pg8000", 1.15, clock["cold"] / clock["plain"], "×"),
    ]
    way = clock["warm"] - clock["imports"]
    parts = (
        f"A warm request of {clock['warm']:.1f} ms: {clock['floor']:.1f} ms are Python's own start and end, "
        f"{clock['imports'] - clock['floor']:.1f} ms the door's imports, {way:.1f} ms the way to the resident and back and "
        f"its answer ({own:.1f} ms of its processor), with the transaction that looks up. The first part is 1.0 of the ratio."
    )
    return Section("cgi", lines, goals, parts)
