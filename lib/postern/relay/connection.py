"""One TCP or TLS connection to the relay, with its clocks; smtplib takes it for a socket.

Two clocks. A step (one command with its answer, one piece of a message) has `step` seconds, however many packets it comes
in: a server that drips one byte a second does not get a new limit with each byte. And all steps end at `until`
(clock.elapsed() time), so that no server can hold a drain with ever new steps. Only the look-up of the relay's name is
bounded by the system's resolver, not by us.

Every way a connection can fail is one exception, Lost, which is no OSError: so trouble of the relay is never
mistaken for trouble of the file or the database that a message is read from.

Not here: what is said over it (relay.smtp), and what failure means (relay.outcome).
"""

from __future__ import annotations

import contextlib
import socket

from postern.base import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

MAX_LINE = 4096  # bytes; RFC 5321 section 4.5.3.1.5 allows an answer 512 a line
MAX_LINES = 100  # in one answer; the longest EHLO answers have some twenty
LAST_WORDS_SECONDS = 2.0
"""How long an answer that came out of turn may take to be complete."""


class Lost(Exception):
    """The connection is of no more use. The message says why, in words an operator can read."""

    heard: tuple[int, bytes] | None = None
    """A refusal that came before."""


class Connection:
    """Bytes out, lines in, within the time given."""

    def __init__(self, sock: socket.socket, step: float, until: float, *, local: bool) -> None:
        self._sock = sock
        self._step = step
        self._received = bytearray()
        self.until = until
        self.encrypted = False
        self.local = local
        self._begin(step)

    def be_patient(self) -> None:
        """Let the step under way last as long as the whole may."""
        self._step_end = self.until

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Turn to TLS. ssl.SSLError when the handshake fails. What came in clear is forgotten (RFC 3207 section 4.2)."""
        import ssl

        self._received.clear()
        self._sock.settimeout(self._left())
        try:
            self._sock = context.wrap_socket(self._sock, server_hostname=host)
        except OSError as error:
            if isinstance(error, ssl.SSLError) and "EOF" not in str(error):
                raise
            raise Lost(_why(error)) from None
        self.encrypted = True

    def sendall(self, data: bytes) -> None:
        """Begin a step: send all of it."""
        if self._received:
            # An answer that nobody asked for would be taken for the answer to this.
            raise Lost("the relay spoke out of turn")
        self._begin(self._step)
        self._sock.settimeout(self._left())
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise Lost(_why(error)) from None

    def makefile(self, _mode: str) -> Connection:
        """What smtplib reads answers from."""
        return self

    def readline(self, _limit: int = MAX_LINE) -> bytes:
        """The next line of the answer, with its line end."""
        while True:
            end = self._received.find(b"\n") + 1
            if (end or len(self._received)) > MAX_LINE:
                raise Lost("the relay sent an over-long line")
            if end:
                break
            self._receive()
        self._lines += 1
        if self._lines > MAX_LINES:
            raise Lost("the relay's answer has no end")
        line = bytes(self._received[:end])
        del self._received[:end]
        return line

    def has_news(self) -> bool:
        """Whether anything came, the end of the connection included, that was not read yet. Does not wait."""
        import ssl

        if self._received:
            return True
        self._sock.settimeout(0)
        try:
            self._received += self._sock.recv(MAX_LINE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            return True
        return True

    def waits_with_last_words(self) -> bool:
        """Whether the relay said something before it went. The answer is to be read within LAST_WORDS_SECONDS."""
        self._begin(LAST_WORDS_SECONDS)
        return self.has_news() and bool(self._received)

    def peer(self) -> str:
        """The address at the other end."""
        return str(self._sock.getpeername()[0])

    def tls_facts(self) -> tuple[str, str, bytes]:
        """Protocol, cipher, and the other side's certificate (DER). Only once TLS is spoken."""
        sock: Any = self._sock
        return str(sock.version()), str(sock.cipher()[0]), sock.getpeercert(binary_form=True) or b""

    def close(self) -> None:
        """Close without a word. Never raises."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def _begin(self, seconds: float) -> None:
        self._step_end = clock.elapsed() + seconds
        self._lines = 0

    def _left(self) -> float:
        left = min(self._step_end, self.until) - clock.elapsed()
        if left <= 0:
            raise Lost("the relay took too long")
        return left

    def _receive(self) -> None:
        self._sock.settimeout(self._left())
        try:
            data = self._sock.recv(16384)
        except OSError as error:
            raise Lost(_why(error)) from None
        if not data:
            raise Lost("the relay closed the connection")
        self._received += data


def dial(host: str, port: int, step: float, until: float) -> Connection:
    """Connect. OSError when no address of the host answers, after `step` seconds each."""
    failed: OSError = socket.timeout()
    for family, kind, proto, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        left = min(step, until - clock.elapsed())
        if left <= 0:
            break
        try:
            sock = _connected(socket.socket(family, kind, proto), address, left)
            return Connection(sock, step, until, local=is_loopback(str(address[0])))
        except OSError as error:
            failed = error
    raise failed


def is_loopback(address: str) -> bool:
    """Whether it stays on this machine."""
    return address.startswith(("127.", "::ffff:127.")) or address == "::1"


def _connected(sock: socket.socket, address: Any, seconds: float) -> socket.socket:
    try:
        sock.settimeout(seconds)
        sock.connect(address)
        # Each write is a whole command or piece; holding it back for more costs 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


def _why(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "the relay took too long"
    if isinstance(error, ConnectionError) or "EOF" in str(error):
        return "the relay broke the connection"
    return f"the connection failed ({error.strerror or type(error).__name__})"
