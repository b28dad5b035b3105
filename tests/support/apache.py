"""A real Apache 2.4 for a test: in a ServerRoot of its own, on a free port of 127.0.0.1, ended with the test.

`Server` starts, asks and stops one, whatever its configuration. `Apache` is one for an Account: mod_cgi under prefork or
mod_cgid under event, the document root is the program's folder, the server's own configuration rewrites all but static/ to
the CGI, and its processes run as the account's user. A host with suexec and .htaccess: support/host.py.
"""

from __future__ import annotations

import contextlib
import grp
import http.client
import os
import pathlib
import pwd
import random
import signal
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

import tiers
from postern.ops.local import tether
from support.account import Tenant
from support.patience import PATIENCE, until

MODULES = ("authz_core", "authz_host", "env", "mime", "rewrite")
OF_MPM = {"event": ("mpm_event", "cgid"), "prefork": ("mpm_prefork", "cgi")}
MODULE_FOLDERS = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules")

CONFIG = """
ServerRoot {root}
DefaultRuntimeDir run
PidFile run/httpd.pid
Mutex file:run default
Listen 127.0.0.1:{port}
ServerName localhost
{modules}
{user}
TypesConfig /etc/mime.types
ErrorLog logs/error_log
CustomLog logs/access_log "%m %U %>s %R"
LogLevel warn
Timeout {timeout}

DocumentRoot {site}
<Directory />
    Require all denied
    AllowOverride None
</Directory>
<Directory {site}>
    Require all granted
    Options +FollowSymLinks
</Directory>
<Directory {site}/cgi-bin>
    Options +ExecCGI
    AddHandler cgi-script .cgi
</Directory>
SetEnv POSTERN_HOME {home}
RewriteEngine On
RewriteRule ^/static/[A-Za-z0-9_-]+\\.(?:css|js|svg|png|txt|woff2)$ - [END]
RewriteRule ^ %{{DOCUMENT_ROOT}}/cgi-bin/postern.cgi [END]
"""


@dataclass(frozen=True)
class Answer:
    """What came back, each header as often as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Its values, joined; empty when it is missing."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())


class Server:
    """The server, from start() to stop(), or inside a with block. A subclass says what it serves."""

    def __init__(self, root: pathlib.Path, mpm: str) -> None:
        self.root = root
        self.mpm = mpm
        self.port = free_port()
        self._server: subprocess.Popen[bytes] | None = None

    def config(self) -> str:
        """The text of httpd.conf."""
        raise NotImplementedError

    def environ(self) -> dict[str, str]:
        """What it is started with."""
        raise NotImplementedError

    def runs_as(self) -> int:
        """The user id of its workers."""
        raise NotImplementedError

    def command(self, argv: list[str]) -> list[str]:
        """The argument list that runs `argv` where it shall run."""
        return argv

    def terminate(self, server: subprocess.Popen[bytes]) -> None:
        """Ask it to end."""
        server.terminate()

    def start(self) -> None:
        self._make_root()
        program = tiers.program("apache2")
        assert program
        argv = [program, "-d", str(self.root), "-f", str(self.root / "httpd.conf"), "-D", "FOREGROUND"]
        with open(self.root / "logs" / "said", "wb") as said:
            self._server = subprocess.Popen(
                tether.command(self.command(argv)),
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                # Ctrl-C at a terminal ends the tests, and they end this.
                start_new_session=True,
            )
        try:
            until(lambda: self._answers() and self._starts_programs())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it with all its children."""
        server, self._server = self._server, None
        if server is None:
            return
        self.terminate(server)
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(PATIENCE)

    def fetch(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
        *,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """Ask over this connection, or a fresh one that is closed again. Pieces are sent chunked."""
        asking = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        chunked = body is not None and not isinstance(body, bytes)
        try:
            asking.request(method, path, body, headers or {}, encode_chunked=chunked)
            answer = asking.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            if connection is None:
                asking.close()

    def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of the answer. Pieces are sent chunked."""
        answer = self.fetch(method, path, headers, body)
        return answer.status, {k.lower(): v for k, v in answer.headers}, answer.body

    def send(self, request: bytes) -> Answer:
        """The answer to these very bytes, of a GET or POST: what no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(request)
            with http.client.HTTPResponse(connection) as answer:
                answer.begin()
                return Answer(answer.status, answer.getheaders(), answer.read())

    def get_raw(self, path: bytes) -> Answer:
        """GET with the path exactly as given."""
        return self.send(b"GET " + path + b" HTTP/1.1\r\nHost: alias.example\r\nConnection: close\r\n\r\n")

    def log(self, name: str = "error_log") -> str:
        """What Apache wrote."""
        return (self.root / "logs" / name).read_text(errors="replace")

    def complaints(self) -> str:
        """The error log without what Apache says of its own coming and going."""
        return "".join(line for line in self.log().splitlines(True) if ":notice]" not in line)

    def _make_root(self) -> None:
        for name in ("run", "logs"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for left in (self.root / "run").iterdir():
            left.unlink()
        (self.root / "httpd.conf").write_text(self.config())

    def _answers(self) -> bool:
        """Whether it answers. Taking a connection is not enough: it does so before it is ready for signals."""
        server = self._server
        assert server is not None
        assert server.poll() is None, f"Apache did not start: {self.log('said')}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                connection.sendall(b"OPTIONS * HTTP/1.0\r\n\r\n")
                return connection.recv(1024).startswith(b"HTTP/1.")
        except OSError:
            return False

    def _starts_programs(self) -> bool:
        """Under mod_cgid a daemon does: until its socket is there and the server's user's, requests get 503."""
        if self.mpm != "event":
            return True
        return any(path.stat().st_uid == self.runs_as() for path in (self.root / "run").glob("cgisock*"))


class Apache(Server):
    """The server of one instance of an account."""

    def __init__(self, tenant: Tenant, mpm: str, timeout: int = PATIENCE) -> None:
        super().__init__(tenant.account.folder / f"apache-{os.path.basename(tenant.home)}", mpm)
        self.tenant = tenant
        self.timeout = timeout
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Apache:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def environ(self) -> dict[str, str]:
        return self.tenant.account.environ

    def runs_as(self) -> int:
        user = self.tenant.account.user
        return pwd.getpwnam(user).pw_uid if user else os.getuid()

    def config(self) -> str:
        user = ""
        if self.tenant.account.user:
            entry = pwd.getpwnam(self.tenant.account.user)
            user = f"User {entry.pw_name}\nGroup {grp.getgrgid(entry.pw_gid).gr_name}"
        return CONFIG.format(
            root=self.root,
            port=self.port,
            modules=load_modules(self.mpm, MODULES),
            user=user,
            timeout=self.timeout,
            site=self.tenant.account.site,
            home=self.tenant.home,
        )

    def _make_root(self) -> None:
        super()._make_root()
        self.tenant.account.give(self.root)


def load_modules(mpm: str, names: Iterable[str]) -> str:
    """The lines that load these, the MPM and the module that starts programs under it."""
    folder = next(path for path in map(pathlib.Path, MODULE_FOLDERS) if path.is_dir())
    lines = [f"LoadModule {name}_module {folder}/mod_{name}.so" for name in (*OF_MPM[mpm], *names)]
    return "\n".join([*lines, *["ScriptSock cgisock"] * (mpm == "event")])


def free_port() -> int:
    """A port below those that Linux lends to outgoing connections: it stays free while a server is started again."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
