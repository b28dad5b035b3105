"""One HTTP request to our own site, as a stranger makes it: no redirect is followed, the certificate is verified."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from postern.base.errors import PosternError

SECONDS = 20
MOST_BYTES = 1_000_000


class NoAnswer(PosternError):
    """The site cannot be reached from here. EX_UNAVAILABLE."""

    exit_code = 69


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def fetch(url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
    """Ask `url`. NoAnswer with the reason in plain words."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, parts.port, timeout=SECONDS)
    try:
        connection.request(
            method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers or {}
        )
        reply = connection.getresponse()
        return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read(MOST_BYTES))
    except ssl.SSLCertVerificationError as error:
        raise NoAnswer(
            f"The certificate of {host} is not valid ({error.verify_message}).",
            "See docs/https.md; `postern doctor tls` looks closer.",
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(
            f"{parts.scheme}://{parts.netloc} does not answer here ({str(error) or type(error).__name__}).",
            "Is the name in the DNS, and does it lead to this account's document root?",
        ) from None
    finally:
        connection.close()
