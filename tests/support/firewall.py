"""A web firewall in front of a site: pages come through, posts of mail get 403, as OWASP's rules have it."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.patience import PATIENCE, join


class Firewall:
    """As a context manager it yields its own address."""

    def __init__(self, site: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    with urllib.request.urlopen(f"{site}{self.path}", timeout=PATIENCE) as reply:
                        status, body = reply.status, reply.read()
                except urllib.error.HTTPError as error:
                    with error:
                        status, body = error.code, error.read()
                self._answer(status, body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self._answer(403, b"Not Acceptable!")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response_only(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        join(self._thread)
