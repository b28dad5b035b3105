"""The CGI door as a web server runs it: one process a request, an environment with nothing but CGI's variables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from postern.ops import post
from support.instance import ALIAS, ROOT, Instance
from support.mail import message
from support.patience import PATIENCE
from support.relay import ScriptedRelay

DOOR = ROOT / "cgi-bin" / "postern.cgi"


def request(
    instance: Instance, method: str, uri: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[str, bytes]:
    """Run the door; its header block and body."""
    environ = {
        "POSTERN_HOME": instance.home,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": method,
        "REQUEST_URI": uri,
        "SCRIPT_NAME": "/cgi-bin/postern.cgi",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "CONTENT_TYPE": "application/octet-stream",
        **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in (headers or {}).items()},
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", str(DOOR)],
        env=environ,
        input=body,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0 and done.stderr == b"", done.stderr.decode()
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    return head.decode(), content


def test_a_signed_message_comes_in_and_a_drain_of_its_own_takes_it_on(
    instance: Instance, relay: ScriptedRelay
):
    mime = message()
    headers = post.headers(instance.secret, "bob@shop.example", ALIAS, mime, "cloudflare")
    head, _ = request(instance, "POST", "/hooks/inbound", headers, mime)
    assert head.startswith("Status: 202 Accepted\r\n")
    assert "postern-receipt: stored" in head
    instance.finish()
    assert relay.count == 1


def test_twenty_processes_at_once_lose_nothing(instance: Instance, relay: ScriptedRelay):
    mimes = [message() for _ in range(40)]

    def one(mime: bytes) -> str:
        headers = post.headers(instance.secret, "bob@shop.example", ALIAS, mime, "cloudflare")
        return request(instance, "POST", "/hooks/inbound", headers, mime)[0]

    with ThreadPoolExecutor(20) as threads:
        heads = list(threads.map(one, mimes))
    accepted = sum("Status: 202" in head for head in heads)
    assert accepted + sum("Status: 503" in head for head in heads) == len(mimes)
    instance.finish()
    assert relay.count == accepted > 0


def test_passenger_gets_an_application_that_answers_many_requests(instance: Instance):
    """In a process of its own, as Passenger loads the file, through the standard library's validator."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from passenger_wsgi import application
from wsgiref.validate import validator
from wsgiref.util import setup_testing_defaults
for path in ("/", "/health", "/nowhere", "/"):
    environ = {"REQUEST_URI": path, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    answer = []
    body = validator(application)(environ, lambda status, headers, error=None: answer.append(status))
    b"".join(body)
    body.close()
    print(*answer)
application.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(ROOT)],
        env={"POSTERN_HOME": instance.home},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout.splitlines() == ["200 OK", "503 Service Unavailable", "404 Not Found", "200 OK"], (
        done.stderr
    )


def test_pages_and_head_requests(instance: Instance):
    head, page = request(instance, "GET", "/", {"Accept": "text/html"})
    assert head.startswith("Status: 200 OK") and b"<h1>" in page
    head, nothing = request(instance, "HEAD", "/")
    assert head.startswith("Status: 200 OK") and nothing == b""
    assert f"Content-Length: {len(page)}" in head


def test_a_request_that_needs_no_database_imports_no_driver(instance: Instance):
    """An unsigned post must cost a stranger more than us (SH-17)."""
    environ = {
        "POSTERN_HOME": instance.home,
        "REQUEST_METHOD": "POST",
        "REQUEST_URI": "/hooks/inbound",
        "CONTENT_LENGTH": "1",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    done = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", str(ROOT / "cgi-bin" / "postern.cgi")],
        env=environ,
        input=b"x",
        capture_output=True,
        timeout=PATIENCE,
    )
    assert b"Status: 401" in done.stdout
    imported = set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr.decode(), re.MULTILINE))
    assert "postern.doors" in imported
    assert imported.isdisjoint({"argparse", "cryptography", "email", "pg8000", "smtplib", "ssl"})
    assert not [name for name in imported if name.startswith("postern.web.inbound")]
    assert os.listdir(os.path.join(instance.home, "spool", "new")) == []
