"""An embedded PostgreSQL: a server of our own for the demo and the tests, gone without a trace when it stops.

It listens on a Unix socket in a short private folder, where everybody who can enter is trusted; over TCP only when asked,
then on 127.0.0.1 with SCRAM and TLS. PostgreSQL refuses to run as root: root's servers run as `postgres`, else as `nobody`.

folder/data/            the cluster (elsewhere when the caller names a folder; then it stays)
folder/log              what the server said
folder/.s.PGSQL.5432    the socket
folder/programs/        a copy of the programs, where that user cannot reach the original
folder/tls/             ca.pem, server.pem, server.key

Nothing is left, even when this process dies by kill -9: the server is tethered to the thread that started it
(tether.py), and the folder goes by itself (scratch.py).
Not here: finding the programs (binaries.py), making a cluster (cluster.py).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from postern.base.errors import DatabaseUnavailable
from postern.ops.local import binaries, cluster
from postern.ops.local.scratch import Scratch, service_user
from postern.ops.local.superuser import SUPERUSER, Superuser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from subprocess import Popen

SOCKET_PORT = 5432
START_SECONDS = 60
STOP_SECONDS = 20


class Postgres(Superuser):
    """One running server. `start()` makes it; leave the with block, or call stop(), to end it."""

    def __init__(self, bin_dir: str, data: str, tcp_port: int) -> None:
        """Not for callers: `start()` does the rest."""
        self._server: Popen[bytes] | None = None
        self._settings: dict[str, str] = {}
        self._scratch = Scratch(
            "postern-pg-", user=service_user(), pid_file=os.path.join(data, "postmaster.pid")
        )
        super().__init__(self._scratch.folder, tcp_port or SOCKET_PORT)
        self.data = os.path.join(self._scratch.folder, data)
        self.bin_dir = bin_dir
        self.password = ""
        self.ca_file = ""

    @classmethod
    def start(
        cls,
        folder: str | None = None,
        *,
        bin_dir: str | None = None,
        tcp: bool = False,
        settings: Mapping[str, str] | None = None,
        hba: Sequence[str] = cluster.HBA,
    ) -> Postgres:
        """Start a server with a fresh cluster, or with the one that `folder` holds from an earlier start.

        `tcp`: also on 127.0.0.1:port, with `password` for the superuser and `ca_file` to verify it by.
        """
        data = os.path.abspath(folder) if folder else "data"
        made = cls(bin_dir or binaries.locate(), data, _free_port() if tcp else 0)
        try:
            made._prepare(dict(settings or {}), hba, tcp=tcp)
            made._launch()
            if tcp:
                made.password = os.urandom(16).hex()
                made.set_password(SUPERUSER, made.password)
        except BaseException:
            made.stop()
            raise
        return made

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process id; None when it is down."""
        return self._server.pid if self._server else None

    def restart(self) -> None:
        """Stop, throwing out whoever is connected, and start again at the same place. Starts it when it is down."""
        self._shut_down()
        self._launch()

    def kill9(self) -> None:
        """Kill the server as the machine's out-of-memory killer would. restart() brings it back."""
        if self._server:
            self._server.kill()
            self._server.wait()
            self._server = None

    def stop(self) -> None:
        """End the server and remove its folder. Harmless when called again."""
        try:
            self._shut_down()
        finally:
            self._scratch.remove()

    def _prepare(self, settings: dict[str, str], hba: Sequence[str], *, tcp: bool) -> None:
        scratch = self._scratch
        self.bin_dir = binaries.reachable(self.bin_dir, scratch.user, scratch.path("programs"))
        self._settings = {
            **cluster.SETTINGS,
            "listen_addresses": "",
            "unix_socket_directories": self.socket_dir,
        }
        if tcp:
            self.ca_file, tls = cluster.tls(scratch)
            self._settings.update(listen_addresses="127.0.0.1", **tls)
        self._settings.update(port=str(self.port), **settings)
        if not os.path.exists(os.path.join(self.data, "PG_VERSION")):
            cluster.initdb(scratch, self.bin_dir, self.data, SUPERUSER)
        scratch.write(os.path.join(self.data, "pg_hba.conf"), "\n".join([*hba, ""]))

    def _launch(self) -> None:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + START_SECONDS
        while True:
            argv = [os.path.join(self.bin_dir, "postgres"), "-D", self.data, *options]
            # SIGINT is PostgreSQL's fast shutdown.
            self._server = self._scratch.spawn(argv, signal.SIGINT)
            if self._is_ready(deadline):
                return
            said = self._scratch.last_words()
            self._shut_down()
            # After kill9() the backends of the old server hold its memory until each has noticed.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise DatabaseUnavailable(f"PostgreSQL did not start: {said}", binaries.REMEDY)
            time.sleep(0.05)

    def _is_ready(self, deadline: float) -> bool:
        """Wait until the pid file's eighth line says so (PostgreSQL 10 and newer), or the server has ended."""
        server = self._server
        while server and server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), open(os.path.join(self.data, "postmaster.pid")) as file:
                lines = file.read().split("\n")
                if lines[0] == str(server.pid) and len(lines) > 7 and lines[7].strip() == "ready":
                    return True
            time.sleep(0.005)
        return False

    def _shut_down(self) -> None:
        import subprocess

        server, self._server = self._server, None
        if server is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(STOP_SECONDS)
                return


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
