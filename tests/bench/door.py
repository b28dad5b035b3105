"""What a request costs behind CGI, cold and warm, beside what it cannot cost less than: the figures of docs/resident.md.

    PYTHONPATH=lib:tests python tests/bench/door.py [ROUNDS]

Each round starts every kind of process once, in turn, so that a busy machine is busy for all of them; the medians are printed,
and their ratios, which travel between machines. The request is GET /health: four statements in one transaction.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from postern.ops.local.embedded import Postgres
from support.door import PYTHON, Door, door_of
from support.instance import ROOT, Instance
from support.postgres import create_roles, fresh_database

ONE_LINE = (
    'import sys\nsys.stdout.write("Status: 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\nhello\\n")\n'
)
PLAIN = """
import os, sys
sys.path.insert(0, sys.argv[1])
import pg8000.native
connection = pg8000.native.Connection(sys.argv[3], unix_sock=sys.argv[2], database=sys.argv[4], ssl_context=False)
print(connection.run("SELECT 1"))
connection.close()
"""

RELAY = {"POSTERN_RELAY_HOST": "127.0.0.1", "POSTERN_RELAY_USER": "bench", "POSTERN_RELAY_PASSWORD": "bench"}


def run(argv: list[str], home: str) -> tuple[float, float]:
    """Milliseconds of one process: on the clock, and of the processor."""
    environ = {
        "POSTERN_HOME": home,
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/health",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    environ.update(SERVER_NAME="localhost", SERVER_PORT="80")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took * 1000, used * 1000


def measure(door: Door, scripts: dict[str, list[str]], cold: Instance, rounds: int) -> dict[str, list[float]]:
    """Kind -> median of clock and processor."""
    cgi = [*PYTHON, str(ROOT / "cgi-bin" / "postern.cgi")]
    found: dict[str, list[tuple[float, float]]] = {}
    run(cgi, door.instance.home)
    door.wait_for_resident()
    for _ in range(rounds):
        for name, argv in scripts.items():
            found.setdefault(name, []).append(run(argv, door.instance.home))
        found.setdefault("cold", []).append(run(cgi, cold.home))
        found.setdefault("warm", []).append(run(cgi, door.instance.home))
    return {name: [statistics.median(one) for one in zip(*pairs)] for name, pairs in found.items()}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(Postgres.start())
        create_roles(server)
        place = stack.enter_context(fresh_database(server))
        instance = Instance(folder / "home", {**place.env, **RELAY})
        stack.callback(instance.close)
        instance.migrate()
        door = stack.enter_context(door_of(instance))
        cold = Instance(folder / "cold", {**instance.settings, "POSTERN_RESIDENT": "off"})
        pathlib.Path(cold.home, "venv").symlink_to(sys.prefix)
        packages = next(path for path in sys.path if path.endswith("site-packages"))
        (folder / "one.py").write_text(ONE_LINE)
        (folder / "plain.py").write_text(PLAIN)
        socket = f"{place.host}/.s.PGSQL.{place.port}"
        scripts = {
            "one line": [*PYTHON, str(folder / "one.py")],
            "pg8000": [*PYTHON, str(folder / "plain.py"), packages, socket, place.user, place.name],
        }
        found = measure(door, scripts, cold, rounds)
    for name, (clock, processor) in found.items():
        print(f"{name:10} {clock:7.1f} ms  {processor:7.1f} ms of the processor")
    for name, floor in (("warm", "one line"), ("cold", "pg8000")):
        print(f"{name} / {floor}: {found[name][0] / found[floor][0]:.2f} on the clock")


if __name__ == "__main__":
    os.environ.pop("POSTERN_HOME", None)
    main()
