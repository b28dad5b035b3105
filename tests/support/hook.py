"""Where alerts and heartbeats are posted to: an HTTP server on 127.0.0.1 that keeps what it gets.

with Hook() as hook:
    hook.url, hook.status = …, 500      what it answers
    hook.got                            of every request: method, path, headers, body
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from support.https import Server


@dataclass(frozen=True)
class Got:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Hook(Server):
    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.got: list[Got] = []
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Hook:
        super().__enter__()
        return self

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                hook.got.append(Got(self.command, self.path, headers, body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                if hook.status == 302:
                    self.send_header("Location", hook.url)
                self.end_headers()

            do_GET = take  # noqa: N815 - the standard library asks for these names
            do_POST = take  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Not on the terminal."""

        return Handler
