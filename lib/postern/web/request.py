"""The request, as handlers read it.

The path is taken from REQUEST_URI: PATH_INFO arrives decoded under CGI and encoded under Passenger, and cannot tell %2F from /.
Not here: forms (web/form.py) and the session's cookie (web/session.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import IO, Any

READ_BYTES = 65536
MAX_QUERY = 4096


class LengthRequired(BadInput):
    """The body's length is not announced: a chunked body cannot be told from a cut one under CGI."""

    http_status = 411


@dataclass(frozen=True)
class Request:
    """One request. `id` ties its log lines and its error page together."""

    id: str
    method: str
    path: str
    environ: Mapping[str, Any]

    def header(self, name: str) -> str:
        """A header by its usual name; empty when it is missing."""
        return str(self.environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    @property
    def is_api(self) -> bool:
        """Whether a program asks, by one of the APIs (web/api/)."""
        return self.path.startswith("/api/") or self.path == "/api"

    def part(self, number: int) -> str:
        """A part of the path, counted from 1: of /aliases/4f1c/enable the second is 4f1c."""
        parts = self.path.split("/")
        return parts[number] if number < len(parts) else ""

    def query(self, name: str) -> str:
        """A parameter of the query; empty when it is missing, doubled, or not UTF-8 without control characters."""
        text = str(self.environ.get("QUERY_STRING", ""))
        if not text or len(text) > MAX_QUERY:
            return ""
        from urllib.parse import parse_qs

        try:
            values = parse_qs(text, errors="strict", max_num_fields=50).get(name, [])
        except ValueError:  # UnicodeError is one, too
            return ""
        value = values[0] if len(values) == 1 else ""
        return value if value.isprintable() else ""

    def raw_query(self, name: str) -> str:
        """A parameter that clients do not encode, and that means little: whatever can be read of it."""
        from urllib.parse import unquote_plus

        for piece in str(self.environ.get("QUERY_STRING", ""))[:MAX_QUERY].split("&"):
            found, _, value = piece.partition("=")
            if found == name:
                return unquote_plus(value, errors="replace")
        return ""

    def asks(self, name: str) -> bool:
        """Whether the query names it, with or without a value."""
        return any(
            piece.partition("=")[0] == name for piece in str(self.environ.get("QUERY_STRING", "")).split("&")
        )

    def cookie(self, name: str) -> str:
        """A cookie's value. Empty when there is none, or two: then somebody planted one, and which is ours cannot be told."""
        pairs = [piece.strip().partition("=") for piece in self.header("Cookie").split(";")]
        values = [value for found, _, value in pairs if found == name]
        return values[0] if len(values) == 1 else ""

    @property
    def content_type(self) -> str:
        """As it was sent, with parameters."""
        return str(self.environ.get("CONTENT_TYPE", ""))

    @property
    def content_length(self) -> int:
        """Bytes of the body. LengthRequired when there is no such header, BadInput when it is no number."""
        text = str(self.environ.get("CONTENT_LENGTH", ""))
        if not text or self.environ.get("HTTP_TRANSFER_ENCODING"):
            raise LengthRequired("The request does not announce its length.", "Send a Content-Length.")
        if not (text.isascii() and text.isdigit()) or len(text) > 15:
            raise BadInput("Content-Length is not a number.", "Send the length of the body in bytes.")
        return int(text)

    def wants_html(self) -> bool:
        """Whether a person's browser asks."""
        return "text/html" in self.header("Accept")

    def body(self, length: int) -> Iterator[bytes]:
        """The next `length` bytes of the body in pieces; fewer when the client goes away."""
        stream: IO[bytes] = self.environ["wsgi.input"]
        while length > 0:
            piece = stream.read(min(READ_BYTES, length))
            if not piece:
                return
            length -= len(piece)
            yield piece


def read(environ: Mapping[str, Any]) -> Request:
    """The request of a WSGI environ. BadInput when its path cannot be a path of ours."""
    return Request(
        id=os.urandom(6).hex(),
        method=str(environ.get("REQUEST_METHOD", "GET")),
        path=_path(environ),
        environ=environ,
    )


def raw_path(environ: Mapping[str, Any]) -> str:
    """The path as it was sent."""
    raw = environ.get("REQUEST_URI")
    if raw is None:
        raw = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", "/"))
    path = str(raw).partition("?")[0]
    if path.startswith(("http://", "https://")):
        return "/" + path.split("/", 3)[3] if path.count("/") > 2 else "/"
    return path


def _path(environ: Mapping[str, Any]) -> str:
    path = raw_path(environ)
    if "%" in path:
        from urllib.parse import unquote_to_bytes

        try:
            path = unquote_to_bytes(path).decode("utf-8")
        except UnicodeDecodeError:
            raise BadInput("The path is not UTF-8.", "Follow a link of this site.") from None
    if path.lstrip("/").startswith("api/"):
        # Whoever types a server's address into a client may end it with a slash, and the client puts another one behind it.
        path = "/" + "/".join(part for part in path.split("/") if part)
    odd = any(part in (".", "..") for part in path.split("/")) or "//" in path or not path.startswith("/")
    if odd or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise BadInput("The path makes no sense.", "Follow a link of this site.")
    return path
