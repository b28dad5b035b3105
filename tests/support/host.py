"""A shared host as its tenant has it: real Apache with suexec, a real crontab, a home under /home. Needs root, edits nothing.

Inside a Space the tenant `alice` is in /etc/passwd, her home is /home/alice (0711), and public_html is 0750 alice:www-data as
cPanel's FileProtect leaves it. Outside, the same files are in a scratch folder: `home` and `docroot` are paths there.
What must have the same path inside and outside goes through share().

    with SharedHost(mpm="event", tls=True) as host:
        host.put_program()
        host.put_packages()
        tenant = host.instance(database, settings)
        host.ask("GET", "/")
        host.run("crontab -l")
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import os
import pathlib
import pwd
import shutil
import ssl
import subprocess
from collections.abc import Iterable, Iterator

import tiers
from postern.ops.local import certificate
from postern.ops.local.scratch import Scratch
from support import etc
from support.account import TELL, over_tcp, put_packages
from support.apache import Answer, Server, free_port
from support.etc import HOME, UID, USER
from support.instance import Instance
from support.patience import PATIENCE, until
from support.postgres import Database
from support.space import Space
from support.vhost import Places, Setup, text

NEVER_UPLOADED = [
    *("__pycache__", "*.pyc", ".*_cache", ".git", ".ci", ".tests", ".demo", ".hypothesis"),
    *("node_modules", ".env"),
]
SERVER_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"}


class SharedHost(Server):
    """The host, with Apache running inside a with block. Options: those of Setup."""

    def __init__(self, **options: object) -> None:
        self.setup = Setup(**options)  # type: ignore[arg-type]
        self._scratch = Scratch("postern-host-")
        self.folder = pathlib.Path(self._scratch.folder)
        self.folder.chmod(0o711)
        self.home, self.docroot = self.folder / "home" / USER, self.folder / "home" / USER / "public_html"
        self.tls_port = free_port()
        super().__init__(self.folder / "server", self.setup.mpm)
        self.url, self.tls_url = f"http://127.0.0.1:{self.port}", f"https://127.0.0.1:{self.tls_port}"
        self._tenants: list[Tenant] = []
        try:
            (self.folder / "tls").mkdir()
            self.certificate = certificate.make(str(self.folder / "tls"), ["127.0.0.1", "alias.example"])
            self.space = Space(etc.make(self.folder))
        except BaseException:
            self._scratch.remove()
            raise

    def __enter__(self) -> SharedHost:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and everything else that runs here; nothing is left."""
        self.stop()
        for tenant in self._tenants:
            tenant.close()
        self.space.close()
        self._scratch.remove()

    def restart(self, **changes: object) -> None:
        """Apache again, with some options changed: the same account on another host."""
        self.stop()
        self.setup = dataclasses.replace(self.setup, **changes)  # type: ignore[arg-type]
        self.mpm = self.setup.mpm
        self.start()

    # What Server asks for.

    def config(self) -> str:
        places = Places(
            root=self.root,
            port=self.port,
            tls_port=self.tls_port,
            cert=self.certificate.cert,
            key=self.certificate.key,
            user=USER,
            docroot=f"{HOME}/public_html",
        )
        return text(self.setup, places)

    def environ(self) -> dict[str, str]:
        return SERVER_ENV

    def runs_as(self) -> int:
        return pwd.getpwnam("www-data").pw_uid

    def command(self, argv: list[str]) -> list[str]:
        # In a session of its own: Apache under prefork ends its whole process group, and nsenter must outlive it.
        return self.space.command(["/usr/bin/setsid", *argv])

    def terminate(self, server: subprocess.Popen[bytes]) -> None:
        """By its id inside: `server` is nsenter, which passes no signal on."""
        try:
            pid = (self.root / "run" / "httpd.pid").read_text().strip()
        except FileNotFoundError:
            server.terminate()
            return
        subprocess.run(self.space.command(["/bin/kill", "-TERM", pid]), check=False, timeout=PATIENCE)

    # What a visitor does.

    def fetch(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
        *,
        connection: http.client.HTTPConnection | None = None,
        tls: bool = False,
    ) -> Answer:
        if not tls:
            return super().fetch(method, path, headers, body, connection=connection)
        trusting = ssl.create_default_context(cafile=self.certificate.ca)
        secure = http.client.HTTPSConnection("127.0.0.1", self.tls_port, timeout=PATIENCE, context=trusting)
        with contextlib.closing(secure):
            return super().fetch(method, path, headers, body, connection=secure)

    # What the tenant does.

    def run(
        self,
        command: str | list[str],
        *,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        check: bool = False,
        seconds: int = 5 * PATIENCE,
    ) -> subprocess.CompletedProcess[str]:
        """A shell line, or an argument list, as the tenant and as cron would run it: no terminal, hardly an environment.

        stderr is in stdout, in the order in which it was said. After `seconds` it is ended, with exit code 124.
        """
        words = ["/bin/sh", "-c", command] if isinstance(command, str) else command
        done = subprocess.run(
            self.as_tenant(["/usr/bin/timeout", "--kill-after=5", str(seconds), *words], env),
            cwd="/",
            input=stdin or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        if check:
            assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done

    def as_tenant(self, argv: list[str], env: dict[str, str] | None = None) -> list[str]:
        """The argument list that runs `argv` inside as the tenant, with what cron gives a job and `env` over it."""
        given = {"HOME": HOME, "LOGNAME": USER, "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", **(env or {})}
        pairs = [f"{name}={value}" for name, value in given.items()]
        become = ["/usr/bin/setpriv", "--reuid", USER, "--regid", USER, "--init-groups"]
        return self.space.command([*become, "/usr/bin/env", "-i", "-C", HOME, *pairs, *argv])

    def processes(self) -> dict[int, str]:
        """The tenant's: process id as the machine sees it, and command line."""
        return self.space.processes(UID)

    def give(self, top: pathlib.Path) -> None:
        """Let the tenant own this and all below."""
        os.chown(top, UID, UID, follow_symlinks=False)
        for folder, folders, files in os.walk(top):
            for name in (*folders, *files):
                os.chown(os.path.join(folder, name), UID, UID, follow_symlinks=False)
        if top == self.docroot:
            etc.protect(self.docroot)

    def share(self, path: str | pathlib.Path) -> str:
        """A copy that all can read, whose path is the same inside and outside."""
        to = self.folder / f"shared-{pathlib.Path(path).name}"
        shutil.copy(path, to)
        to.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        return str(to)

    def put_program(self, *, tests: bool = False) -> None:
        """What an upload brings, into public_html: 755 and 644, owned by the tenant."""
        left_out = NEVER_UPLOADED if tests else [*NEVER_UPLOADED, "tests"]
        shutil.copytree(
            tiers.TOP,
            self.docroot,
            ignore=shutil.ignore_patterns(*left_out),
            dirs_exist_ok=True,
            symlinks=True,
        )
        for folder, _, files in os.walk(self.docroot):
            os.chmod(folder, 0o755)
            for name in files:
                path = pathlib.Path(folder, name)
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        self.give(self.docroot)

    def put_packages(self) -> None:
        """The two packages for the tenant's python3, where the installer's own venv would be."""
        version = self.run(["/usr/bin/env", "python3", "-I", "-c", TELL], check=True).stdout.strip()
        venvs = self.home / ".postern" / "venvs"
        python = self.run(["/bin/sh", "-c", "command -v python3"], check=True).stdout.strip()
        put_packages(python, version, venvs / "test" / "lib" / version / "site-packages")
        (self.home / ".postern" / "venv").symlink_to("venvs/test")
        (self.home / ".postern").chmod(0o700)
        self.give(self.home / ".postern")

    def instance(self, database: Database, settings: dict[str, str] | None = None) -> Tenant:
        """A configured and migrated instance with a user, a mailbox and an alias, without the installer."""
        tenant = Tenant(self, database, settings or {})
        self._tenants.append(tenant)
        return tenant

    def suexec_log(self) -> str:
        """Why suexec refused: the visitor and error_log never learn it."""
        path = self.folder / "var-log" / "suexec.log"
        return path.read_text() if path.exists() else ""

    @contextlib.contextmanager
    def cron(self) -> Iterator[None]:
        """The real cron daemon, for the crontabs of this host. Its jobs start on the minute."""
        run, crontab = self.folder / "cron-run", self.folder / "crontab"
        run.mkdir(exist_ok=True)
        crontab.touch()
        script = (
            f'mount --bind "$1" /run; mount --bind "$2" /etc/crontab; exec {tiers.program("cron")} -f -L 15'
        )
        argv = ["/usr/bin/unshare", "--mount", "/bin/sh", "-ec", script, "cron", str(run), str(crontab)]
        daemon = subprocess.Popen(
            self.space.command(argv),
            env=SERVER_ENV,
            cwd="/",
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        pid_file = run / "crond.pid"
        try:
            until(lambda: pid_file.exists() and pid_file.read_text().strip())
            yield
        finally:
            pid = pid_file.read_text().strip()
            subprocess.run(self.space.command(["/bin/kill", "-TERM", pid]), check=False, timeout=PATIENCE)
            daemon.wait(PATIENCE)


class Tenant(Instance):
    """The instance in the tenant's home: its programs run inside, as the tenant."""

    def __init__(self, host: SharedHost, database: Database, settings: dict[str, str]) -> None:
        self.host = host
        if "POSTERN_RELAY_CA_FILE" in settings:
            settings = {**settings, "POSTERN_RELAY_CA_FILE": host.share(settings["POSTERN_RELAY_CA_FILE"])}
        super().__init__(host.home / ".postern", {"POSTERN_URL": host.url, **over_tcp(database), **settings})
        pathlib.Path(self.home, "run", "deliver.lock").touch(mode=0o600)
        self.migrate()
        self.people()
        host.give(pathlib.Path(self.home))

    def write_env(self, **changes: str) -> None:
        super().write_env(**changes)
        os.chown(pathlib.Path(self.home, ".env"), UID, UID)

    def cli(self, *args: str, code: int = 0, stdin: str = "") -> str:
        argv = ["/usr/bin/env", "python3", "-m", "postern", *args]
        lib = {"PYTHONPATH": f"{HOME}/public_html/lib", "PYTHONDONTWRITEBYTECODE": "1"}
        done = self.host.run(argv, env=lib, stdin=stdin)
        assert done.returncode == code, f"postern {' '.join(args)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def drain(self, code: int = 0) -> str:
        done = self.host.run(["/usr/bin/env", "python3", f"{HOME}/public_html/cron/deliver.py"])
        assert done.returncode == code, f"deliver.py: {done.returncode}\n{done.stdout}"
        return done.stdout
