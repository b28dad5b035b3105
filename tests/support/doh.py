"""A resolver for DNS over HTTPS whose zone the test writes, and that misbehaves when told to.

    with DohServer() as server:
        server.zone["example.com"] = ['TXT "v=spf1 -all"', "MX 10 mx.example.com."]
        Resolver(server.url, 20).txt("example.com")
        server.act = SERVFAIL

A name that is not in the zone does not exist; a CNAME in it is followed, as resolvers do. In clear on 127.0.0.1; with
certificates (support/https.py) it speaks TLS. server.asked has (name, type) of every question that made sense.

What server.act may be: HONEST, SERVFAIL, REFUSED, TRUNCATED, WRONG_ID, NO_ANSWER, OTHER_QUESTION, GARBAGE, EMPTY, HUGE,
status(500), redirect(to), body(bytes), as_type("text/html"), SILENT and DRIP (until the server ends).
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from support.https import Made, Server

PATH = "/dns-query"
MEDIA_TYPE = "application/dns-message"
DRIP_SECONDS = 0.02
TTL = 60

Act = Callable[["_Handler", dns.message.Message], None]


class DohServer(Server):
    """One on 127.0.0.1. The certificate is best for "127.0.0.1"."""

    def __init__(self, *chain: Made, tune: Callable[[ssl.SSLContext], None] | None = None) -> None:
        super().__init__(*chain, tune=tune)
        self.over = threading.Event()
        self.zone: dict[str, list[str]] = {}
        self.act: Act = HONEST
        self.url = f"{'https' if chain else 'http'}://127.0.0.1:{self.port}{PATH}"

    def __enter__(self) -> DohServer:
        super().__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.over.set()
        super().__exit__(*exc)

    def resolve(self, question: dns.message.Message) -> dns.message.Message:
        """What the zone says."""
        asked = question.question[0]
        answer = dns.message.make_response(question, recursion_available=True)
        name = asked.name
        while name is not None and len(answer.answer) < 20:
            records = self.zone.get(name.to_text(omit_final_dot=True).lower())
            if records is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
                return answer
            found = rrset(name, asked.rdtype, records) or rrset(name, dns.rdatatype.CNAME, records)
            if not found:
                return answer
            answer.answer.append(found)
            name = found[0].target if found.rdtype != asked.rdtype else None
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Handler", (_Handler,), {"doh": self})


def rrset(name: dns.name.Name, kind: dns.rdatatype.RdataType, records: list[str]) -> dns.rrset.RRset | None:
    """The records of this kind, of those in the zone's notation."""
    texts = [rest for word, _, rest in (record.partition(" ") for record in records) if word == kind.name]
    return dns.rrset.from_text_list(name, TTL, dns.rdataclass.IN, kind, texts) if texts else None


class _Handler(BaseHTTPRequestHandler):
    doh: DohServer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != PATH or self.headers["Content-Type"] != MEDIA_TYPE:
            return self.answer(b"", status=415)
        question = dns.message.from_wire(raw)
        (asked,) = question.question
        self.doh.asked.append((asked.name.to_text(omit_final_dot=True), asked.rdtype.name))
        return self.doh.act(self, question)

    def answer(
        self, body: bytes, *, status: int = 200, content_type: str = MEDIA_TYPE, location: str = ""
    ) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        with contextlib.suppress(OSError):  # the client may not want all of it
            self.wfile.write(body)

    def pieces(self) -> Iterator[None]:
        """One at a time, until the server ends."""
        while not self.doh.over.wait(DRIP_SECONDS):
            yield

    def log_message(self, *args: object) -> None:
        pass


def _altered(change: Callable[[dns.message.Message], object]) -> Act:
    def act(handler: _Handler, question: dns.message.Message) -> None:
        answer = handler.doh.resolve(question)
        change(answer)
        handler.answer(answer.to_wire(max_size=65535))

    return act


def body(data: bytes) -> Act:
    """These very bytes."""
    return lambda handler, question: handler.answer(data)


def status(code: int) -> Act:
    """The right message, and a status that is not 200."""
    return lambda handler, question: handler.answer(handler.doh.resolve(question).to_wire(), status=code)


def redirect(to: str) -> Act:
    return lambda handler, question: handler.answer(b"", status=307, location=to)


def as_type(content_type: str) -> Act:
    """The right message, called something else."""
    return lambda handler, question: handler.answer(
        handler.doh.resolve(question).to_wire(), content_type=content_type
    )


def _other_question(answer: dns.message.Message) -> None:
    answer.question[0].name = dns.name.from_text("other.example")


def _silent(handler: _Handler, question: dns.message.Message) -> None:
    for _ in handler.pieces():
        pass


def _drip(handler: _Handler, question: dns.message.Message) -> None:
    handler.send_response_only(200)
    handler.send_header("Content-Type", MEDIA_TYPE)
    handler.send_header("Content-Length", "60000")
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in handler.pieces():
            handler.wfile.write(b"\0")


HONEST = _altered(lambda answer: None)
SERVFAIL = _altered(lambda answer: answer.set_rcode(dns.rcode.SERVFAIL))
REFUSED = _altered(lambda answer: answer.set_rcode(dns.rcode.REFUSED))
TRUNCATED = _altered(lambda answer: setattr(answer, "flags", answer.flags | dns.flags.TC))
WRONG_ID = _altered(lambda answer: setattr(answer, "id", 7))
NO_ANSWER = _altered(lambda answer: setattr(answer, "flags", answer.flags & ~dns.flags.QR))
OTHER_QUESTION = _altered(_other_question)
GARBAGE = body(b"\x00\x00\x81\x80" + b"\xc0\x0c" * 40)
EMPTY = body(b"")
HUGE = body(b"\0" * 1_000_000)
SILENT: Act = _silent
DRIP: Act = _drip
