"""What a server shows in a TLS handshake: the protocol, its certificates as they are sent, and whether OpenSSL trusts them.

Two handshakes: one that takes any certificate, to see it, and one that verifies the chain. Names are compared by the caller
(doctor/certificates.py), so that a wrong name does not hide a broken chain, nor the other way round. Below TLS 1.2 nothing
is spoken. Not here: what the findings mean.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass

from postern.ops.doctor.check import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

SECONDS = 15
"""How long a server may take to let us in, for a handshake, or for a whole answer."""


class Unreachable(Exception):
    """Nothing usable answered. The message says what happened, in words an operator can read."""


class NoCommonProtocol(Unreachable):
    """A TLS server answered that speaks nothing newer than TLS 1.1."""


@dataclass(frozen=True)
class Place:
    """Where to connect, and whom to ask for there: the name for TLS, the authority (RFC 9110 7.2) for HTTP."""

    host: str
    port: int
    name: str
    authority: str


@dataclass(frozen=True)
class Served:
    """`chain` is DER, the site's own certificate first, and None where this Python shows no more than that one.

    `code` is OpenSSL's verify result, 0 when the chain is trusted; `said` are its words. `anchors` is whether there is any
    CA certificate to trust.
    """

    protocol: str
    leaf: bytes
    chain: tuple[bytes, ...] | None
    code: int
    said: str
    anchors: bool


def look(place: Place, ca_file: str = "") -> Served:
    """Shake hands twice. Unreachable when there is no certificate to be seen; OSError when `ca_file` cannot be read."""
    import ssl

    trusting = trusting_context()
    verifying = _context()
    if ca_file:
        verifying.load_verify_locations(cafile=ca_file)
    else:
        verifying.load_default_certs()
    with greet(place, trusting) as line:
        protocol = line.version() or ""
        leaf = line.getpeercert(binary_form=True) or b""
        chain = _chain(line)
    code, said = _verdict(place, verifying)
    paths = ssl.get_default_verify_paths()
    anchors = bool(ca_file or paths.cafile or paths.capath or verifying.cert_store_stats()["x509_ca"])
    return Served(protocol, leaf, chain, code, said, anchors)


def trusting_context() -> ssl.SSLContext:
    """For looking only: a certificate that does not verify is what the doctor is there to see."""
    import ssl

    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def dial(place: Place) -> socket.socket:
    """A TCP connection. Unreachable."""
    try:
        return socket.create_connection((place.host, place.port), SECONDS)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{place.host}, port {place.port}: {why(error)}") from None


def greet(place: Place, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A TLS connection. Unreachable, or ssl.SSLCertVerificationError from a context that verifies."""
    import ssl

    line = context.wrap_socket(dial(place), server_hostname=place.name, do_handshake_on_connect=False)
    try:
        with limited(line):
            line.do_handshake()
        return line
    except ssl.SSLCertVerificationError:
        line.close()
        raise
    except (OSError, ValueError) as error:
        line.close()
        kind = NoCommonProtocol if "PROTOCOL" in str(getattr(error, "reason", "")) else Unreachable
        raise kind(f"{place.host}, port {place.port}: no TLS handshake, {why(error)}") from None


@contextlib.contextmanager
def limited(sock: socket.socket) -> Iterator[None]:
    """Cut the line after SECONDS: a server that drips a byte at a time meets no time limit of the socket."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            # Not SSLSocket's own, which takes the TLS state away from under the thread that reads.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def why(error: Exception) -> str:
    """The words of a failed connection."""
    if isinstance(error, socket.timeout):
        return f"no answer within {SECONDS} seconds"
    reason = getattr(error, "reason", None)
    if isinstance(reason, str):
        return plain(reason.replace("_", " ").lower())
    return plain(str(getattr(error, "strerror", None) or type(error).__name__))


def _context() -> ssl.SSLContext:
    """Not ssl.create_default_context: its flags differ between Pythons, and a verdict must not."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    return context


def _verdict(place: Place, context: ssl.SSLContext) -> tuple[int, str]:
    import ssl

    try:
        with greet(place, context):
            return 0, "trusted"
    except ssl.SSLCertVerificationError as error:
        return error.verify_code, error.verify_message


def _chain(line: ssl.SSLSocket) -> tuple[bytes, ...] | None:
    """As sent. Public since Python 3.13; 3.10 to 3.12 have it behind the socket; 3.9 has not."""
    public = getattr(line, "get_unverified_chain", None)
    if public is not None:
        return tuple(public())
    hidden = getattr(getattr(line, "_sslobj", None), "get_unverified_chain", None)
    if hidden is None:
        return None
    import ssl

    return tuple(ssl.PEM_cert_to_DER_cert(cert.public_bytes()) for cert in hidden() or ())
