"""The site on a shared host: Apache with suexec and a tenant, everything decided by .htaccess, mod_cgi and mod_cgid.

Most tests ask the real program. Those that ask for hundreds of paths put a tiny CGI in its place, whose answer is known.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import re
from collections.abc import Iterator

import pytest

from postern.base.hsts import hsts_value
from postern.ops import post
from postern.ops.install import htaccess
from postern.ops.install.htaccess import Site
from postern.ops.local.embedded import Postgres
from postern.web.response import SECURITY_HEADERS
from support import hostile
from support.apache import Answer
from support.api_on_host import answers_to_the_letter
from support.fixtures import RELAY_PASSWORD, RELAY_USER, relay_env
from support.host import SharedHost, Tenant
from support.instance import ALIAS
from support.mail import body_of, message
from support.page import block
from support.patience import until
from support.relay import ScriptedRelay
from support.template import ready_database
from support.vhost import MODULES

pytestmark = pytest.mark.tier("suexec")

PLAIN = Site("", "cgi", "off")
SECURE = Site("https://alias.example", "cgi", "year")
HTML = {"Accept": "text/html"}
OVER_TLS = {"X-Forwarded-Proto": "https"}

PROBE = """#!/bin/sh
printf 'Status: 404 Not Found\\r\\nContent-Type: text/plain\\r\\n\\r\\n'
echo "probe $REQUEST_URI|$QUERY_STRING|$HTTPS|$HTTP_AUTHORIZATION|"
"""


@pytest.fixture(scope="module")
def account() -> Iterator[SharedHost]:
    """The program as it was uploaded, and the packages."""
    with SharedHost(tls=True) as host:
        host.put_program()
        host.put_packages()
        yield host


@pytest.fixture(scope="module")
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay(users={RELAY_USER: RELAY_PASSWORD}, size_limit=100 << 20) as server:
        yield server


@pytest.fixture(scope="module")
def tenant(account: SharedHost, tls_server: Postgres, relay: ScriptedRelay) -> Iterator[Tenant]:
    with ready_database(tls_server) as database:
        made = account.instance(database, relay_env(relay))
        yield made
        made.close()


@pytest.fixture(params=["prefork", "event"])
def site(request: pytest.FixtureRequest, tenant: Tenant) -> SharedHost:
    """The real program, with the rules of an address that is not known yet."""
    return on(tenant.host, PLAIN, mpm=request.param)


@pytest.fixture
def one_site(tenant: Tenant) -> SharedHost:
    return on(tenant.host, PLAIN)


@pytest.fixture(scope="module")
def besieged() -> Iterator[SharedHost]:
    """A docroot full of decoys, where every file but the static ones holds hostile.MARK."""
    with SharedHost() as host:
        host.put_program()
        hostile.lay(host.docroot)
        put_probe(host)
        with (host.docroot / ".htaccess").open("a") as file:
            file.write(f"# {hostile.MARK.decode()}\n")
        yield host


def on(host: SharedHost, rules: Site, **setup: object) -> SharedHost:
    """The host with these rules, and Apache as set up anew with all else as usual."""
    htaccess.write(str(host.docroot), rules)
    host.restart(**{**USUAL, **setup})
    return host


USUAL = {
    "mpm": "prefork",
    "allow_override": "All",
    "without": (),
    "security_rules": False,
    "script_alias": True,
    "server_extra": "",
    "vhost_extra": "",
}


def put_probe(host: SharedHost) -> None:
    path = host.docroot / "cgi-bin" / "postern.cgi"
    path.write_text(PROBE)
    path.chmod(0o755)
    host.give(host.docroot)


@contextlib.contextmanager
def probe_in(host: SharedHost) -> Iterator[None]:
    """The probe instead of the program."""
    path = host.docroot / "cgi-bin" / "postern.cgi"
    real = path.read_text()
    put_probe(host)
    try:
        yield
    finally:
        path.write_text(real)


def said_by_probe(answer: Answer) -> dict[str, str]:
    assert answer.body.startswith(b"probe "), answer
    names = ("uri", "query", "https", "authorization")
    return dict(zip(names, answer.body.decode()[len("probe ") :].split("|")))


# The program behind the rules.

ANSWERS = (
    ("GET", "/", 200),
    ("HEAD", "/", 200),
    ("GET", "/index.html", 404),
    ("GET", "/nothing/here?x=1", 404),
    ("HEAD", "/nothing/here", 404),
    ("GET", "/caf%C3%A9", 404),
    ("GET", "/100%25?", 404),
    ("GET", "/a%3Fb", 404),
    ("GET", "/user@mail.example.com", 404),
    ("GET", "/cgi-bin/postern.cgi", 404),
    ("GET", "/cgi-bin/", 404),
    ("GET", "/static/", 404),
    ("GET", "/lib/", 404),
    ("GET", "//health", 400),
    ("GET", "/%ff", 400),
    ("GET", "/hooks/inbound", 405),
    ("DELETE", "/hooks/inbound", 405),
    ("PUT", "/", 405),
    ("OPTIONS", "/", 405),
    ("FOO", "/health", 405),
    ("POST", "/hooks/inbound", 401),
)


def test_every_page_and_every_refusal_is_the_programs_own(site: SharedHost) -> None:
    for method, path, status in ANSWERS:
        answer = site.fetch(method, path, HTML)
        assert answer.status == status, (method, path, answer)
        assert re.fullmatch(r"[0-9a-f]{12}|-", answer.header("x-request-id")), (method, path, answer)
        assert answer.header("cache-control") == "no-store", (method, path)
        assert (answer.body == b"") == (method == "HEAD"), (method, path)
        assert (status == 405) == bool(answer.header("allow")), (method, path)
    assert site.complaints() == ""


def test_the_programs_processes_are_the_tenants(site: SharedHost) -> None:
    before = site.suexec_log().count("cmd: postern.cgi")
    assert site.ask("GET", "/")[0] == 200
    assert site.suexec_log().count("uid: (5001/alice) gid: (5001/alice) cmd: postern.cgi") == before + 1


def large_message(size: int = 25 * 1024 * 1024) -> bytes:
    block = b"\r\n".join(os.urandom(36).hex().encode() for _ in range(1000)) + b"\r\n"
    return message(body=block * ((size - 4096) // len(block)))


def test_25_mb_come_in_through_suexec_and_go_out(
    site: SharedHost, tenant: Tenant, relay: ScriptedRelay
) -> None:
    mime, before = large_message(), len(relay.messages)
    assert tenant.post(site.url, mime).receipt == "stored"
    until(lambda: len(relay.messages) > before)
    assert body_of(relay.messages[-1].content) == body_of(mime)
    assert site.complaints() == ""


MEMORY = "RLimitMEM 134217728"
"""What docs/hosts.md asks of a host, for each process; the drain that a receipt wakes has it from the CGI."""


def test_70_mb_stream_where_a_process_gets_128_mb(tenant: Tenant, relay: ScriptedRelay) -> None:
    host = on(tenant.host, PLAIN, server_extra=MEMORY)
    tenant.write_env(POSTERN_MAX_MESSAGE_BYTES="104857600")
    mime, before = large_message(70 * 1024 * 1024), len(relay.messages)
    try:
        assert tenant.post(host.url, mime).receipt == "stored"
        until(lambda: len(relay.messages) > before)
    finally:
        tenant.write_env(POSTERN_MAX_MESSAGE_BYTES="26214400")
    assert body_of(relay.messages[-1].content) == body_of(mime)
    assert host.complaints() == ""


def test_a_message_that_is_too_large_is_refused_by_the_program_and_a_flood_by_the_server(
    site: SharedHost, tenant: Tenant
) -> None:
    """The Worker must hear 422 with the reason for its sender; a hundred megabytes reach no process of ours."""
    tenant.write_env(POSTERN_MAX_MESSAGE_BYTES="4000")
    try:
        answer = tenant.post(site.url, message(body=b"0123456789\r\n" * 1000))
    finally:
        tenant.write_env(POSTERN_MAX_MESSAGE_BYTES="26214400")
    assert (answer.status, answer.reject) == (422, "5.3.4 message larger than 4000 bytes")
    head = b"POST /hooks/inbound HTTP/1.1\r\nHost: alias.example\r\nContent-Length: 104857601\r\nConnection: close\r\n\r\n"
    answer = site.send(head)
    assert (answer.status, answer.body) == (413, b"That is too large.")


def test_a_start_that_fails_is_told_to_the_operator_and_not_to_the_visitor(
    site: SharedHost, tenant: Tenant
) -> None:
    env = pathlib.Path(tenant.home, ".env")
    right = env.read_text()
    env.write_text(right + "POSTERN_RELAY_PORT=many\n")
    try:
        answer = site.fetch("GET", "/", HTML)
    finally:
        env.write_text(right)
    assert (answer.status, answer.header("retry-after")) == (503, "60")
    assert not re.search(rb"POSTERN_|\.env|alice", answer.body)
    said = site.complaints()
    assert "POSTERN_RELAY_PORT must be a whole number" in said
    assert answer.header("x-request-id") in said


BROKEN = {
    "group-writable": lambda door: door.chmod(0o775),
    "not executable": lambda door: door.chmod(0o644),
    "no such interpreter": lambda door: door.write_text("#!/no/such/python\n"),
    "Windows line ends": lambda door: door.write_text("#!/bin/sh\r\necho Status: 200\r\n"),
    "it fails at once": lambda door: door.write_text("#!/bin/sh\necho secret reason >&2; exit 1\n"),
    "no header": lambda door: door.write_text("#!/bin/sh\necho secret reason\n"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_door_that_cannot_start_shows_the_visitor_one_sentence(one_site: SharedHost, how: str) -> None:
    door = one_site.docroot / "cgi-bin" / "postern.cgi"
    right = door.read_text()
    try:
        BROKEN[how](door)
        answer = one_site.fetch("GET", "/")
    finally:
        door.write_text(right)
        door.chmod(0o755)
    assert answer.status == 500
    assert answer.body == b"Something is wrong on our side. Please try again in a few minutes."
    assert one_site.complaints() != ""


# What reaches the program.


@pytest.mark.parametrize("mpm", ["prefork", "event"])
@pytest.mark.parametrize("without", [(), ("setenvif",), ("headers", "env", "alias")], ids=str)
def test_the_authorization_header_and_the_path_reach_the_program_as_they_were_sent(
    account: SharedHost, mpm: str, without: tuple[str, ...]
) -> None:
    on(account, PLAIN, mpm=mpm, without=without)
    with probe_in(account):
        answer = account.fetch("GET", "/a%2Eb/%3F%25//c?x=%26&y=a/b", {"Authorization": "Bearer a.b-c"})
    said = said_by_probe(answer)
    assert (said["uri"], said["query"]) == ("/a%2Eb/%3F%25//c?x=%26&y=a/b", "x=%26&y=a/b")
    assert said["authorization"] == "Bearer a.b-c"


# HTTPS.

REDIRECTED = (
    ("/", "/"),
    ("/nothing?x=1&y=%20%25/", "/nothing?x=1&y=%20%25/"),
    ("/a%2Eb/%25%3F?", "/a%2Eb/%25%3F?"),
    ("/a%3Fb?q=%3F", "/a%3Fb?q=%3F"),
    ("/?to=https://evil.example/", "/?to=https://evil.example/"),
    ("/%0d%0aSet-Cookie:%20a=b", "/%0d%0aSet-Cookie:%20a=b"),
    ("//evil.example/", "//evil.example/"),
    ("http://evil.example/path?q", "/path?q"),
    ("/static/postern.svg", "/static/postern.svg"),
    ("/lib", "/lib"),
    ("/.well-known/change-password", "/.well-known/change-password"),
)

SECURE_BY = (
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Proto": "HTTPS"},
    {"X-Forwarded-Proto": "https, http"},
    {"X-Forwarded-Proto": "http", "CF-Visitor": '{"scheme":"https"}'},
    {"CF-Visitor": '{"scheme":"https"}'},
)
PLAIN_BY = (
    {},
    {"X-Forwarded-Proto": "http"},
    {"X-Forwarded-Proto": "http, https"},
    {"X-Forwarded-Proto": "httpsx"},
    {"CF-Visitor": '{"scheme":"http"}'},
    {"X-Forwarded-Host": "evil.example", "Host": "evil.example"},
)


def test_plain_http_is_led_to_https_with_path_and_query_as_they_came(tenant: Tenant) -> None:
    host = on(tenant.host, SECURE)
    for path, target in REDIRECTED:
        answer = host.fetch("GET", path)
        assert (answer.status, answer.header("location")) == (308, f"https://alias.example{target}"), path
    answer = host.fetch("POST", "/hooks/inbound", {}, b"a message")
    assert (answer.status, answer.header("location")) == (308, "https://alias.example/hooks/inbound")


def test_there_is_no_loop_behind_a_proxy_that_ends_tls(tenant: Tenant) -> None:
    host = on(tenant.host, SECURE)
    with probe_in(host):
        for headers in SECURE_BY:
            answer = host.fetch("GET", "/page", headers)
            assert said_by_probe(answer)["https"] == "on", headers
            assert answer.header("strict-transport-security") == hsts_value("year"), headers
        answer = host.fetch("GET", "/page", tls=True)
        assert said_by_probe(answer)["https"] == "on"
        assert answer.header("strict-transport-security") == hsts_value("year")
    for headers in PLAIN_BY:
        answer = host.fetch("GET", "/page", headers)
        assert (answer.status, answer.header("location")) == (308, "https://alias.example/page"), headers
        assert answer.header("strict-transport-security") == "", headers


def test_without_an_address_nothing_is_redirected(one_site: SharedHost) -> None:
    assert one_site.fetch("GET", "/").status == 200
    assert one_site.fetch("GET", "/", tls=True).header("strict-transport-security") == ""


@pytest.mark.parametrize("rules", [PLAIN, SECURE], ids=["before", "after"])
def test_a_ca_finds_its_token_over_plain_http_and_nothing_else(tenant: Tenant, rules: Site) -> None:
    host = on(tenant.host, rules)
    for folder in ("acme-challenge", "pki-validation", "cpanel-dcv"):
        place = host.docroot / ".well-known" / folder
        place.mkdir(parents=True, exist_ok=True)
        for name in ("AbC_-123", "0A1B.txt", ".hidden"):
            (place / name).write_text("token")
        for name in ("AbC_-123", "0A1B.txt"):
            answer = host.fetch("GET", f"/.well-known/{folder}/{name}")
            assert (answer.status, answer.body) == (200, b"token")
        assert host.fetch("GET", f"/.well-known/{folder}/not-there").status == 404
        for path in ("/.hidden", "/", "", "/AbC_-123/", "/AbC_-123/x"):
            answer = host.fetch("GET", f"/.well-known/{folder}{path}", OVER_TLS)
            assert answer.status in (403, 404) and b"token" not in answer.body, path


# Headers.


def once(answer: Answer, name: str) -> str:
    """The value of a header that is there exactly once."""
    found = [value for key, value in answer.headers if key.lower() == name.lower()]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def test_each_security_header_is_there_exactly_once_on_every_answer(tenant: Tenant) -> None:
    host = on(tenant.host, SECURE)
    answers = {
        "page": host.fetch("GET", "/", HTML, tls=True),
        "program's 404": host.fetch("GET", "/nothing", HTML, tls=True),
        "program's 405": host.fetch("POST", "/", HTML, tls=True),
        "static": host.fetch("GET", "/static/postern.svg", tls=True),
        "server's 404": host.fetch("GET", "/static/nothing.css", tls=True),
        "folder": host.fetch("GET", "/lib", tls=True),
        "server's 403": host.fetch("GET", "/.env", tls=True),
        "redirect": host.fetch("GET", "/"),
    }
    etag = answers["static"].header("etag")
    answers["not modified"] = host.fetch("GET", "/static/postern.svg", {"If-None-Match": etag}, tls=True)
    statuses = [answer.status for answer in answers.values()]
    assert statuses == [200, 404, 405, 200, 404, 404, 403, 308, 304]
    for name, answer in answers.items():
        for header, value in SECURITY_HEADERS:
            assert once(answer, header) == value, name
        if name != "redirect":
            assert once(answer, "strict-transport-security") == hsts_value("year"), name
    for name in ("server's 404", "folder", "server's 403"):
        assert re.fullmatch(rb"[A-Z][a-z ]+\.", answers[name].body), name
    for name in ("server's 404", "folder", "server's 403", "redirect"):
        assert answers[name].header("cache-control") == "", name


TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
    "png": "image/png",
    "ico": "image/x-icon",
    "webp": "image/webp",
    "woff2": "font/woff2",
}


def test_static_files_come_from_the_disk_with_type_and_age(one_site: SharedHost) -> None:
    folder = one_site.docroot / "static"
    for suffix, kind in TYPES.items():
        for name, age in (
            (f"try-it_2.{suffix}", "public, max-age=3600"),
            (f"try.3f2a9c1b.{suffix}", "public, max-age=31536000, immutable"),
        ):
            (folder / name).write_text("x" * 2000)
            answer = one_site.fetch("GET", f"/static/{name}")
            (folder / name).unlink()
            assert answer.status == 200, name
            assert once(answer, "content-type") == kind, name
            assert once(answer, "cache-control") == age, name
            assert answer.header("x-request-id") == "", name
        gone = one_site.fetch("GET", f"/static/try.3f2a9c1b.{suffix}")
        assert (gone.status, gone.header("cache-control")) == (404, ""), suffix


def test_robots_are_told_without_a_process_of_ours(one_site: SharedHost) -> None:
    answer = one_site.fetch("GET", "/robots.txt")
    assert (answer.status, once(answer, "content-type")) == (200, "text/plain")
    assert answer.body == (one_site.docroot / "static" / "robots.txt").read_bytes()
    assert answer.header("x-request-id") == ""


def test_text_is_compressed_pages_and_pictures_are_not(one_site: SharedHost) -> None:
    """A page may hold a secret beside what a stranger put in: its length must not tell (BREACH)."""
    folder, asked = one_site.docroot / "static", {"Accept-Encoding": "gzip"}
    for suffix, encoding in {"css": "gzip", "js": "gzip", "svg": "gzip", "png": "", "woff2": ""}.items():
        (folder / f"try.{suffix}").write_text("x" * 2000)
        answer = one_site.fetch("GET", f"/static/try.{suffix}", asked)
        (folder / f"try.{suffix}").unlink()
        assert answer.header("content-encoding") == encoding, suffix
        assert ("Accept-Encoding" in answer.header("vary")) == bool(encoding), suffix
    assert one_site.fetch("GET", "/", {**HTML, **asked}).header("content-encoding") == ""


# Strangers.

NOTHING = (
    b"probe ",
    b"Bad request.",
    b"Not allowed.",
    b"There is nothing here.",
    b"Something is wrong on our side.",
    # Apache's own pages, for what it refuses before it looks for .htaccess.
    b'<!DOCTYPE HTML PUBLIC "-//',
)
"""How an answer begins that shows no file."""


def look(
    host: SharedHost, paths: list[bytes], allowed: tuple[int, ...] = (400, 403, 404)
) -> dict[bytes, str]:
    """Ask for each; what was answered otherwise than by a refusal that shows nothing."""
    public = {path.read_bytes() for path in host.docroot.glob("static/*.*") if path.is_file()} - {
        hostile.MARK + b"\n"
    }
    wrong = {}
    for path in paths:
        answer = host.get_raw(path)
        if answer.body in public:
            continue  # the path does lead there
        told = answer.body + repr(answer.headers).encode()
        if answer.status not in allowed or hostile.MARK in told or not answer.body.startswith(NOTHING):
            wrong[path] = f"{answer.status} {answer.body[:100]!r}"
    return wrong


def every_file(host: SharedHost) -> list[bytes]:
    return [b"/" + name.encode() for name in hostile.every_file(host.docroot)]


def test_no_path_in_a_long_list_shows_a_byte_of_a_file(besieged: SharedHost) -> None:
    on(besieged, PLAIN)
    paths = [*every_file(besieged), *hostile.tricks()]
    assert len(paths) > 1500
    assert look(besieged, paths) == {}
    assert look(besieged, folders(besieged)) == {}


def folders(host: SharedHost) -> list[bytes]:
    """Each folder, without and with the slash at its end; the folder of tokens is empty."""
    names = {
        parent.as_posix()
        for name in hostile.every_file(host.docroot)
        for parent in pathlib.Path(name).parents
    }
    return [b"/" + (name + slash).encode() for name in names - {"."} for slash in ("", "/")]


@pytest.mark.parametrize(
    "options", ["None", "All MultiViews", "FollowSymLinks ExecCGI", "SymLinksIfOwnerMatch ExecCGI"]
)
@pytest.mark.parametrize("script_alias", [True, False])
def test_whatever_the_host_has_switched_on_no_file_shows(
    besieged: SharedHost, options: str, script_alias: bool
) -> None:
    on(
        besieged,
        PLAIN,
        script_alias=script_alias,
        vhost_extra=f"<Directory /home>\nOptions {options}\n</Directory>",
    )
    assert look(besieged, [*few(besieged), b"/README", b"/index", b"/install", b"/cgi-bin/env"]) == {}


@pytest.mark.parametrize(
    ("way", "lines"),
    [
        ("/public_html", "DocumentRoot /home/alice"),
        ("/alice/public_html", "DocumentRoot /home"),
        ("/other", "Alias /other /home/alice/public_html"),
    ],
)
def test_another_site_that_leads_into_the_folder_shows_no_file_either(
    besieged: SharedHost, way: str, lines: str
) -> None:
    """As when the folder of a subdomain lies in the document root of the main domain."""
    on(besieged, PLAIN, vhost_extra=lines)
    assert look(besieged, [way.encode() + path for path in few(besieged) if path.startswith(b"/")]) == {}


def few(host: SharedHost) -> list[bytes]:
    """Some of each kind."""
    return [
        *every_file(host)[::9],
        *itertools.islice(hostile.tricks(), 3, None, 19),
        *folders(host)[:6],
        b"/",
    ]


ABSENT = [(name,) for name in MODULES if name not in ("authz_core", "suexec")]
BARE = tuple(name for name in MODULES if name not in ("authz_core", "suexec", "rewrite"))


@pytest.mark.parametrize(
    "without", [*ABSENT, BARE, (*BARE, "rewrite")], ids=lambda names: "+".join(names[:3])
)
def test_with_a_module_absent_no_file_shows(besieged: SharedHost, without: tuple[str, ...]) -> None:
    """Without mod_rewrite nothing can be told apart, so nothing at all is served."""
    on(besieged, PLAIN, without=without)
    assert look(besieged, few(besieged)) == {}
    served = besieged.fetch("GET", "/static/postern.svg").status
    assert served == (403 if "rewrite" in without else 200)
    assert besieged.fetch("GET", "/nothing").status == (403 if "rewrite" in without else 404)


CLASSES = ("AuthConfig", "FileInfo", "Options")
"""What AllowOverride must allow, as docs/web-server.md says."""


@pytest.mark.parametrize("options", ["Options", "Options=Indexes"])
def test_three_classes_of_allow_override_are_enough(besieged: SharedHost, options: str) -> None:
    least = block("web-server.md", "", "AllowOverride").split()[1:]
    assert least == list(CLASSES)
    allowed = " ".join(least).replace("Options", options)
    on(besieged, SECURE, allow_override=allowed)
    assert besieged.fetch("GET", "/static/postern.svg", OVER_TLS).status == 200
    assert said_by_probe(besieged.fetch("GET", "/page", OVER_TLS))["https"] == "on"
    assert besieged.fetch("GET", "/page").status == 308
    on(besieged, PLAIN, allow_override=allowed)
    assert look(besieged, few(besieged)) == {}


@pytest.mark.parametrize("missing", CLASSES)
def test_with_one_class_less_the_server_refuses_everything(besieged: SharedHost, missing: str) -> None:
    on(besieged, PLAIN, allow_override=" ".join(name for name in CLASSES if name != missing))
    assert look(besieged, [*few(besieged), b"/static/postern.svg"], (400, 404, 500)) == {}


def test_a_server_that_ignores_htaccess_serves_the_files(besieged: SharedHost) -> None:
    """Silently. So the installer lays a canary, asks for it and goes no further while it is served."""
    on(besieged, PLAIN, allow_override="None")
    answer = besieged.fetch("GET", "/canary-0a1b2c3d.txt")
    assert (answer.status, answer.body) == (200, hostile.MARK + b"\n")
    assert len(look(besieged, every_file(besieged))) > 100


def test_a_host_that_runs_no_cgi_shows_no_source(besieged: SharedHost) -> None:
    off = "<Directory /home>\nOptions -ExecCGI\nRemoveHandler cgi-script .cgi .pl\n</Directory>"
    on(besieged, PLAIN, vhost_extra=off, script_alias=False)
    assert look(besieged, [*few(besieged), b"/cgi-bin/postern.cgi"]) == {}


def test_the_program_itself_refuses_a_sample_of_the_list(site: SharedHost) -> None:
    for path in itertools.islice(hostile.tricks(), 5, None, 31):
        answer = site.get_raw(path)
        assert answer.status in (400, 403, 404), (path, answer)
        assert not re.search(rb"import |CREATE TABLE|RewriteRule|set -eu", answer.body), (path, answer)
    assert "Traceback" not in site.complaints()


def test_a_site_that_is_closed_serves_nothing(besieged: SharedHost) -> None:
    for without in ((), ("rewrite",)):
        on(besieged, Site("", "closed", "off"), without=without)
        for path in (
            b"/",
            b"/static/postern.svg",
            b"/nothing",
            b"/.well-known/acme-challenge/x",
            *few(besieged),
        ):
            answer = besieged.get_raw(path)
            assert answer.status in (400, 403, 404), path
            assert hostile.MARK not in answer.body, path
            assert b"svg" not in answer.body, path


# The APIs.


@pytest.mark.parametrize("mpm", ["prefork", "event"])
def test_the_apis_get_their_keys_and_answer_to_the_letter(tenant: Tenant, mpm: str) -> None:
    """CGI under suexec."""
    answers_to_the_letter(on(tenant.host, PLAIN, mpm=mpm), tenant)


# A web application firewall.


@pytest.mark.tier("modsecurity")
def test_owasp_rules_let_the_site_pass_and_mail_as_a_file_part(tenant: Tenant) -> None:
    host = on(tenant.host, PLAIN, security_rules=True)
    named = {"Host": "alias.example", "User-Agent": "Mozilla/5.0", "Accept": "text/html,*/*"}
    assert host.fetch("GET", "/", named).status == 200
    assert host.fetch("HEAD", "/", named).status == 200
    assert host.fetch("GET", "/static/postern.svg", named).status == 200
    assert host.fetch("GET", "/health", named).header("content-type") == "application/json"
    assert host.fetch("GET", "/nothing", named).status == 404
    mime = message(body=b"an ordinary letter\r\n" * 200)
    signed = {**named, **post.headers(tenant.secret, "bob@shop.example", ALIAS, mime, "cloudflare")}
    assert host.fetch("POST", "/hooks/inbound", signed, mime).status == 403
    kind = {"content-type": "multipart/form-data; boundary=a-boundary"}
    part = b'Content-Disposition: form-data; name="message"; filename="message.eml"\r\nContent-Type: message/rfc822\r\n'
    form = b"--a-boundary\r\n" + part + b"\r\n" + mime + b"\r\n--a-boundary--\r\n"
    answer = host.fetch("POST", "/hooks/inbound", {**signed, **kind}, form)
    assert (answer.status, answer.body) == (202, b"stored\n")


@pytest.mark.tier("modsecurity")
def test_owasp_rules_let_the_apis_pass_with_a_post_for_what_they_refuse(tenant: Tenant) -> None:
    """Who has no key is told so by us, as JSON: that a request came so far is all that is asked here."""
    host = on(tenant.host, PLAIN, security_rules=True)
    named = {"Host": "alias.example", "User-Agent": "Bitwarden_Mobile/2026.10", "Accept": "application/json"}
    keyed = {**named, "Authorization": "Bearer " + "x" * 60, "Content-Type": "application/json"}
    alias = "/api/v1/aliases/00000000-0000-4000-8000-000000000000"

    def status(
        method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, bool]:
        answer = host.fetch(method, path, headers, body)
        return answer.status, answer.header("x-request-id") != ""

    ours, theirs = (401, True), (403, False)
    assert status("GET", "/api/v1/aliases?filter[search]=&filter[active]=true", keyed) == ours
    assert status("POST", "/api/v1/aliases", keyed, b'{"domain": "alias.example"}') == ours
    for method in ("PUT", "PATCH", "DELETE"):
        assert status(method, alias, keyed, b"{}") == theirs, method
        meant = (405, True) if method == "PUT" else ours
        by_header = {**keyed, "X-HTTP-Method-Override": method}
        assert status("POST", alias, by_header, b"{}") == meant, method
        assert status("POST", f"{alias}?_method={method}", keyed, b"{}") == meant, method
    for path in (
        "/api/alias/random/new?hostname=https://shop.test",
        "//api/alias/random/new?hostname=shop.test",
    ):
        assert status("POST", path, keyed, b'{"note": "Website: https://shop.test."}') == ours, path
    asks = {**named, "Origin": "https://vault.example", "Access-Control-Request-Method": "PATCH"}
    assert status("OPTIONS", alias, asks) == (204, True)


@pytest.mark.tier("modsecurity")
def test_with_the_exemption_of_the_page_mail_passes_as_it_is_however_large(tenant: Tenant) -> None:
    exemption = block("web-server.md", "apache", "<Location")
    host = on(tenant.host, PLAIN, security_rules=True, vhost_extra=exemption)
    assert tenant.post(host.url, large_message()).receipt == "stored"
    assert host.fetch("GET", "/?x=/etc/passwd", {"Host": "alias.example"}).status == 403
