"""The bytes of one connection to the sink: lines and content in, answers out, TLS between.

Only CR LF . CR LF ends a message (RFC 5321 section 4.1.1.4), and its bytes are passed on as they came, but for the dots that
were added for the wire. Answers wait for each other until we wait for the client, so that a pipelined group of
commands is answered in one packet.

Not here: what the lines mean (ops.sink_session).
"""

from __future__ import annotations

import contextlib
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

MAX_LINE = 12288  # bytes; RFC 4954 section 4 asks for so much, for AUTH
IDLE_SECONDS = 300
END = b"\r\n.\r\n"


class Hangup(Exception):
    """End the connection without another word."""


class Wire:
    """One side of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._in = b""
        self._out = b""
        self.tls = ""  # the version, once there is TLS
        sock.settimeout(IDLE_SECONDS)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """The handshake. What came in clear is forgotten (RFC 3207 section 4.2)."""
        self.flush()
        self._in = b""
        self._sock = wrapped = context.wrap_socket(self._sock, server_side=True)
        self.tls = wrapped.version() or ""

    def put(self, reply: str) -> None:
        """Say it with the next packet."""
        if reply:
            self._out += reply.encode("utf-8", "surrogateescape") + b"\r\n"

    def flush(self) -> None:
        """Send what is to be said."""
        out, self._out = self._out, b""
        if out:
            self._sock.sendall(out)

    def receive(self) -> bytes:
        """The next bytes that come."""
        self.flush()
        data = self._sock.recv(65536)
        if not data:
            raise Hangup
        return data

    def line(self) -> str:
        """The next line, without its end."""
        while b"\n" not in self._in:
            if len(self._in) > MAX_LINE:
                raise Hangup
            self._in += self.receive()
        line, _, self._in = self._in.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def content(self) -> Iterator[bytes]:
        """The content of a message without the added dots, up to the end mark."""
        # The CR LF that ended the DATA command is the one before an end mark that comes at once.
        window, lead = b"\r\n" + self._in, 2
        while True:
            end = window.find(END)
            # A line end that may be the beginning of the end mark waits for what follows.
            cut = end + 2 if end >= 0 else len(window) - _length_of_start(window)
            yield window[:cut].replace(b"\r\n.", b"\r\n")[lead:]
            lead = 0 if cut else lead
            if end >= 0:
                self._in = window[end + len(END) :]
                return
            window = window[cut:] + self.receive()

    def hang_up(self) -> None:
        """End it; from another thread, too."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Nothing more."""
        self._sock.close()


def _length_of_start(window: bytes) -> int:
    """How many bytes at the end of the window may be the beginning of the end mark."""
    return next((n for n in range(len(END) - 1, 0, -1) if window.endswith(END[:n])), 0)
