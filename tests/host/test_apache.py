"""The program behind a real Apache, as a shared host runs it: uploaded files, a tenant's home, PostgreSQL over TCP.

Both ways in which hosts run CGI: mod_cgi (prefork) and mod_cgid (event).
"""

from __future__ import annotations

import os
import pathlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postern.ops import post
from support.account import Tenant
from support.apache import Apache
from support.instance import ALIAS
from support.mail import body_of, message, parsed
from support.patience import until
from support.relay import ScriptedRelay, wait

pytestmark = pytest.mark.tier("apache")

LARGE = 25 * 1024 * 1024 - 4096


@pytest.fixture(params=["prefork", "event"])
def apache(request: pytest.FixtureRequest, tenant: Tenant) -> Iterator[Apache]:
    with Apache(tenant, request.param) as server:
        yield server
    until(lambda: tenant.processes() == [])


def large_message() -> bytes:
    """25 MB in lines that do not compress."""
    block = b"\r\n".join(os.urandom(36).hex().encode() for _ in range(1000)) + b"\r\n"
    return message(body=block * (LARGE // len(block)))


@pytest.mark.parametrize("size", ["4 KB", "25 MB"])
def test_a_signed_message_comes_in_and_goes_out(apache: Apache, relay: ScriptedRelay, size: str) -> None:
    """Nobody runs a drain here: the one that the receipt woke delivers, while its CGI is long gone."""
    tenant = apache.tenant
    mime = large_message() if size == "25 MB" else message(body=b"0123456789\r\n" * 341)
    assert tenant.post(apache.address, mime).receipt == "stored"
    until(lambda: tenant.states() == {"sent": 1})
    assert body_of(relay.messages[0].content) == body_of(mime)
    assert (apache.complaints(), tenant.log().count('"level":"error"')) == ("", 0)


def test_the_woken_drain_outlives_its_cgi_and_apache_itself(apache: Apache, relay: ScriptedRelay) -> None:
    """Apache kills the processes that hang on a CGI when it is over, and its own group when it stops."""
    tenant = apache.tenant
    reached, go_on = threading.Event(), threading.Event()
    relay.follow({"mail": [wait(go_on)]})
    relay.on("mail", reached.set)
    mime = message()
    headers = post.headers(tenant.secret, "bob@shop.example", ALIAS, mime, "cloudflare")
    # Read to its end, which does not come as long as anybody holds the CGI's output.
    assert apache.ask("POST", "/hooks/inbound", headers, mime)[::2] == (202, b"stored\n")
    assert reached.wait(60)
    until(lambda: len(tenant.processes()) == 1)
    assert "cron/deliver.py --woken" in tenant.processes()[0]
    assert tenant.post(apache.address, message()).receipt == "stored"
    apache.stop()
    assert len(tenant.processes()) == 1
    go_on.set()
    until(lambda: tenant.states() == {"sent": 2})
    assert relay.seen["connect"] == 1


def test_twenty_posts_at_once_lose_nothing(apache: Apache, relay: ScriptedRelay) -> None:
    tenant = apache.tenant
    mimes = {
        f"<{number}@shop.example>": message(Message_ID=f"<{number}@shop.example>") for number in range(20)
    }
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda mime: tenant.post(apache.address, mime), mimes.values()))
    assert {answer.status for answer in answers} <= {202, 503}
    accepted = [one for one, answer in zip(mimes, answers) if answer.status == 202]
    assert accepted
    until(lambda: tenant.states() == {"sent": len(accepted)} or not tenant.finish())
    assert sorted(parsed(got.content)["Message-ID"] for got in relay.messages) == sorted(accepted)


def test_pages(apache: Apache) -> None:
    status, headers, page = apache.ask("GET", "/", {"Accept": "text/html"})
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<h1>" in page
    status, head, nothing = apache.ask("HEAD", "/", {"Accept": "text/html"})
    assert (status, nothing) == (200, b"")
    of_the_moment = ("date", "x-request-id", "content-length", "transfer-encoding")
    assert {k: v for k, v in head.items() if k not in of_the_moment} == {
        k: v for k, v in headers.items() if k not in of_the_moment
    }
    assert apache.ask("GET", "/health?since=yesterday")[0] in (200, 503)
    assert apache.complaints() == ""


NOT_THERE = (
    ("GET", "/nothing/here", 404),
    ("HEAD", "/nothing/here", 404),
    ("GET", "/caf%C3%A9", 404),
    ("GET", "/cgi-bin/postern.cgi", 404),
    ("GET", "/lib/postern/doors.py", 404),
    ("GET", "/schema/0001_accounts.up.sql", 404),
    ("GET", "/static/", 404),
    ("GET", "/static/%2e%2e/lib/postern/doors.py", 400),
    ("GET", "/%ff", 400),
    ("GET", "//health", 400),
    ("GET", "/hooks/inbound", 405),
    ("PUT", "/", 405),
    ("POST", "/health", 405),
)


def test_what_is_not_there(apache: Apache) -> None:
    """Every answer is the program's own: no listing, no source, no page of Apache's."""
    for method, path, status in NOT_THERE:
        got, headers, body = apache.ask(method, path, {"Accept": "text/html"})
        assert got == status, (method, path)
        if status == 405:
            assert headers["allow"] == {"/hooks/inbound": "POST"}.get(path, "GET, HEAD")
        assert re.fullmatch(r"[0-9a-f]{12}|-", headers["x-request-id"])
        assert b"Apache" not in body
        assert (body == b"") == (method == "HEAD"), (method, path)
    assert apache.complaints() == ""


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("POSTERN_RELAY_PORT=many\n", "POSTERN_RELAY_PORT must be a whole number"),
        ("POSTERN_SEAL_KEYS=a:YWFh\n", "32 bytes"),
        (None, "can be read by others"),
    ],
)
def test_a_broken_env_is_told_to_the_operator_alone(apache: Apache, broken: str | None, reason: str) -> None:
    tenant = apache.tenant
    path = pathlib.Path(tenant.home, ".env")
    if broken is None:
        path.chmod(0o644)
    else:
        with path.open("a") as file:
            file.write(broken)
    for wanted in ("text/html", "*/*"):
        status, headers, page = apache.ask("GET", "/", {"Accept": wanted})
        assert (status, headers["retry-after"]) == (503, "60")
        assert b"Something is wrong on our side" in page
        assert not re.search(rb"POSTERN_|\.env|" + tenant.home.encode(), page)
    assert tenant.post(apache.address, message()).status == 503
    said = apache.complaints()
    assert said.count(reason) == 3
    assert headers["x-request-id"] in said
    assert "YWFh" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("way", ["breaks off", "ends early"])
def test_a_client_that_goes_away_in_the_middle_of_25_mb_leaves_nothing(apache: Apache, way: str) -> None:
    tenant = apache.tenant
    mime = large_message()
    headers = post.headers(tenant.secret, "bob@shop.example", ALIAS, mime, "cloudflare")
    with start_upload(apache, headers, mime) as client:
        client.sendall(mime[: len(mime) // 2])
        until(lambda: any("postern.cgi" in command for command in tenant.processes()))
        if way == "breaks off":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            client.shutdown(socket.SHUT_WR)
            assert b" 400 " in client.recv(100)
    until(lambda: tenant.processes() == [])
    assert tenant.left_over() == {}
    assert '"level":"error"' not in tenant.log()
    assert tenant.post(apache.address, mime).receipt == "stored"


@pytest.mark.parametrize("mpm", ["prefork", "event"])
def test_a_client_that_falls_silent_is_given_up(tenant: Tenant, mpm: str) -> None:
    """Apache's Timeout ends the request; the CGI must not stay behind."""
    mime = large_message()
    headers = post.headers(tenant.secret, "bob@shop.example", ALIAS, mime, "cloudflare")
    with Apache(tenant, mpm, timeout=2) as apache, start_upload(apache, headers, mime) as client:
        client.sendall(mime[: len(mime) // 2])
        until(lambda: tenant.processes() != [])
        until(lambda: tenant.processes() == [])
        assert tenant.left_over() == {}


def start_upload(apache: Apache, headers: dict[str, str], mime: bytes) -> socket.socket:
    """A connection whose request says that all of `mime` will follow."""
    client = socket.create_connection(("127.0.0.1", apache.port), 60)
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    head = f"POST /hooks/inbound HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(mime)}\r\n"
    client.sendall((head + "".join(lines) + "\r\n").encode())
    return client


def test_a_body_of_unknown_length_is_not_taken(apache: Apache) -> None:
    """Apache takes it apart for the CGI, which then cannot tell a whole one from one that was cut off."""
    tenant, mime = apache.tenant, message(body=b"0123456789\r\n" * 10_000)
    headers = post.headers(tenant.secret, "bob@shop.example", ALIAS, mime, "cloudflare")
    chunked = {**headers, "Transfer-Encoding": "chunked"}
    pieces = (mime[start : start + 1000] for start in range(0, len(mime), 1000))
    assert apache.ask("POST", "/hooks/inbound", chunked, pieces)[0] == 411
    assert tenant.left_over() == {}


@pytest.mark.parametrize("size", ["4 KB", "25 MB"])
def test_a_message_that_is_refused_unread_gets_its_answer(apache: Apache, size: str) -> None:
    """The CGI answers before the body has come; the sender must hear that answer, and no broken connection."""
    tenant = apache.tenant
    mime = large_message() if size == "25 MB" else message(body=b"0123456789\r\n" * 341)
    answer = tenant.post(apache.address, mime, rcpt_to="nobody@alias.example")
    assert (answer.status, answer.reject) == (422, "5.1.1 no such alias")
    assert post.post(apache.address, b"not our secret, but 32 bytes....", "", ALIAS, mime).status == 401
    tenant.write_env(POSTERN_MAX_MESSAGE_BYTES="4000")
    assert tenant.post(apache.address, mime).reject == "5.3.4 message larger than 4000 bytes"
    assert tenant.left_over() == {}
    assert tenant.query("SELECT kind FROM events") == [["oversize"]]
    # mod_cgi notes that a script does not read, and passes its answer on all the same.
    assert [line for line in apache.complaints().splitlines() if "AH02651" not in line] == []


def test_static_files_are_served_without_a_process_of_ours(apache: Apache) -> None:
    folder = apache.tenant.account.site / "static"
    for file in sorted(folder.iterdir()):
        status, headers, body = apache.ask("GET", f"/static/{file.name}")
        assert (status, body) == (200, file.read_bytes())
        assert "x-request-id" not in headers
        assert apache.ask("GET", f"/static/{file.name}", {"If-None-Match": headers["etag"]})[0] == 304
    assert apache.ask("GET", "/health")[0] in (200, 503)
    until(lambda: "GET /health" in apache.log("access_log"))
    handlers = dict(re.findall(r"^GET (\S+) \d+ (\S+)$", apache.log("access_log"), re.MULTILINE))
    assert handlers.pop("/health") == "cgi-script"
    assert len(handlers) >= 2
    assert "cgi-script" not in handlers.values()


TWO_MEANINGS = {
    "two lengths": b"Content-Length: 9\r\nContent-Length: 99",
    "a list of lengths": b"Content-Length: 9, 99",
    "a length with a sign": b"Content-Length: +9",
    "a negative length": b"Content-Length: -9",
    "a length in hexadecimal": b"Content-Length: 0x9",
    "a blank before the colon": b"Content-Length : 9",
    "a length and chunks": b"Content-Length: 9\r\nTransfer-Encoding: chunked",
    "chunks that are none": b"Transfer-Encoding: xchunked",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
}


@pytest.mark.parametrize("name", TWO_MEANINGS)
def test_a_request_with_two_meanings_is_refused_and_nothing_behind_it_answered(
    apache: Apache, name: str
) -> None:
    """What a proxy in front takes for one request and we for two would give somebody another's answer (RFC 9112 11.2)."""
    hidden = b"GET /health HTTP/1.1\r\nHost: alias.example\r\n\r\n"
    head = b"POST /sign-in HTTP/1.1\r\nHost: alias.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with socket.create_connection(("127.0.0.1", apache.port), 60) as connection:
        connection.sendall(head + TWO_MEANINGS[name] + b"\r\n\r\naddress=x" + hidden)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    statuses = re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.MULTILINE)
    assert len(statuses) == 1
    assert statuses[0] in (b"400", b"411", b"501"), answer
