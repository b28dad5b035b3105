"""What everything is measured in: a PostgreSQL that syncs, and an instance of Postern beside peers that ask the same."""

from __future__ import annotations

import contextlib
import glob
import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from postern.base.settings import Config
from postern.ops.bench import lab
from postern.ops.bench.bench import Bench
from postern.ops.bench.spawn import Spawner
from postern.ops.install.doors import python
from postern.ops.local.embedded import Postgres
from postern.resident import ask
from postern.store import queue
from support.instance import Instance
from support.postgres import Database, create_roles, fresh_database

PEERS = pathlib.Path(__file__).parent / "peers"
RELAY = {
    "POSTERN_RELAY_HOST": "127.0.0.1",
    "POSTERN_RELAY_PER_HOUR": "0",
    "POSTERN_RELAY_PER_DAY": "0",
}


@dataclass(frozen=True)
class World:
    """`quick`: as few rounds as show that it works."""

    server: Postgres
    place: Database
    instance: Instance
    spawner: Spawner
    quick: bool

    def rounds(self, most: int) -> int:
        return min(most, 2) if self.quick else most

    def config(self) -> Config:
        return self.instance.config

    def bench(self) -> Bench:
        """As `postern bench` has it, for the parts of it that are measured here with more rounds."""
        pathlib.Path(self.instance.home, lab.FOLDER).mkdir(exist_ok=True)
        return Bench(self.instance.home, python(), self.spawner, ask, self.config, self.quick)

    def environ(self) -> dict[str, str]:
        """What the peers are told."""
        return environ_of(self.place, self.place.host)


def environ_of(place: Database, host: str) -> dict[str, str]:
    """Where the database is, and the same question that GET /health/ready asks."""
    return {
        "BENCH_PACKAGES": next(path for path in sys.path if path.endswith("site-packages")),
        "BENCH_PEERS": peers_packages(),
        "BENCH_USER": place.user,
        "BENCH_PASSWORD": place.password,
        "BENCH_DATABASE": place.name,
        "BENCH_HOST": host,
        "BENCH_PORT": str(place.port),
        "BENCH_SOCKET": f"{host}/.s.PGSQL.{place.port}",
        "BENCH_OPTIONS": "-c search_path=postern -c postern.user_id=0",
        "BENCH_SQL": queue._DEPTH,
    }


def peers_packages() -> str:
    """The site-packages of the environment that tests/bench/run made."""
    return glob.glob(f"{os.environ['POSTERN_TESTS_PEERS']}/lib/python3.*/site-packages")[0]


@contextlib.contextmanager
def opened(quick: bool) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        # On a disk: /tmp may be memory, and a shared host's home is not.
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="b-", dir="/var/tmp")))
        server = stack.enter_context(Postgres.start())
        with contextlib.closing(server.connect()) as superuser:
            superuser.run("ALTER SYSTEM SET fsync TO 'on'")
            superuser.run("SELECT pg_reload_conf()")
        create_roles(server)
        place = stack.enter_context(fresh_database(server))
        instance = Instance(folder / "home", {**place.env, **RELAY})
        stack.callback(instance.close)
        instance.migrate()
        instance.people()
        spawner = stack.enter_context(Spawner(python(), nice=0))
        yield World(server, place, instance, spawner, quick)
