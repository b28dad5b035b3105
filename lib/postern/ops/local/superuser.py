"""A PostgreSQL that trusts us on its Unix socket: roles and databases, without psql.

Not here: running that server (embedded.py).
"""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pg8000.native import Connection

SUPERUSER = "postgres"


class Superuser:
    """Where the server is, and what only its superuser may do."""

    superuser = SUPERUSER

    def __init__(self, socket_dir: str, port: int) -> None:
        self.socket_dir = socket_dir
        self.port = port

    @property
    def socket(self) -> str:
        """The path of the socket, as pg8000 wants it."""
        return os.path.join(self.socket_dir, f".s.PGSQL.{self.port}")

    def connect(self, user: str = SUPERUSER, database: str = "postgres") -> Connection:
        """A plain pg8000 connection over the socket, as anybody."""
        from pg8000.native import Connection

        return Connection(user, unix_sock=self.socket, database=database, ssl_context=False)

    def create_role(self, name: str, password: str | None = None) -> None:
        """An ordinary role that may log in."""
        from pg8000.native import identifier

        with self._session() as connection:
            connection.run(f"CREATE ROLE {identifier(name)} LOGIN")
        if password is not None:
            self.set_password(name, password)

    def set_password(self, name: str, password: str) -> None:
        """For connections over TCP; the socket asks for none."""
        from pg8000.native import identifier, literal

        with self._session() as connection:
            connection.run(f"ALTER ROLE {identifier(name)} PASSWORD {literal(password)}")

    def create_database(self, name: str, owner: str = SUPERUSER, template: str = "template1") -> None:
        """A database that `owner` owns, copied from `template`, which nobody may be using."""
        from pg8000.native import identifier

        with self._session() as connection:
            connection.run(
                f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)} TEMPLATE {identifier(template)}"
            )

    def drop_database(self, name: str) -> None:
        """Whoever is still connected to it is thrown out."""
        from pg8000.native import identifier

        with self._session() as connection:
            connection.run("UPDATE pg_database SET datallowconn = false WHERE datname = :name", name=name)
            connection.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name", name=name
            )
            connection.run(f"DROP DATABASE IF EXISTS {identifier(name)}")

    @contextlib.contextmanager
    def _session(self) -> Iterator[Connection]:
        connection = self.connect()
        try:
            yield connection
        finally:
            connection.close()
