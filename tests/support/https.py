"""Web servers for looking at: HTTPS with certificates that the test chooses, and plain HTTP beside it.

    root = Issuer.root("Test Root CA")
    middle = root.below("Test Intermediate CA")
    leaf = middle.issue("localhost", days=90, age=10)
    with Server(leaf, middle) as secure, Server() as plain:
        secure.replies["/"] = Reply(200, "<p>Hello</p>")

Paths with no reply are answered with `otherwise`.
"""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from support.patience import join


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.cert.public_bytes(Encoding.PEM)

    def write(self, path: Path) -> str:
        path.write_bytes(self.pem)
        return str(path)


@dataclass(frozen=True)
class Issuer(Made):
    """A CA. What it issues tells where its own certificate is to be had (`points_up`), as public CAs do."""

    @classmethod
    def root(cls, name: str, organization: str = "Test") -> Issuer:
        return cls(*_sign(name, None, organization=organization, ca=True, age=1000, days=5000))

    def below(self, name: str, *, days: float = 1000, age: float = 500, points_up: bool = True) -> Issuer:
        return Issuer(*_sign(name, self, ca=True, days=days, age=age, points_up=points_up))

    def issue(self, *names: str, days: float = 90, age: float = 10, points_up: bool = True) -> Made:
        return Made(*_sign(names[0], self, names=names, days=days, age=age, points_up=points_up))


def self_signed(*names: str) -> Made:
    return Made(*_sign(names[0], None, names=names, days=90, age=10))


def _sign(
    subject: str,
    issuer: Made | None,
    *,
    organization: str = "Test",
    names: tuple[str, ...] = (),
    ca: bool = False,
    days: float,
    age: float,
    points_up: bool = False,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, subject),
        ]
    )
    signer = issuer.key if issuer else key
    begins = datetime.now(timezone.utc) - timedelta(days=age)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer.cert.subject if issuer else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if names:
        alternative = x509.SubjectAlternativeName([_name(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    if points_up:
        where = x509.UniformResourceIdentifier("http://ca.example/issuer.der")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return builder.sign(signer, SHA256()), key


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/html; charset=utf-8"


def redirect(to: str, status: int = 301) -> Reply:
    return Reply(status, headers={"Location": to})


class Server:
    """One on 127.0.0.1; with certificates it speaks TLS and sends them in this order."""

    def __init__(self, *chain: Made, tune: Callable[[ssl.SSLContext], None] | None = None) -> None:
        self.replies: dict[str, Reply] = {}
        self.always: dict[str, str] = {}
        self.otherwise = Reply(404, "<p>There is no such page.</p>")
        self.asked: list[tuple[str, str]] = []
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self.port = int(self._server.server_address[1])
        if chain:
            context = _context(chain)
            if tune:
                tune(context)
            # The handshake belongs to the thread of the connection: a client that goes away must not stop the server.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        join(self._thread)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.headers.get("Host", ""), self.path))
                reply = server.replies.get(self.path, server.otherwise)
                body = reply.body.encode()
                self.send_response_only(reply.status)
                for name, value in {**server.always, **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        return Handler


class _Quiet(ThreadingHTTPServer):
    daemon_threads = False  # closing the server waits for them

    def handle_error(self, *args: object) -> None:
        """Clients that refuse the certificate end the handshake; that is what they are for."""

    def shutdown_request(self, request: object) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().shutdown_request(request)  # type: ignore[arg-type]


def _context(chain: tuple[Made, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(made.pem for made in chain) + chain[0].key.private_bytes(*form))
        file.flush()
        context.load_cert_chain(file.name)
    return context
