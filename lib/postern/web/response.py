"""Responses: the only ways to answer, so that headers are decided in one room."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SECURITY_HEADERS = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)

NEED_SUDO = 440
"""SimpleLogin's own status: the password is asked for again."""


@dataclass(frozen=True)
class Response:
    """Status, body and headers; the app adds the security headers and the length.

    `stream`: a body that is too large for memory, and its length; then `body` is empty.
    """

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = field(default=())
    stream: tuple[int, Iterator[bytes]] | None = None

    @property
    def status_line(self) -> str:
        """As WSGI wants it."""
        phrase = "Need Sudo" if self.status == NEED_SUDO else HTTPStatus(self.status).phrase
        return f"{self.status} {phrase}"

    def all_headers(self, request_id: str, hsts: str) -> list[tuple[str, str]]:
        """What is sent. Nothing of ours may be cached but static files, which the web server sends, and what says so itself."""
        if self.status in (204, 304):
            # RFC 9110 8.6: no Content-Length where there can be no content.
            content = []
        else:
            length = self.stream[0] if self.stream else len(self.body)
            content = [("Content-Type", self.content_type), ("Content-Length", str(length))]
        stay_secure = [("Strict-Transport-Security", hsts)] if hsts else []
        says_so = any(name == "Cache-Control" for name, _ in self.headers)
        return [
            *content,
            *([] if says_so else [("Cache-Control", "no-store")]),
            ("X-Request-Id", request_id),
            *SECURITY_HEADERS,
            *stay_secure,
            *self.headers,
        ]


def nothing(*headers: tuple[str, str]) -> Response:
    """Done, and there is nothing to say (204)."""
    return Response(204, b"", "", headers)


def text(status: int, body: str, *headers: tuple[str, str]) -> Response:
    """Plain text, one line."""
    return Response(status, (body + "\n").encode(), "text/plain; charset=utf-8", headers)


def html(status: int, body: str, *headers: tuple[str, str]) -> Response:
    """A page, from render.page."""
    return Response(status, body.encode(), "text/html; charset=utf-8", headers)


def json(status: int, value: object, *headers: tuple[str, str]) -> Response:
    """A JSON document."""
    from json import dumps

    return Response(status, dumps(value, indent=2).encode() + b"\n", "application/json", headers)


def download(name: str, content_type: str, body: bytes) -> Response:
    """A file that the browser keeps, never shows. `name` is a plain file name of ours."""
    return Response(200, body, content_type, (("Content-Disposition", f'attachment; filename="{name}"'),))


def stream(name: str, content_type: str, size: int, pieces: Iterator[bytes]) -> Response:
    """The same for one that is never whole in memory."""
    disposition = ("Content-Disposition", f'attachment; filename="{name}"')
    return Response(200, b"", content_type, (disposition,), (size, pieces))


def redirect(path: str, *headers: tuple[str, str]) -> Response:
    """On to another page of ours, with GET (303). Paths are constants of the program: nothing a stranger sent is one."""
    return Response(303, b"", "text/plain; charset=utf-8", (("Location", path), *headers))
