"""The PostgreSQL of a test run: one server, shared by all pytest-xdist workers, started when the first test asks.

The main process owns it (Keeper); workers learn its socket over a loop-back connection. So it outlives a worker that is
killed, and ends with the main process, however that ends. Two runs have two servers in two folders.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from pg8000.native import Connection, identifier

from postern.base.errors import PosternError
from postern.ops.local.embedded import Postgres
from postern.ops.local.superuser import Superuser

OWNER = "postern_owner"
GRANTED = "postern_granted"
PASSWORD = "for tests only"

_numbers = itertools.count()


@dataclass(frozen=True)
class Database:
    """A database of one test, and the role that uses it."""

    server: Superuser
    name: str
    user: str

    @property
    def host(self) -> str:
        return self.server.socket_dir

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def password(self) -> str:
        return PASSWORD

    @property
    def env(self) -> dict[str, str]:
        """The settings that lead Postern here."""
        return {
            "POSTERN_DB_HOST": self.host,
            "POSTERN_DB_PORT": str(self.port),
            "POSTERN_DB_NAME": self.name,
            "POSTERN_DB_USER": self.user,
            "POSTERN_DB_PASSWORD": self.password,
        }

    def connect(self) -> Connection:
        """As the role."""
        return self.server.connect(self.user, self.name)

    def connect_superuser(self) -> Connection:
        """To look at what the role may not see."""
        return self.server.connect(database=self.name)


def create_roles(server: Superuser) -> None:
    for name in (OWNER, GRANTED):
        server.create_role(name, PASSWORD)


@contextlib.contextmanager
def fresh_database(
    server: Superuser, *, owned: bool = True, template: str = "template1"
) -> Iterator[Database]:
    """A database for one test. Its role owns it, or was only granted ALL, as on hosts whose panel makes databases."""
    made = make_database(server, f"t_{os.getpid()}_{next(_numbers)}", owned=owned, template=template)
    try:
        yield made
    finally:
        server.drop_database(made.name)


def make_database(server: Superuser, name: str, *, owned: bool, template: str = "template1") -> Database:
    """The same, to be dropped by the caller, or by nobody: it goes with the server."""
    owner = OWNER if owned else server.superuser
    words = f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)} TEMPLATE {identifier(template)}"
    with contextlib.closing(server.connect()) as connection:
        ((version,),) = connection.run("SHOW server_version_num")
        # Since 15 another way is the usual one, which costs half as much again where nothing is written through to a disk.
        connection.run(f"{words} STRATEGY FILE_COPY" if int(version) >= 150000 else words)
        if not owned:
            connection.run(f"GRANT ALL ON DATABASE {identifier(name)} TO {identifier(GRANTED)}")
    return Database(server, name, OWNER if owned else GRANTED)


class Keeper:
    """In the main process: starts the server once, and tells whoever connects where it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: Postgres | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._answer, daemon=True, name="postgres-keeper").start()

    def server(self) -> Postgres:
        with self._lock:
            if self._server is None:
                server = Postgres.start(settings={"max_connections": "200"})
                create_roles(server)
                self._server = server
            return self._server

    def stop(self) -> None:
        with self._lock:
            if self._server:
                self._server.stop()
        # Wakes the thread. It must live until now: the server is tethered to the thread that started it.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.sendall(json.dumps(self._told()).encode())

    def _told(self) -> dict[str, object]:
        try:
            server = self.server()
        except PosternError as error:
            return {"error": str(error)}
        return {"socket_dir": server.socket_dir, "port": server.port}


def ask(port: int) -> Superuser:
    """In a worker: where the run's server is."""
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile() as file:
        told = json.load(file)
    if "error" in told:
        raise RuntimeError(told["error"])
    return Superuser(told["socket_dir"], told["port"])
