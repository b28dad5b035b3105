"""DNS over HTTPS (RFC 8484): one question in one POST, to the first resolver that can be used.

Hosts often let no DNS out but through their own resolver, and Python's standard library asks for addresses only.

That something is not there is an answer, and an empty list. A resolver that cannot be used (no connection, a
certificate that does not verify, an HTTP status other than 200, SERVFAIL, bytes that answer another question) is passed
over; Unreachable when none is left. Each resolver has `timeout_seconds`. Redirects are not followed.

A resolver must speak HTTP/1.1, as Cloudflare's and Google's do; RFC 8484 5.2 lets one take HTTP/2 alone.

Not here: the bytes of questions and answers (dns.message), the clock of a connection (dns.line).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.base import clock
from postern.base.config import is_local
from postern.base.errors import ConfigError, PosternError
from postern.base.settings import MOST_PORT
from postern.dns import message
from postern.dns.message import Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from http.client import HTTPResponse

    from postern.dns.message import Record

MEDIA_TYPE = "application/dns-message"
_URL = re.compile(
    r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?(/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)"
)


class Unreachable(PosternError):
    """No resolver gave an answer that can be used (EX_TEMPFAIL)."""

    exit_code = 75
    http_status = 503


@dataclass(frozen=True)
class Mx:
    """A mail exchanger. An empty host says that the domain takes no mail (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True)
class _Place:
    """A resolver: where to connect, and what to ask there. `authority` is host and port as the URL has them."""

    tls: bool
    host: str
    port: int
    authority: str
    path: str


class Resolver:
    """Asks the resolvers of `url` (URLs with blanks between), one after the other. ConfigError when a URL is not usable."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._places = [_place(one) for one in url.split()]
        self._seconds = timeout_seconds
        self._context: ssl.SSLContext | None = None
        if not self._places:
            raise _wrong_url("is empty")

    def txt(self, name: str) -> list[str]:
        """What the TXT records at a name say, the strings of each in one. Bytes that are not ASCII become U+FFFD."""
        return [record.text for record in self._ask(name, message.TXT)]

    def mx(self, name: str) -> list[Mx]:
        """The mail exchangers of a domain, the most preferred first."""
        found = [Mx(record.preference, record.text) for record in self._ask(name, message.MX)]
        return sorted(found, key=lambda mx: (mx.preference, mx.host))

    def cname(self, name: str) -> list[str]:
        """The name that this one is an alias of, if it is one."""
        return [record.text for record in self._ask(name, message.CNAME)]

    def _ask(self, name: str, kind: int) -> list[Record]:
        """BadInput when it is no domain name, before anybody is asked."""
        question = message.query(name, kind)
        troubles = []
        for place in self._places:
            try:
                return message.read(self._post(place, question), name, kind)
            except Unusable as trouble:
                troubles.append(f"{place.authority}: {trouble}")
        raise Unreachable(
            f"The DNS could not be asked ({'; '.join(troubles)}).",
            "Try again in a few minutes; the operator can name other resolvers in POSTERN_DOH_URL.",
        )

    def _post(self, place: _Place, question: bytes) -> bytes:
        """The resolver's answer. Unusable."""
        from http.client import HTTPConnection, HTTPException

        from postern.dns import line

        asking = HTTPConnection(place.host, place.port)
        headers = {"Host": place.authority, "Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
        until = clock.elapsed() + self._seconds
        try:
            with line.opened(place.host, place.port, self._tls(place), until) as opened:
                asking.sock = opened  # it needs sendall, makefile and close only
                asking.request("POST", place.path, question, headers)
                with asking.getresponse() as response:
                    return _body(response)
        except (OSError, ValueError, HTTPException) as error:
            raise Unusable(_why(error)) from None
        finally:
            asking.close()

    def _tls(self, place: _Place) -> ssl.SSLContext | None:
        """Certificate and name are verified, TLS 1.2 is the least."""
        if not place.tls:
            return None
        import ssl

        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _body(response: HTTPResponse) -> bytes:
    if response.status != 200:
        raise Unusable(f"HTTP status {response.status}")
    kind = response.headers.get_content_type()
    if kind != MEDIA_TYPE:
        raise Unusable("what it sends is no DNS message")
    # One byte more than any message has: message.read() refuses it.
    return response.read(message.MAX_BYTES + 1)


def _place(url: str) -> _Place:
    found = _URL.fullmatch(url)
    if found is None or not 0 < int(found[3] or 1) <= MOST_PORT:
        raise _wrong_url("holds something else than URLs")
    scheme, host, port, path = found.groups()
    if scheme == "http" and not is_local(host):
        raise _wrong_url("names a resolver without HTTPS")
    authority = f"{host}:{port}" if port else host
    return _Place(
        scheme == "https", host.strip("[]"), int(port or (443 if scheme == "https" else 80)), authority, path
    )


def _wrong_url(what: str) -> ConfigError:
    return ConfigError(
        f"POSTERN_DOH_URL {what}.", "Give URLs like https://dns.google/dns-query, with blanks between."
    )


def _why(error: Exception) -> str:
    import socket
    import ssl

    if isinstance(error, socket.timeout):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid, {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed, {error.reason or type(error).__name__}"
    if isinstance(error, OSError):
        return f"no connection, {error.strerror or type(error).__name__}"
    return f"no HTTP answer, {type(error).__name__}"
