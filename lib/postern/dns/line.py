"""One connection to a resolver that ends at a fixed time, however slowly bytes come; http.client takes it for a socket.

Each address of the host gets an equal share of the time that is left, so that one which does not answer (often IPv6)
leaves time for the next. Only the look-up of the host's name is bounded by the system's resolver, not by us; who would
not depend on that names the resolver by its IP address.
"""

from __future__ import annotations

import contextlib
import io
import socket

from postern.base import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from typing import Any


class Line(io.RawIOBase):
    """Bytes out, bytes in, until the time is over."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        super().__init__()
        self._sock = sock
        self._until = until

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        self._sock.settimeout(_left(self._until))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client reads the answer from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """As the buffer wants to know."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; none at the end."""
        self._sock.settimeout(_left(self._until))
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        """Nothing: http.client closes its socket before it has read the answer. Who opened the line closes it."""


@contextlib.contextmanager
def opened(host: str, port: int, context: ssl.SSLContext | None, until: float) -> Iterator[Line]:
    """A line to the host, TLS with a context, until this time (clock.elapsed()). OSError; ValueError for a senseless host."""
    sock = _dial(host, port, until)
    try:
        if context:
            sock.settimeout(_left(until))
            sock = context.wrap_socket(sock, server_hostname=host)
        yield Line(sock, until)
    finally:
        sock.close()


def _dial(host: str, port: int, until: float) -> socket.socket:
    failed: OSError = socket.timeout()
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for tried, (family, kind, proto, _, address) in enumerate(found):
        try:
            sock = socket.socket(family, kind, proto)
        except OSError as error:
            failed = error
            continue
        try:
            sock.settimeout(_left(until) / (len(found) - tried))
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            failed = error
    raise failed


def _left(until: float) -> float:
    left = until - clock.elapsed()
    if left <= 0:
        raise socket.timeout
    return left
