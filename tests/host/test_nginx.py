"""nginx with fcgiwrap, as docs/web-server.md says: its text is what runs here, with other ports and folders."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator

import pytest

from postern.ops.local import tether
from postern.ops.local.embedded import Postgres
from postern.web.response import SECURITY_HEADERS
from support import hostile
from support.fixtures import RELAY_PASSWORD, RELAY_USER, relay_env
from support.host import SERVER_ENV, SharedHost, Tenant
from support.mail import message
from support.page import block
from support.patience import PATIENCE, until
from support.relay import ScriptedRelay
from support.template import ready_database

pytestmark = [pytest.mark.tier("suexec"), pytest.mark.tier("nginx")]

HEAD = """
user www-data;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log off;
"""

PROBE = "#!/bin/sh\nprintf 'Status: 404 Not Found\\r\\nContent-Type: text/plain\\r\\n\\r\\n'; echo probe\n"


def rules(host: SharedHost) -> str:
    """The page's, for this host's ports, folders and certificate."""
    text = block("web-server.md", "nginx", "server {")
    folder = "/etc/letsencrypt/live/alias.example.org"
    for there, here in {
        "listen 80;": f"listen 127.0.0.1:{host.port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{host.tls_port} ssl;",
        f"{folder}/fullchain.pem": host.certificate.cert,
        f"{folder}/privkey.pem": host.certificate.key,
        "/run/postern": str(host.folder / "fcgi"),
    }.items():
        assert there in text
        text = text.replace(there, here)
    return text


@contextlib.contextmanager
def nginx(host: SharedHost, text: str) -> Iterator[None]:
    folder = host.folder / "nginx"
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(HEAD.format(folder=folder) + text + "}\n")
    with running(
        host, ["/usr/sbin/nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], folder / "nginx.pid"
    ):
        yield


@contextlib.contextmanager
def fcgiwrap(host: SharedHost) -> Iterator[None]:
    """Started by the page's own command."""
    folder = host.folder / "fcgi"
    folder.mkdir(exist_ok=True)
    line = block("web-server.md", "sh", "spawn-fcgi").strip().replace("/run/postern", str(folder))
    with running(
        host, ["/bin/sh", "-c", f"exec {line.replace(' -- ', ' -n -- ')}"], folder / "fcgiwrap.sock"
    ):
        yield


@contextlib.contextmanager
def running(host: SharedHost, argv: list[str], sign: pathlib.Path) -> Iterator[None]:
    """In a session of its own inside, so that its whole group can be ended."""
    argv = ["/bin/sh", "-c", 'echo $$ >"$0"; exec "$@"', f"{sign}.group", *argv]
    server = subprocess.Popen(
        tether.command(host.space.command(["/usr/bin/setsid", *argv])),
        env=SERVER_ENV,
        cwd="/",
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: sign.exists() or server.poll() is not None)
        assert server.poll() is None, argv
        yield
    finally:
        group = pathlib.Path(f"{sign}.group").read_text().strip()
        subprocess.run(host.space.command(["/bin/kill", "-TERM", "--", f"-{group}"]), check=False)
        server.wait(PATIENCE)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(sign)


@pytest.fixture(scope="module")
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay(users={RELAY_USER: RELAY_PASSWORD}) as server:
        yield server


@pytest.fixture(scope="module")
def tenant(tls_server: Postgres, relay: ScriptedRelay) -> Iterator[Tenant]:
    """The program, the packages and an instance on a host whose Apache does not run."""
    host = SharedHost()
    with contextlib.closing(host), ready_database(tls_server) as database:
        host.put_program()
        host.put_packages()
        made = host.instance(database, relay_env(relay))
        with fcgiwrap(host), nginx(host, rules(host)):
            yield made
        made.close()


def test_pages_headers_and_static_files(tenant: Tenant) -> None:
    host = tenant.host
    page = host.fetch("GET", "/", {"Accept": "text/html"}, tls=True)
    assert (page.status, page.header("cache-control")) == (200, "no-store")
    assert host.fetch("GET", "/nothing?x=%2F", tls=True).status == 404
    assert host.fetch("POST", "/", tls=True).status == 405
    static = host.fetch("GET", "/static/postern.svg", tls=True)
    assert (static.status, static.header("cache-control")) == (200, "public, max-age=3600")
    assert static.header("content-type") == "image/svg+xml"
    (host.docroot / "static" / "try.3f2a9c1b.css").write_text("a {}")
    kept = host.fetch("GET", "/static/try.3f2a9c1b.css", tls=True)
    assert (kept.status, kept.header("cache-control")) == (200, "public, max-age=31536000, immutable")
    robots = host.fetch("GET", "/robots.txt", tls=True)
    assert robots.body == (host.docroot / "static" / "robots.txt").read_bytes()
    for answer in (page, static, kept, host.fetch("GET", "/static/no.css", tls=True)):
        for name, value in (*SECURITY_HEADERS, ("Strict-Transport-Security", "max-age=86400")):
            assert [there for key, there in answer.headers if key.lower() == name.lower()] == [value], name


def test_plain_http_leads_to_https_and_a_ca_finds_its_token(tenant: Tenant) -> None:
    host = tenant.host
    answer = host.fetch("GET", "/a%2Fb?x=%20")
    assert (answer.status, answer.header("location")) == (308, "https://alias.example.org/a%2Fb?x=%20")
    place = host.docroot / ".well-known" / "acme-challenge"
    place.mkdir(parents=True)
    (place / "tok-en_1").write_text("token")
    answer = host.fetch("GET", "/.well-known/acme-challenge/tok-en_1")
    assert (answer.status, answer.body) == (200, b"token")


def test_a_message_of_25_mb_comes_in(
    tenant: Tenant, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    mime, host = message(body=b"0123456789\r\n" * (25 * 1024 * 1024 // 12 - 400)), tenant.host
    monkeypatch.setenv("SSL_CERT_FILE", host.certificate.ca)
    assert tenant.post(host.tls_url, mime).receipt == "stored"
    until(lambda: relay.messages)


def test_no_path_shows_a_byte_of_a_file() -> None:
    host = SharedHost()
    with contextlib.closing(host):
        host.put_program()
        hostile.lay(host.docroot)
        door = host.docroot / "cgi-bin" / "postern.cgi"
        door.write_text(PROBE)
        door.chmod(0o755)
        host.give(host.docroot)
        # The rules of the second server, without TLS.
        text = rules(host)[rules(host).rindex("server {") :]
        text = re.sub(r"listen .*;", f"listen 127.0.0.1:{host.port};", re.sub(r"ssl_\w+ .*;", "", text))
        with fcgiwrap(host), nginx(host, text):
            until(lambda: host.fetch("GET", "/").body == b"probe\n")
            files = [b"/" + name.encode() for name in hostile.every_file(host.docroot)]
            public = {path.read_bytes() for path in host.docroot.glob("static/*.*") if path.is_file()}
            for path in [*files, *itertools.islice(hostile.tricks(), 0, None, 3)]:
                answer = host.get_raw(path)
                assert hostile.MARK not in answer.body, path
                assert answer.status in (400, 403, 404) or answer.body in public, (path, answer)
