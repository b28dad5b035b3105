"""One request to a place off this host, with files streamed: what WebDAV and S3 have in common."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass

from postern.base.errors import PosternError
from postern.ops.backups.backup import NAME
from postern.ops.offsite.place import SECONDS, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPConnection, HTTPResponse
    from typing import IO

    from postern.ops.offsite.place import Place

PIECE = 65_536
MOST_LISTING = 16 * 1024 * 1024
"""Bytes of a listing that are read: some ten thousand names."""

_NAMES = re.compile(r"(?<=[/>])" + NAME.pattern + r"(?=<)")


@dataclass(frozen=True)
class Answer:
    """What came back; the body is there for listings only. `size`: Content-Length, -1 where there is none."""

    status: int
    body: bytes
    size: int


def ask(
    place: Place,
    method: str,
    target: str,
    headers: Mapping[str, str],
    *,
    body: bytes | IO[bytes] = b"",
    to: str = "",
) -> Answer:
    """Send it; `to`: a new file for the answer's body. Unreachable when there is no answer."""
    from http.client import HTTPException

    connection = _connect(place)
    try:
        with contextlib.closing(connection):
            connection.request(method, target, body=body, headers=dict(headers))
            with connection.getresponse() as response:
                if to and response.status == 200:
                    _save(response, to)
                content = response.read(MOST_LISTING) if not to else b""
                return Answer(response.status, content, int(response.headers.get("Content-Length", "-1")))
    except (OSError, ValueError, HTTPException) as error:
        raise Unreachable(
            f"{place.host} could not be asked ({type(error).__name__}: {error}).",
            "See that the host lets connections out, and that POSTERN_OFFSITE_URL is right.",
        ) from None


def _connect(place: Place) -> HTTPConnection:
    from http.client import HTTPConnection, HTTPSConnection

    if place.kind in ("http", "s3+http"):
        return HTTPConnection(place.host, place.port or 80, timeout=SECONDS)
    import ssl

    return HTTPSConnection(
        place.host, place.port or 443, timeout=SECONDS, context=ssl.create_default_context()
    )


def authority(place: Place) -> str:
    """Host and port as the Host header has them."""
    return f"{place.host}:{place.port}" if place.port else place.host


def _save(response: HTTPResponse, path: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while True:
            piece = response.read(PIECE)
            if not piece:
                break
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def names_in(listing: bytes) -> list[str]:
    """The backups that an XML listing names. It is searched, not parsed: a stranger's XML can do harm, a name cannot."""
    return sorted({match[0] for match in _NAMES.finditer(listing.decode("utf-8", "replace"))})


def refused(place: Place, what: str, answer: Answer) -> PosternError:
    """It answered, and not as it should."""
    hint = (
        "Look at POSTERN_OFFSITE_USER, _PASSWORD and, for S3, _REGION; and at this host's clock."
        if answer.status in (401, 403)
        else "See that the folder or bucket of POSTERN_OFFSITE_URL is there and has room."
    )
    return Unreachable(f"{place.host} refuses to {what} (HTTP {answer.status}).", hint)
