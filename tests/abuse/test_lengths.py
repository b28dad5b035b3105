"""Lengths that lie, and paths that climb: no request reads past its own body, and no download leads to a file.

What Apache itself makes of such requests: tests/host/test_apache.py.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from postern.ops.serve import make_server
from support.estate import Estate, rows
from support.people import FORM, URL, Site

FORM_BODY = b"address=jane%40real.example"

LENGTHS = {
    "none": ("", 411),
    "empty": ("Content-Length: ", 411),
    "signed": (f"Content-Length: +{len(FORM_BODY)}", 400),
    "negative": ("Content-Length: -1", 400),
    "hexadecimal": ("Content-Length: 0x1b", 400),
    "a list": (f"Content-Length: {len(FORM_BODY)}, {len(FORM_BODY)}", 400),
    "of sixteen digits": ("Content-Length: " + "9" * 16, 400),
    "beyond any form": ("Content-Length: " + "9" * 12, 413),
    "too long for what comes": (f"Content-Length: {len(FORM_BODY) + 1}", 400),
    "chunks": ("Transfer-Encoding: chunked", 411),
    "chunks and a length": (f"Transfer-Encoding: chunked\r\nContent-Length: {len(FORM_BODY)}", 411),
    "chunks that are none": (f"Transfer-Encoding: identity, x\r\nContent-Length: {len(FORM_BODY)}", 411),
}


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/recovery", "/register"])
def test_a_length_that_is_none_is_refused(pages: Site, port: int, path: str, name: str):
    lines, status = LENGTHS[name]
    before = rows(pages)
    head = f"POST {path} HTTP/1.1\r\nOrigin: {URL}\r\nContent-Type: {FORM}\r\n{lines}".rstrip() + "\r\n\r\n"
    assert exchange(port, head.encode() + FORM_BODY).startswith(b"HTTP/1.0 %d " % status)
    assert rows(pages) == before


@pytest.fixture(scope="module")
def port(pages: Site) -> Iterator[int]:
    with make_server(pages.app, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def exchange(port: int, request: bytes) -> bytes:
    """All that the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "lines", [b"Content-Length: 9\r\n", b"Content-Length: 9\r\nContent-Length: 99\r\n", b""]
)
def test_what_stands_behind_a_body_is_no_request(estate: Estate, pages: Site, port: int, lines: bytes):
    """A proxy that counts otherwise would take the second answer for somebody else's."""
    browser = estate.browser()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items()).encode()
    inner = f"csrf={browser._csrf}".encode()
    hidden = (
        b"POST /aliases/random HTTP/1.1\r\nHost: alias.example\r\nOrigin: " + URL.encode() + b"\r\nCookie: " + cookie
        + b"\r\nContent-Type: " + FORM.encode() + b"\r\nContent-Length: " + str(len(inner)).encode() + b"\r\n\r\n" + inner
    )  # fmt: skip
    before = rows(pages)["aliases"]
    request = (
        b"POST /sign-in HTTP/1.1\r\nHost: alias.example\r\nOrigin: " + URL.encode()
        + b"\r\nContent-Type: " + FORM.encode() + b"\r\n" + lines + b"\r\naddress=x"
    )  # fmt: skip
    answer = exchange(port, request + hidden)
    assert answer.count(b"HTTP/1.0 ") + answer.count(b"HTTP/1.1 ") == 1
    assert rows(pages)["aliases"] == before
    assert exchange(port, hidden).startswith(b"HTTP/1.0 303"), "by itself it would have made one"
    assert rows(pages)["aliases"] != before


CLIMBING = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252fetc%252fpasswd",
    "....//....//etc/passwd",
    "..\\..\\.env",
    "..%5c..%5c.env",
    "%c0%ae%c0%ae/etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    ".env",
    "x%00.csv",
    "simplelogin/../../../../home/.env",
    "simplelogin%00",
    "simplelogin.csv",
    "SIMPLELOGIN",
    "C:%5cwindows%5cwin.ini",
)
DOWNLOADS = ("/mail/", "/settings/data/aliases/", "/settings/data/", "/static/")


@pytest.mark.parametrize("base", DOWNLOADS)
@pytest.mark.parametrize("path", CLIMBING)
def test_no_download_leads_to_a_file(estate: Estate, pages: Site, port: int, base: str, path: str):
    browser = estate.browser()
    for where in (base + path, base + quote(path, safe="")):
        answer = browser.get(where)
        assert answer.status in (400, 404), where
        assert "content-disposition" not in answer.headers
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = exchange(port, f"GET {base}{path} HTTP/1.0\r\nCookie: {cookie}\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.0 404")), answer[:200]
    assert b"root:" not in answer and b"POSTERN_" not in answer
