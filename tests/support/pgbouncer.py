"""A real PgBouncer in transaction mode in front of a server of the tests, with the settings of docs/docker/pgbouncer.ini.

    with PgBouncer(cluster, default_pool_size=2) as pooler: Instance(folder, {**database.env, **pooler.env})

It listens on a socket and on 127.0.0.1, there in clear and with TLS, asks `users` for their password (SCRAM), and goes on by
PostgreSQL's socket, so it runs as the user who may enter that one's folder. Keyword arguments are settings of its file.
Unpacked by tests/tiers.py, not installed.
"""

from __future__ import annotations

import configparser
import os
import shutil
import signal
import socket
from collections.abc import Iterable
from subprocess import Popen

import tiers
from postern.ops.local import certificate
from postern.ops.local.scratch import Scratch, service_user
from postern.ops.local.superuser import Superuser
from support.apache import free_port
from support.patience import PATIENCE, until
from support.postgres import GRANTED, OWNER, PASSWORD

SETTINGS = tiers.TOP / "docs" / "docker" / "pgbouncer.ini"


class PgBouncer:
    """The server; leave the with block to end it."""

    def __init__(
        self, server: Superuser, users: Iterable[str] = (OWNER, GRANTED), **settings: object
    ) -> None:
        self._scratch = Scratch("postern-pool-", user=service_user())
        self.port = free_port()
        self.ca_file = self._secure()
        program = self._scratch.path("pgbouncer")
        shutil.copy(tiers.PGBOUNCER, program)
        os.chmod(program, 0o755)
        path = self._scratch.path("pgbouncer.ini")
        self._scratch.write(path, self._file(server, settings))
        lines = "".join(f'"{name}" "{PASSWORD}"\n' for name in users)
        self._scratch.write(self._scratch.path("userlist"), lines)
        self._argv = [program, path]
        self._process: Popen[bytes] | None = None

    def __enter__(self) -> PgBouncer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._scratch.remove()

    def start(self) -> None:
        """Where it was before."""
        self._process = self._scratch.spawn(self._argv, signal.SIGKILL)
        until(self._answers)

    def stop(self) -> None:
        """At once, whoever is connected. Harmless when called again."""
        if self._process:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    @property
    def env(self) -> dict[str, str]:
        """The settings that lead Postern this way instead of to its server; database and user stay."""
        return {
            "POSTERN_DB_HOST": "127.0.0.1",
            "POSTERN_DB_PORT": str(self.port),
            "POSTERN_DB_PASSWORD": f'"{PASSWORD}"',
            "POSTERN_DB_SSLMODE": "disable",
        }

    @property
    def tls_env(self) -> dict[str, str]:
        """The same, over TLS."""
        return {**self.env, "POSTERN_DB_SSLMODE": "verify-full", "POSTERN_DB_SSLROOTCERT": self.ca_file}

    @property
    def socket_env(self) -> dict[str, str]:
        """The same, by its socket."""
        return {**self.env, "POSTERN_DB_HOST": self._scratch.folder}

    def _secure(self) -> str:
        folder = self._scratch.path("tls")
        os.mkdir(folder, 0o755)
        made = certificate.make(folder)
        for path in (folder, made.cert, made.key):
            self._scratch.give(path)
        self._cert, self._key = made.cert, made.key
        return made.ca

    def _file(self, server: Superuser, changes: dict[str, object]) -> str:
        """The shipped file, at another place."""
        file = configparser.ConfigParser(interpolation=None)
        file.read(SETTINGS)
        for name in file.options("databases"):
            file.remove_option("databases", name)
        file.set("databases", "*", f"host={server.socket_dir} port={server.port}")
        ours = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "auth_file": self._scratch.path("userlist"),
            "unix_socket_dir": self._scratch.folder,
            "client_tls_sslmode": "allow",
            "client_tls_cert_file": self._cert,
            "client_tls_key_file": self._key,
            **changes,
        }
        for name, value in ours.items():
            file.set("pgbouncer", name, str(value))
        lines = [
            f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in file.items(section)) for section in file
        ]
        return "\n".join(lines[1:])

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"PgBouncer did not start: {self._scratch.last_words()}"
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except OSError:
            return False
        return True
