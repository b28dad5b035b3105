"""One GET over HTTP or HTTPS, to one place, without following anything and without trusting anybody.

Whether the certificate is good is judged elsewhere (doctor/certificates.py); a page behind a bad one is still looked at.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from postern.ops.doctor import handshake
from postern.ops.doctor.check import plain
from postern.ops.doctor.handshake import Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.ops.doctor.handshake import Place

MOST_BYTES = 1_000_000
"""Of a body; a page of ours has a tenth of it."""
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Answer:
    """Header names are in lower case; of a field that comes twice the first counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def location(self) -> str:
        """Where a redirect leads; empty when this is none."""
        return self.headers.get("location", "") if self.status in REDIRECTS else ""


def resolve(base: str, address: str) -> str:
    """The absolute form of an address that somebody else wrote; empty when it is none."""
    from urllib.parse import urljoin, urlsplit

    try:
        whole = urljoin(base, address)
        return whole if urlsplit(whole).port != 0 else ""
    except ValueError:
        return ""


def get(place: Place, path: str, *, tls: bool) -> Answer:
    """Ask for a path, as a browser that wants a page. Unreachable."""
    from http.client import HTTPConnection, HTTPException

    line = handshake.greet(place, handshake.trusting_context()) if tls else handshake.dial(place)
    asking = HTTPConnection(place.host, place.port)
    asking.sock = line
    sent = {"Host": place.authority, "Accept": "text/html", "User-Agent": "postern-doctor"}
    with contextlib.closing(line), contextlib.closing(asking), handshake.limited(line):
        try:
            asking.request("GET", path, headers=sent)
            answer = asking.getresponse()
            body = answer.read(MOST_BYTES)
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(f"{path}: no HTTP answer, {handshake.why(error)}") from None
        headers: dict[str, str] = {}
        for name, value in answer.getheaders():
            headers.setdefault(name.lower(), plain(value))
        return Answer(answer.status, headers, body)
