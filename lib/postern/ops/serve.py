"""The site on the standard library's own server, for the demo, for tests and for a look on one's own machine.

A thread a request, loop-back only by default. In production Apache serves static/ and starts the doors; here this file
does both.
"""

from __future__ import annotations

import os
import socketserver
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from postern.base import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(WSGIRequestHandler):
    """Tells the app the raw path, as Apache does, and reads what the app left of a body: a close would cut the answer off."""

    protocol_version = "HTTP/1.0"
    timeout = 60

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "REQUEST_URI": self.path}

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or len(self.raw_requestline) > 65536 or not self.parse_request():
            return
        body = _Body(self.rfile, self.headers.get("Content-Length", ""))
        handler = ServerHandler(body, self.wfile, self.get_stderr(), self.get_environ(), multithread=True)  # type: ignore[arg-type]
        handler.request_handler = self  # type: ignore[attr-defined]
        handler.run(self.server.get_app())  # type: ignore[attr-defined]
        body.drain()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The app has its own log."""


class _Body:
    """wsgi.input that ends where Content-Length says (PEP 3333 lets the server leave that to the app)."""

    def __init__(self, stream: Any, length: str) -> None:
        self._stream = stream
        self._left = int(length) if length.isdigit() else 0

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(min(self._left, size) if size >= 0 else self._left)
        self._left -= len(data)
        return data

    def drain(self) -> None:
        while self.read(65536):
            pass


def make_server(app: Callable[..., Iterable[bytes]], host: str, port: int) -> WSGIServer:
    """A server that listens; port 0 takes a free one (`server.server_port`)."""
    server = _Server((host, port), _Handler)
    server.set_app(
        lambda environ, start_response: _static(environ, start_response) or app(environ, start_response)
    )
    return server


def _static(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes] | None:
    """A file of static/, as Apache would serve it, or None."""
    path = str(environ.get("PATH_INFO", ""))
    name = path[len("/static/") :]
    kind = _TYPES.get(os.path.splitext(name)[1])
    file_path = os.path.join(home.program(), "static", name)
    if not path.startswith("/static/") or not kind or "/" in name or not os.path.isfile(file_path):
        return None
    with open(file_path, "rb") as file:
        data = file.read()
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(data)))])
    return [data]
