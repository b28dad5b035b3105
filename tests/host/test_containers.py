"""docs/docker without Docker, which cannot run here: what compose.yaml names is there, and what its containers do is run.

Run for real, with the files of docs/docker, ports and folders aside: database.sh by psql against PostgreSQL, PgBouncer, the
start script with gunicorn, nginx in front. Not run: the building of images, and cron in its container (tests of hosts run it).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import re
import runpy
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import tiers
from postern.mail.envelope import parse_secrets
from postern.ops import post
from postern.ops.local import certificate, tether
from postern.ops.local.superuser import Superuser
from support.apache import free_port
from support.fixtures import RELAY_PASSWORD, RELAY_USER, relay_env
from support.instance import ROOT, Instance
from support.mail import body_of, message
from support.patience import PATIENCE, until
from support.pgbouncer import PgBouncer
from support.postgres import PASSWORD
from support.relay import ScriptedRelay

pytestmark = [pytest.mark.tier("containers"), pytest.mark.tier("pgbouncer")]

FOLDER = ROOT / "docs" / "docker"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
PROGRAM = (FOLDER / "Dockerfile").read_text().partition("FROM nginx")[0]


@pytest.fixture(scope="module")
def compose() -> Any:
    import yaml

    return yaml.safe_load((FOLDER / "compose.yaml").read_text())


def test_compose_is_of_the_published_schema(compose: Any) -> None:
    schema = json.loads(tiers.COMPOSE.read_text())
    assert faults(schema, compose) == []
    compose["services"]["web"]["comand"] = "x"
    assert faults(schema, compose) != []
    del compose["services"]["web"]["comand"]


def faults(schema: Any, value: Any) -> list[str]:
    """By the validator that schemathesis brings, which is another one for Python 3.9."""
    try:
        from jsonschema_rs import validator_for
    except ImportError:
        from jsonschema.validators import validator_for as class_for

        return [error.message for error in class_for(schema)(schema).iter_errors(value)]
    return [error.message for error in validator_for(schema).iter_errors(value)]


def test_what_compose_names_exists(compose: Any) -> None:
    services, volumes = compose["services"], compose["volumes"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        for mount in service.get("volumes", ()):
            source = re.sub(r"^\$\{[^}]*\}", "$", mount).split(":")[0]
            assert source in volumes or source == "$" or (FOLDER / source).is_file(), mount
        if "build" in service:
            context = (FOLDER / service["build"]["context"]).resolve()
            assert context == ROOT
            assert (context / service["build"]["dockerfile"]).is_file()
            assert re.search(rf"^FROM \S+ AS {service['build']['target']}$", DOCKERFILE, re.MULTILINE)


def test_what_the_images_copy_exists_and_is_let_in() -> None:
    let_in = {line[1:] for line in (FOLDER / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert source == "." or source.split("/")[0] in let_in, source
    # What the program is made of, as another list has it.
    assert {"cgi-bin", "cron", "lib", "passenger_wsgi.py", "requirements.txt", "schema", "static"} <= let_in
    for name in let_in:
        assert (ROOT / name).exists(), name


@dataclass(frozen=True)
class Site:
    """All of it, running."""

    instance: Instance
    pooler: PgBouncer
    tls_port: int
    plain_port: int
    ca_file: str
    gunicorn: int

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        context = ssl.create_default_context(cafile=self.ca_file)
        connection = http.client.HTTPSConnection(
            "localhost", self.tls_port, timeout=PATIENCE, context=context
        )
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return (
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )

    def workers(self) -> set[str]:
        """gunicorn's worker processes."""
        text = pathlib.Path(f"/proc/{self.gunicorn}/task/{self.gunicorn}/children").read_text()
        return set(text.split())


@pytest.fixture(scope="module")
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay(users={RELAY_USER: RELAY_PASSWORD}) as server:
        yield server


@pytest.fixture(scope="module")
def database(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The role and its database, both of this name, made by the script that the image of PostgreSQL runs."""
    name = f"container_{os.getpid()}"
    secret = tmp_path_factory.mktemp("secrets") / "database"
    secret.write_text(PASSWORD)
    environ = {
        "PATH": os.environ["PATH"],
        "PGHOST": cluster.socket_dir,
        "PGPORT": str(cluster.port),
        "POSTGRES_USER": cluster.superuser,
        "POSTERN_DB_USER": name,
        "POSTERN_DB_NAME": name,
        "POSTERN_PASSWORD_FILE": str(secret),
    }
    subprocess.run(["/bin/sh", FOLDER / "database.sh"], env=environ, check=True, timeout=PATIENCE)
    yield name
    cluster.drop_database(name)
    with contextlib.closing(cluster.connect()) as connection:
        connection.run(f"DROP ROLE {name}")


@pytest.fixture(scope="module")
def site(
    cluster: Superuser, database: str, relay: ScriptedRelay, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("containers")
    straight = {
        "POSTERN_DB_HOST": cluster.socket_dir,
        "POSTERN_DB_PORT": str(cluster.port),
        "POSTERN_DB_NAME": database,
        "POSTERN_DB_USER": database,
        "POSTERN_DB_PASSWORD": f'"{PASSWORD}"',
    }
    with contextlib.ExitStack() as running:
        instance = Instance(folder / "home", {**straight, **relay_env(relay)})
        running.callback(instance.close)
        instance.migrate()
        pooler = running.enter_context(PgBouncer(cluster, [database], default_pool_size=3))
        instance.write_env(**pooler.socket_env)
        instance.people()
        port = free_port()
        running.callback(instance.wait_for_drain)
        gunicorn = running.enter_context(started_web(instance, port, folder))
        tls_port, plain_port = free_port(), free_port()
        made = certificate.make(str(folder))
        running.enter_context(nginx(folder, made, {"web": port, "tls": tls_port, "plain": plain_port}))
        yield Site(instance, pooler, tls_port, plain_port, made.ca, gunicorn)


@contextlib.contextmanager
def started_web(instance: Instance, port: int, folder: pathlib.Path) -> Iterator[int]:
    """The container's command."""
    environ = {
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "lib"),
        "POSTERN_HOME": instance.home,
        "POSTERN_PACKAGES": sys.prefix,
        "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port} --worker-tmp-dir {folder}",
    }
    argv = ["/bin/sh", "docs/docker/start", "web"]
    with running_until_killed(argv, cwd=ROOT, env=environ) as pid:
        until(lambda: answers(port))
        yield pid


def answers(port: int) -> bool:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        try:
            connection.request("GET", "/health/live")
        except OSError:
            return False
        return connection.getresponse().status > 0


@contextlib.contextmanager
def running_until_killed(argv: list[str], **options: Any) -> Iterator[int]:
    process = subprocess.Popen(tether.command(argv), stdin=subprocess.DEVNULL, **options)
    try:
        yield process.pid
        assert process.poll() is None, f"{argv} ended by itself"
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextlib.contextmanager
def nginx(folder: pathlib.Path, made: certificate.Certificate, ports: dict[str, int]) -> Iterator[None]:
    text = (FOLDER / "nginx.conf").read_text()
    (folder / "acme").mkdir()
    for there, here in {
        "listen 80;": f"listen 127.0.0.1:{ports['plain']};",
        "listen 443 ssl;": f"listen 127.0.0.1:{ports['tls']} ssl;",
        "/etc/tls/fullchain.pem": made.cert,
        "/etc/tls/privkey.pem": made.key,
        "/srv/postern": str(ROOT),
        "/var/www/acme": str(folder / "acme"),
        "http://web:8000": f"http://127.0.0.1:{ports['web']}",
    }.items():
        assert there in text
        text = text.replace(there, here)
    temporary = "".join(
        f"{kind}_temp_path {folder}/nginx-{kind}; "
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    head = f"{user} pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}"
    (folder / "nginx.conf").write_text(
        f"{head} http {{ include /etc/nginx/mime.types; access_log off; {temporary}\n{text}}}"
    )
    program = tiers.program("nginx") or ""
    argv = [program, "-e", f"{folder}/nginx.log", "-c", f"{folder}/nginx.conf", "-g", "daemon off;"]
    with running_until_killed(argv, cwd="/"):
        until(lambda: answers(ports["plain"]))
        yield


def posted(site: Site, mime: bytes, monkeypatch: pytest.MonkeyPatch) -> post.Answer:
    monkeypatch.setenv("SSL_CERT_FILE", site.ca_file)
    secret = parse_secrets(site.instance.settings["POSTERN_WEBHOOK_SECRETS"])[0]
    where = f"https://localhost:{site.tls_port}"
    return post.post(where, secret, "bob@shop.example", "shop@alias.example", mime)


def test_pages_files_and_health_come_through(site: Site) -> None:
    status, headers, page = site.get("/sign-in")
    assert (status, b"<form" in page) == (200, True)
    assert headers["strict-transport-security"] == "max-age=86400"
    assert "default-src 'none'" in headers["content-security-policy"]
    status, headers, text = site.get("/static/app.css")
    assert (status, text) == (200, (ROOT / "static" / "app.css").read_bytes())
    assert headers["cache-control"] == "public, max-age=3600"
    for path in (
        "/.env",
        "/lib/postern/__init__.py",
        "/docs/docker/compose.yaml",
        "/static/../.env",
        "/a%2Fb",
    ):
        assert site.get(path)[0] in (400, 404), path
    assert site.get("/health/ready")[0] in (200, 503)
    with contextlib.closing(http.client.HTTPConnection("localhost", site.plain_port)) as connection:
        connection.request("GET", "/a?b=c")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("location")) == (308, "https://localhost/a?b=c")


def test_mail_goes_through_and_the_process_lives_on_through_a_database_that_goes_and_comes(
    site: Site, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = site.workers()
    mimes = [message(), message(body=b"0123456789abcdef\r\n" * 300_000), message()]
    assert [posted(site, mime, monkeypatch).receipt for mime in mimes[:2]] == ["stored"] * 2
    site.pooler.stop()
    assert posted(site, mimes[2], monkeypatch).receipt == "spooled"
    site.pooler.start()
    mimes.append(message())
    assert posted(site, mimes[3], monkeypatch).receipt == "stored"
    until(lambda: relay.count >= 4)
    site.instance.finish()
    assert sorted(body_of(got.content) for got in relay.messages) == sorted(map(body_of, mimes))
    assert (site.workers(), len(before)) == (before, 2)


def test_the_role_of_the_database_is_an_ordinary_one(site: Site, cluster: Superuser, database: str) -> None:
    with contextlib.closing(cluster.connect()) as connection:
        rows = connection.run(
            "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = :name", name=database
        )
    assert rows == [[False, False]]


def test_a_visitor_is_whom_our_own_proxy_names() -> None:
    seen: list[dict[str, str]] = []
    told = runpy.run_path(str(FOLDER / "gunicorn.conf.py"))["behind_proxy"](
        lambda environ, _: seen.append(environ)
    )
    for forwarded in ("192.0.2.7", "6.6.6.6, 192.0.2.7", ""):
        told({"REMOTE_ADDR": "10.0.0.9", "HTTP_X_FORWARDED_FOR": forwarded, "RAW_URI": "/a%2Fb?c"}, None)
    assert [one["REMOTE_ADDR"] for one in seen] == ["192.0.2.7", "192.0.2.7", "10.0.0.9"]
    assert seen[0]["REQUEST_URI"] == "/a%2Fb?c"


def test_the_container_of_jobs_installs_the_lines_and_becomes_cron(tmp_path: pathlib.Path) -> None:
    """With setpriv and cron that say what they were asked."""
    for name in ("setpriv", "cron"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >>"{tmp_path}/said"\n')
        program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "POSTERN_HOME": str(tmp_path)}
    subprocess.run(["/bin/sh", FOLDER / "start", "jobs"], env=environ, check=True, timeout=PATIENCE)
    assert (tmp_path / "said").read_text().splitlines() == [
        "setpriv --reuid=postern --regid=postern --init-groups python -m postern cron install",
        "cron -f",
    ]
    assert shutil.which("setpriv") and "cron" in PROGRAM, "the image has both"
    done = subprocess.run(
        ["/bin/sh", FOLDER / "start", "dance"], env=environ, capture_output=True, check=False
    )
    assert done.returncode == 64
