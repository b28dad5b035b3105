"""A real Apache 2.4 for one instance: in a ServerRoot of its own, on a free port of 127.0.0.1, ended with the test.

As shared hosts have it: mod_cgi under prefork, or mod_cgid under event; the document root is the program's folder; everything
but static/ is rewritten to the CGI. Its processes run as the account's user (suexec is not here).
"""

from __future__ import annotations

import contextlib
import grp
import http.client
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable

import tiers
from postern.ops import tether
from support.account import Tenant
from support.instance import PATIENCE

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
RewriteRule ^/static/[A-Za-z0-9_-]+\\.(?:css|js|svg|png|woff2)$ - [END]
RewriteRule ^ %{{DOCUMENT_ROOT}}/cgi-bin/postern.cgi [END]
"""


class Apache:
    """The server, from start() to stop(), or inside a with block."""

    def __init__(self, tenant: Tenant, mpm: str, timeout: int = PATIENCE) -> None:
        self.tenant = tenant
        self.root = tenant.account.folder / f"apache-{os.path.basename(tenant.home)}"
        self.mpm = mpm
        self.timeout = timeout
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Apache:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        for name in ("run", "logs"):
            (self.root / name).mkdir(parents=True)
        (self.root / "httpd.conf").write_text(self._config())
        self.tenant.account.give(self.root)
        program = tiers.program("apache2")
        assert program
        argv = [program, "-d", str(self.root), "-f", str(self.root / "httpd.conf"), "-D", "FOREGROUND"]
        with open(self.root / "logs" / "said", "wb") as said:
            self._server = subprocess.Popen(
                tether.command(argv),
                env=self.tenant.account.environ,
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
        server.terminate()
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()

    def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of the answer. Pieces are sent chunked."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            chunked = body is not None and not isinstance(body, bytes)
            connection.request(method, path, body, headers or {}, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()

    def log(self, name: str = "error_log") -> str:
        """What Apache wrote."""
        return (self.root / "logs" / name).read_text(errors="replace")

    def complaints(self) -> str:
        """The error log without what Apache says of its own coming and going."""
        return "".join(line for line in self.log().splitlines(True) if ":notice]" not in line)

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
        user = self.tenant.account.user
        owner = pwd.getpwnam(user).pw_uid if user else os.getuid()
        return any(path.stat().st_uid == owner for path in (self.root / "run").glob("cgisock*"))

    def _config(self) -> str:
        folder = next(path for path in map(pathlib.Path, MODULE_FOLDERS) if path.is_dir())
        loaded = [
            f"LoadModule {name}_module {folder}/mod_{name}.so" for name in (*OF_MPM[self.mpm], *MODULES)
        ]
        if self.mpm == "event":
            loaded.append("ScriptSock cgisock")
        user = ""
        if self.tenant.account.user:
            entry = pwd.getpwnam(self.tenant.account.user)
            user = f"User {entry.pw_name}\nGroup {grp.getgrgid(entry.pw_gid).gr_name}"
        return CONFIG.format(
            root=self.root,
            port=self.port,
            modules="\n".join(loaded),
            user=user,
            timeout=self.timeout,
            site=self.tenant.account.site,
            home=self.tenant.home,
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object]) -> None:
    """Ask again and again until it holds; fails when it never does."""
    pause = threading.Event()
    for _ in range(PATIENCE * 50):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it never happened")
