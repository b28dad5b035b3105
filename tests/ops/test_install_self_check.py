"""The installer's last step: each way in which a site can be wrong is seen and named. The site is a stand-in."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from postern.ops import keys
from postern.ops.install.answers import Answers
from postern.ops.install.env_file import EnvFile
from postern.ops.install.installation import Installation
from postern.ops.install.self_check import SELF_CHECK, SelfCheckFailed
from postern.ops.install.talk import Talk

Reply = tuple[int, dict[str, str], bytes]

HEADERS = {"Content-Security-Policy": "x", "Referrer-Policy": "x", "X-Content-Type-Options": "nosniff"}
PAGE = (200, HEADERS, b'<title>Postern</title><link href="/static/app.1a2b3c4d.css">')
SHEET = "/static/app.1a2b3c4d.css"


def health(status: str = "ok") -> Reply:
    checks = [{"name": "drain", "status": status, "detail": "never ran"}]
    return 200, {"X-Request-Id": "1"}, json.dumps({"checks": checks}).encode()


WELL: dict[str, Reply] = {
    "GET /": PAGE,
    "GET /health": health(),
    "POST /hooks/inbound": (401, {}, b""),
    f"GET {SHEET}": (200, {"Content-Type": "text/css"}, b""),
}

WRONG: tuple[tuple[dict[str, Reply], str], ...] = (
    ({"GET /": (403, {}, b"")}, "front page: status 403"),
    ({"GET /": (301, {"Location": "/elsewhere"}, b"")}, "is POSTERN_URL the address"),
    ({"GET /": (200, {}, b"It works!")}, "front page: status 200"),
    ({"GET /": (200, {}, PAGE[2])}, "without the headers content-security-policy"),
    ({"GET /": (200, HEADERS, b"Postern")}, "style sheet: the front page names none"),
    ({"GET /health": health("failed")}, "/health: drain never ran"),
    ({"GET /health": (500, {}, b"")}, "could not run the CGI"),
    ({"POST /hooks/inbound": (403, {}, b"")}, "a web firewall refuses mail"),
    ({"POST /hooks/inbound": (200, {}, b"")}, "unsigned mail got status 200"),
    ({f"GET {SHEET}": (404, {}, b"")}, "style sheet: status 404"),
    (
        {f"GET {SHEET}": (200, {"Content-Type": "text/css", "X-Request-Id": "1"}, b"")},
        "it comes through the program",
    ),
    ({"GET /.env": (200, {}, b"")}, ".env: can be read by anybody"),
    ({"GET /install.sh": (404, {}, b"so: #!/bin/sh -- the program")}, "install.sh: can be read by anybody"),
)


@contextlib.contextmanager
def site(folder: pathlib.Path, replies: dict[str, Reply]) -> Iterator[Installation]:
    """An installation whose address gives these answers, and 404 to all else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = replies.get(f"{self.command} {self.path}", (404, {}, b""))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    (folder / "install.sh").write_text("#!/bin/sh -- the program\n")
    home = folder / "home"
    home.mkdir(mode=0o700)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            env, talk = EnvFile(str(home)), Talk(io.StringIO(), interactive=False)
            settings = {
                "POSTERN_URL": f"http://127.0.0.1:{server.server_port}",
                "POSTERN_RELAY_HOST": "smtp.example",
            }
            env.add({**settings, "POSTERN_DB_NAME": "d", "POSTERN_DB_USER": "u", **keys.fresh()})
            answers = Answers({}, env, talk)
            yield Installation(str(folder), str(home), answers, env, talk, door="cgi")
        finally:
            server.shutdown()


def test_a_site_that_is_well(tmp_path: pathlib.Path) -> None:
    with site(tmp_path, WELL) as made:
        assert SELF_CHECK.do(made).endswith("all well")


@pytest.mark.parametrize(("replies", "words"), WRONG)
def test_what_is_wrong_is_said(tmp_path: pathlib.Path, replies: dict[str, Reply], words: str) -> None:
    with site(tmp_path, {**WELL, **replies}) as made, pytest.raises(SelfCheckFailed) as caught:
        SELF_CHECK.do(made)
    assert words in caught.value.reason
    assert "install.md has the usual causes" in caught.value.remedy
