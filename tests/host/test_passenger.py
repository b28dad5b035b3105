"""The program behind a real Apache with Phusion Passenger, in the three shapes in which hosts offer it (support/passenger.py).

What is the same as under CGI is tested in test_apache.py; here is what Passenger does in its own way.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postern.ops import post
from postern.ops.install import htaccess, passenger
from postern.ops.install.htaccess import Site
from postern.ops.local.embedded import Postgres
from postern.web.response import SECURITY_HEADERS
from support import hostile
from support.api_on_host import answers_to_the_letter
from support.fixtures import RELAY_PASSWORD, RELAY_USER, relay_env
from support.host import HOME, Tenant
from support.instance import ALIAS
from support.mail import body_of, message
from support.passenger import BLOCK, DOCROOT, KINDS, PYTHON, PassengerHost
from support.patience import until
from support.relay import ScriptedRelay
from support.template import ready_database

pytestmark = [pytest.mark.tier("suexec"), pytest.mark.tier("passenger")]

LARGE = 25 * 1024 * 1024 - 4096
HTML = {"Accept": "text/html"}

PROBE = b"""# %s
import json, os
def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = json.dumps({**seen, "got": len(environ["wsgi.input"].read(length)) if length else 0}).encode()
    start_response("404 Not Found", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
"""
"""An app that says what it was asked, in the place of ours."""


PLAIN = Site("", "passenger", "off")


@pytest.fixture(scope="module")
def account() -> Iterator[PassengerHost]:
    """The program as it was uploaded, and the packages."""
    with PassengerHost(tls=True) as made:
        made.put_program()
        made.put_packages()
        yield made


@pytest.fixture(scope="module")
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay(users={RELAY_USER: RELAY_PASSWORD}) as server:
        yield server


@pytest.fixture(scope="module")
def tenant(account: PassengerHost, tls_server: Postgres, relay: ScriptedRelay) -> Iterator[Tenant]:
    with ready_database(tls_server) as database:
        made = account.instance(database, relay_env(relay))
        yield made
        # Its processes hold connections to the database.
        account.stop()
        made.wait_for_drain()
        made.close()


@pytest.fixture(params=["stock"])
def host(request: pytest.FixtureRequest, tenant: Tenant) -> PassengerHost:
    """The real program, with the rules of an address that is not known yet."""
    made = tenant.host
    assert isinstance(made, PassengerHost)
    made.become(request.param, PLAIN)
    return made


@pytest.fixture(scope="module")
def besieged() -> Iterator[PassengerHost]:
    """A docroot full of decoys, where every file but the static ones holds hostile.MARK, and the probe in the app's place."""
    with PassengerHost(tls=True) as made:
        made.put_program()
        hostile.lay(made.docroot)
        (made.docroot / "passenger_wsgi.py").write_bytes(PROBE % hostile.MARK)
        yield made


every_kind = pytest.mark.parametrize("host", KINDS, indirect=True)


@contextlib.contextmanager
def changed(path: pathlib.Path, text: str) -> Iterator[None]:
    """A file with another text for a while."""
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


def large_message() -> bytes:
    """25 MB in lines that do not compress."""
    block = b"\r\n".join(os.urandom(36).hex().encode() for _ in range(1000)) + b"\r\n"
    return message(body=block * (LARGE // len(block)))


# The road.


@every_kind
def test_a_signed_message_comes_in_and_goes_out(
    host: PassengerHost, tenant: Tenant, relay: ScriptedRelay
) -> None:
    """Nobody runs a drain here: the one that the receipt woke delivers."""
    mime = message(body=os.urandom(100).hex().encode() + b"\r\n")
    assert tenant.post(host.url, mime).receipt == "stored"
    until(lambda: newest(tenant, 1) == ["sent"])
    assert body_of(mime) in [body_of(got.content) for got in relay.messages]
    assert host.complaints().strip() == ""


@every_kind
def test_the_apis_get_their_keys_and_answer_to_the_letter(host: PassengerHost, tenant: Tenant) -> None:
    answers_to_the_letter(host, tenant)


def test_25_mb_pass_through_without_being_held_in_memory(
    host: PassengerHost, tenant: Tenant, relay: ScriptedRelay
) -> None:
    """The app's highest resident size, before and after: less than half of the message more."""
    mime = large_message()
    assert tenant.post(host.url, message()).receipt == "stored"
    before = high_water(host)
    assert tenant.post(host.url, mime).receipt == "stored"
    assert high_water(host) - before < len(mime) // 2
    until(lambda: newest(tenant, 2) == ["sent", "sent"])
    assert body_of(mime) in [body_of(got.content) for got in relay.messages]


def newest(tenant: Tenant, n: int) -> list[object]:
    """States of the newest deliveries. Older ones may wait for cron: a restart ends a drain that was just woken."""
    return [
        state for (state,) in tenant.query(f"SELECT state FROM deliveries ORDER BY id DESC LIMIT {int(n)}")
    ]


def high_water(host: PassengerHost) -> int:
    """Bytes (VmHWM) of the one app process."""
    (pid,) = host.apps()
    found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_a_body_of_unknown_length_is_taken(host: PassengerHost, tenant: Tenant) -> None:
    """Passenger collects it first and says how long it is; under CGI nobody could."""
    mime = message(body=b"0123456789\r\n" * 10_000)
    headers = post.headers(tenant.secret, "bob@shop.example", ALIAS, mime, "cloudflare")
    pieces = (mime[start : start + 1000] for start in range(0, len(mime), 1000))
    answer = host.fetch("POST", "/hooks/inbound", {**headers, "Transfer-Encoding": "chunked"}, pieces)
    assert (answer.status, answer.body) == (202, b"stored\n")


def test_a_client_that_goes_away_in_the_middle_of_25_mb_leaves_nothing(
    host: PassengerHost, tenant: Tenant
) -> None:
    mime, before = large_message(), tenant.query("SELECT count(*) FROM messages")[0][0]
    headers = post.headers(tenant.secret, "bob@shop.example", ALIAS, mime, "cloudflare")
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    head = f"POST /hooks/inbound HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(mime)}\r\n"
    with socket.create_connection(("127.0.0.1", host.port), 60) as client:
        client.sendall((head + "".join(lines) + "\r\n").encode() + mime[: len(mime) // 2])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert tenant.post(host.url, mime).receipt == "stored"
    assert tenant.query("SELECT count(*) FROM messages") == [[int(str(before)) + 1]]
    assert os.listdir(pathlib.Path(tenant.home, "spool", "tmp")) == []


# What the app is asked.


@pytest.mark.parametrize("kind", KINDS)
def test_the_app_sees_what_was_asked(besieged: PassengerHost, kind: str) -> None:
    besieged.become(kind, PLAIN)

    def seen(method: str, path: str, *rest: object, tls: bool = False) -> dict[str, object]:
        answer = besieged.fetch(method, path, *rest, tls=tls)  # type: ignore[arg-type]
        assert answer.status == 404, (answer, besieged.passenger_log())
        return dict(json.loads(answer.body))

    asked = {"Authorization": "Bearer abc", "X-Forwarded-Proto": "https"}
    got = seen("GET", "/b%20c/caf%C3%A9/x;y=1?z=%2F", asked)
    assert str(got["REQUEST_URI"]).lower() == "/b%20c/caf%c3%a9/x;y=1?z=%2f"
    assert (got["HTTP_AUTHORIZATION"], got["HTTPS"]) == ("Bearer abc", "on")
    assert "HTTPS" not in seen("GET", "/x")
    assert seen("GET", "/x", tls=True)["HTTPS"] == "on"
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        got = seen(method, "/x", {}, b"x" * 1000)
        assert (got["REQUEST_METHOD"], got["got"]) == (method, 1000)


NOT_THERE = (
    ("GET", "/nothing/here", 404),
    ("HEAD", "/nothing/here", 404),
    ("GET", "/caf%C3%A9", 404),
    ("GET", "/%ff", 400),
    ("GET", "/a%0Ab", 400),
    ("GET", "/hooks/inbound", 405),
    ("PUT", "/", 405),
    ("POST", "/health", 405),
)


@every_kind
def test_pages(host: PassengerHost, tenant: Tenant) -> None:
    answer = host.fetch("GET", "/", HTML)
    assert (answer.status, answer.header("content-type")) == (200, "text/html; charset=utf-8")
    assert b"<h1>" in answer.body
    head = host.fetch("HEAD", "/", HTML)
    assert (head.status, head.body) == (200, b"")
    assert host.fetch("GET", "/health?since=yesterday").status in (200, 503)
    for method, path, status in NOT_THERE:
        answer = host.fetch(method, path, HTML)
        assert answer.status == status, (method, path)
        assert b"Apache" not in answer.body and b"Phusion" not in answer.body
        assert (answer.body == b"") == (method == "HEAD")
    assert host.fetch("GET", "/hooks/inbound").header("allow") == "POST"


@every_kind
def test_headers(host: PassengerHost, tenant: Tenant) -> None:
    for path in ("/", "/nothing", "/static/app.css", "/README.md"):
        answer = host.fetch("GET", path)
        names = [name.lower() for name, _ in answer.headers]
        for name, _ in SECURITY_HEADERS:
            assert names.count(name.lower()) == 1, (path, name)
        assert not {"x-powered-by", "status", "strict-transport-security"} & set(names), path


def test_only_static_files_may_be_kept(host: PassengerHost, tenant: Tenant) -> None:
    """Under Passenger a page has the file name of its address, and the rules for style sheets go by file names."""
    for path in ("/", "/nothing.css", "/nothing/app.0123abcd.css"):
        assert host.fetch("GET", path).header("cache-control") == "no-store", path
    assert host.fetch("GET", "/static/none.0123abcd.css").header("cache-control") == ""
    assert host.fetch("GET", "/static/app.css").header("cache-control") == "public, max-age=3600"
    copy = host.docroot / "static" / "app.0123abcd.css"
    copy.write_bytes(b"")
    copy.chmod(0o644)
    kept = host.fetch("GET", "/static/app.0123abcd.css")
    assert kept.header("cache-control") == "public, max-age=31536000, immutable"


@every_kind
def test_http_leads_to_https_and_no_further(host: PassengerHost, tenant: Tenant) -> None:
    host.put_rules(Site("https://alias.example", "passenger", "month"))
    for path in ("/health?x=1", "/static/app.css", "/README.md"):
        answer = host.fetch("GET", path)
        assert (answer.status, answer.header("location")) == (308, f"https://alias.example{path}")
    for answer in (host.fetch("GET", "/", tls=True), host.fetch("GET", "/", {"X-Forwarded-Proto": "https"})):
        assert answer.status == 200
        assert answer.header("strict-transport-security").startswith("max-age=2592000")
    token = host.docroot / ".well-known" / "acme-challenge" / "token-1"
    token.parent.mkdir(parents=True, exist_ok=True)
    token.write_text("answer")
    assert host.fetch("GET", "/.well-known/acme-challenge/token-1").body == b"answer"


# Deny by default.


@pytest.mark.parametrize("kind", KINDS)
def test_no_file_is_served_but_static_ones(besieged: PassengerHost, kind: str) -> None:
    besieged.become(kind, PLAIN)
    assert b"REQUEST_URI" in besieged.fetch("GET", "/x").body
    assert not_refused(besieged, sorted({*paths_of_files(besieged), *hostile.tricks()})) == []


def test_no_file_is_served_while_no_panel_knows_of_the_app(besieged: PassengerHost) -> None:
    besieged.become("unknown", PLAIN)
    assert besieged.fetch("GET", "/").status == 403
    assert not_refused(besieged, paths_of_files(besieged)) == []


@pytest.mark.parametrize("without", ["rewrite", "headers", "setenvif", "dir"])
def test_a_module_that_is_missing_opens_nothing(besieged: PassengerHost, without: str) -> None:
    besieged.become("stock", PLAIN, without=(without,))
    assert not_refused(besieged, paths_of_files(besieged)) == []


@pytest.mark.parametrize(
    "extra",
    [
        f"<Directory {DOCROOT}>\nOptions +MultiViews\nMultiviewsMatch Any\n</Directory>\n",
        "PassengerHighPerformance on\n",
        "PassengerAllowEncodedSlashes on\nAllowEncodedSlashes on\n",
    ],
)
def test_whatever_the_host_has_switched_on_no_file_shows(besieged: PassengerHost, extra: str) -> None:
    besieged.become("stock", PLAIN, extra=extra)
    assert b"REQUEST_URI" in besieged.fetch("GET", "/x").body
    assert not_refused(besieged, paths_of_files(besieged)) == []


def paths_of_files(host: PassengerHost) -> list[bytes]:
    """Each file, with and without its ending (Passenger's stored pages, MultiViews), and each folder."""
    paths = {f"/{name}".encode() for name in hostile.every_file(host.docroot)}
    paths |= {os.path.splitext(path)[0] for path in paths}
    return sorted(paths | {os.path.dirname(path).rstrip(b"/") + b"/" for path in paths})


def not_refused(host: PassengerHost, paths: list[bytes]) -> list[tuple[bytes, int]]:
    """Paths, with the status of the answer. The probe and the server say 4xx; style sheet and script may come."""
    static = [(host.docroot / "static" / name).read_bytes() for name in ("app.css", "app.js")]

    def ask(path: bytes) -> tuple[bytes, int]:
        answer = host.get_raw(path)
        is_well = answer.status in (400, 403, 404) or (answer.status == 200 and answer.body in static)
        return path, 0 if is_well and hostile.MARK not in answer.body else answer.status

    with ThreadPoolExecutor(4) as threads:
        return [(path, status) for path, status in threads.map(ask, paths) if status]


def test_static_files_are_served_without_the_app(host: PassengerHost) -> None:
    for file in sorted((host.docroot / "static").glob("*.[cps]*")):
        answer = host.fetch("GET", f"/static/{file.name}")
        assert (answer.status, answer.body) == (200, file.read_bytes())
    assert host.apps() == []


def test_a_page_of_the_host_hides_ours_and_is_reported(host: PassengerHost, tenant: Tenant) -> None:
    assert passenger.in_the_way(str(host.docroot)) == []
    page = host.docroot / "index.html"
    page.write_text("Welcome to your new account!")
    try:
        assert passenger.in_the_way(str(host.docroot)) == ["index.html"]
        assert host.fetch("GET", "/").status == 404
    finally:
        page.unlink()
    assert host.fetch("GET", "/").status == 200


def test_cloudlinux_keeps_its_block(tmp_path: pathlib.Path) -> None:
    path = tmp_path / ".htaccess"
    path.write_text(BLOCK)
    for site in (PLAIN, Site("https://alias.example", "passenger", "year"), Site("", "closed", "off")):
        htaccess.write(str(tmp_path), site)
        assert BLOCK in path.read_text()
        assert len(path.read_text()) > len(BLOCK)
    htaccess.take_out(str(tmp_path))
    assert path.read_text() == BLOCK


# Starting anew, and not starting.


@every_kind
def test_restart_takes_new_settings_in(host: PassengerHost, tenant: Tenant) -> None:
    shutil.rmtree(
        host.docroot / "tmp", ignore_errors=True
    )  # a test before may have left a time that is yet to come
    assert b"127.0.0.1" in host.fetch("GET", "/", HTML).body
    (before,) = host.apps()
    with settings(tenant, POSTERN_URL="https://new.example"):
        assert b"new.example" not in host.fetch("GET", "/", HTML).body
        for way in ("by hand", "by us", "by us"):  # within a second of each other
            if way == "by hand":
                host.run("cd public_html && mkdir -p tmp && touch tmp/restart.txt", check=True)
            else:
                passenger.restart(str(host.docroot))
            assert b"new.example" in host.fetch("GET", "/", HTML).body
            until(lambda: len(host.apps()) == 1)
            (now,) = host.apps()
            assert now != before, way
            before = now


@contextlib.contextmanager
def settings(tenant: Tenant, **changes: str) -> Iterator[None]:
    """Other settings for a while."""
    before = {name: tenant.settings[name] for name in changes}
    tenant.write_env(**changes)
    try:
        yield
    finally:
        tenant.write_env(**before)


@pytest.mark.parametrize("changes", [{"POSTERN_RELAY_PORT": "many"}, {"POSTERN_SEAL_KEYS": "a:YWFh"}])
def test_a_broken_env_is_told_to_the_operator_alone(
    host: PassengerHost, tenant: Tenant, changes: dict[str, str]
) -> None:
    with settings(tenant, **changes):
        answer = host.fetch("GET", "/", HTML)
    assert (answer.status, answer.header("retry-after")) == (503, "60")
    assert b"Something is wrong on our side" in answer.body
    assert not re.search(rb"POSTERN_|\.env|" + HOME.encode(), answer.body)
    said = host.passenger_log()
    assert answer.header("x-request-id") in said
    assert "Traceback" not in said and "YWFh" not in said


def test_missing_packages_are_told_to_the_operator_alone(host: PassengerHost, tenant: Tenant) -> None:
    packages = host.home / ".postern" / "venv"
    packages.rename(packages.with_name("away"))
    try:
        answer = host.fetch("GET", "/", HTML)
    finally:
        packages.with_name("away").rename(packages)
    assert answer.status == 503
    assert b"Something is wrong on our side" in answer.body
    said = host.passenger_log()
    assert answer.header("x-request-id") in said
    assert "has no packages for Python 3." in said
    assert "Run: sh install.sh" in said
    assert "Traceback" not in said


def test_a_program_that_cannot_start_is_told_to_the_operator_alone(
    host: PassengerHost, tenant: Tenant
) -> None:
    with changed(host.docroot / "lib" / "postern" / "doors.py", "cut off\n"):
        answer = host.fetch("GET", "/", HTML)
    assert answer.status >= 500
    assert not re.search(rb"Traceback|SyntaxError|doors\.py|" + HOME.encode(), answer.body)
    assert "SyntaxError" in host.passenger_log()


TALKING = """#!/bin/sh
echo took over >>{home}/took-over
exec {python} "$@"
"""
"""Another Python than the panel's, as far as passenger_wsgi.py can see."""

OLD = """#!/bin/sh
exec {python} -c 'import runpy, sys
sys.version_info, sys.version = (3, 6, 8), "3.6.8 (a test)"
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$@"
"""
"""What a panel may still offer."""


def put_python(host: PassengerHost, name: str, text: str) -> str:
    path = host.home / name
    path.write_text(text.format(home=HOME, python=PYTHON))
    path.chmod(0o755)
    host.give(path)
    return f"{HOME}/{name}"


def chosen(host: PassengerHost, python: str) -> contextlib.AbstractContextManager[None]:
    """As install.sh chooses."""
    door = host.docroot / "cgi-bin" / "postern.cgi"
    return changed(door, f"#!{python} -IS\n" + door.read_text().partition("\n")[2])


def test_the_python_that_install_sh_chose_takes_over_from_the_panels(
    host: PassengerHost, tenant: Tenant
) -> None:
    host.become("stock", PLAIN, put_python(host, "old", OLD))
    with chosen(host, put_python(host, "chosen", TALKING)):
        assert host.fetch("GET", "/", HTML).status == 200
    assert (host.home / "took-over").read_text() == "took over\n"
    assert len(host.apps()) == 1


def test_a_python_that_is_gone_does_not_stop_one_that_will_do(host: PassengerHost, tenant: Tenant) -> None:
    with chosen(host, "/opt/gone/bin/python3"):
        assert host.fetch("GET", "/", HTML).status == 200


def test_a_python_that_is_too_old_is_told_to_the_operator_alone(host: PassengerHost, tenant: Tenant) -> None:
    host.become("stock", PLAIN, put_python(host, "old", OLD))
    answer = host.fetch("GET", "/", HTML)
    assert answer.status >= 500
    assert not re.search(rb"Traceback|Python|" + HOME.encode(), answer.body)
    assert "Postern needs Python 3.9 or newer; this is 3.6.8" in host.passenger_log()
    assert "run install.sh again" in host.passenger_log()
