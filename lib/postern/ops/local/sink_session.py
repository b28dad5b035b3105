"""One connection to the sink: the server's side of RFC 5321, as far as a relay's client goes.

Extensions: STARTTLS, AUTH PLAIN and LOGIN, SIZE, 8BITMIME, SMTPUTF8, PIPELINING, ENHANCEDSTATUSCODES.

A subclass may change what is said: every answer goes through answer(point, …). The points, in order: connect, ehlo,
starttls, auth, mail, rcpt, data, body (after the final dot), rset, noop, quit, other.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace

from postern.ops.local.sink_wire import Hangup, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, BinaryIO

    from postern.ops.local.sink import Sink

_PATH = re.compile(r"(?:FROM|TO):\s?<([^>]*)>((?: +\S+)*)", re.IGNORECASE)
_SIZE = re.compile(r"SIZE=([0-9]{1,20})", re.IGNORECASE)


@dataclass(frozen=True)
class Received:
    """One message that was taken. `content` is empty unless it is kept in memory."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    options: tuple[str, ...]
    helo: str
    user: str
    tls: str
    size: int
    content: bytes = field(default=b"", repr=False)

    def with_content(self, content: bytes) -> Received:
        """The same, with the bytes."""
        return replace(self, content=content)

    def envelope(self) -> dict[str, Any]:
        """All but the content, for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "content"}


class Session:
    """The talk, one command after the other."""

    def __init__(self, sink: Sink, sock: socket.socket) -> None:
        self.sink = sink
        self.wire = Wire(sock)
        self._user = ""
        self._helo = ""
        self._size = 0
        self._content: BinaryIO | None = None
        self._mail_from: str | None = None
        self._rcpt_to: list[str] = []
        self._options: tuple[str, ...] = ()

    def run(self) -> None:
        """Until either side has had enough."""
        try:
            if self.sink.tls == "implicit":
                self._start_tls()
            self._say("connect", "220 localhost Postern sink")
            while True:
                self._command(self.wire.line())
        except (Hangup, OSError):
            pass
        finally:
            self.wire.close()
            self._clear()
            self.sink.forget(self)

    def answer(self, point: str, usual: str, detail: str = "") -> str:  # noqa: ARG002 - for subclasses
        """What to say at this point; "" for nothing. It may raise Hangup."""
        return usual

    def keep(self) -> None:
        """Take the message that has just come in."""
        if self._mail_from is not None:
            to, options = tuple(self._rcpt_to), self._options
            about = (self._helo, self._user, self.wire.tls, self._size)
            self.sink.take(Received(self._mail_from, to, options, *about), self._content)
            self._clear()

    # Commands

    def _command(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        action = getattr(self, f"_do_{verb.lower()}", None) if verb.isalpha() else None
        if action is None:
            self.wire.put(self.answer("other", "502 5.5.2 command not known", verb))
        else:
            action(rest.strip())

    def _do_ehlo(self, rest: str) -> None:
        self._helo = rest
        self._clear()
        offers = ["PIPELINING", f"SIZE {self.sink.size_limit}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self.sink.tls == "starttls" and not self.wire.tls:
            offers.append("STARTTLS")
        if self.sink.users and self._may_sign_in():
            offers.append("AUTH PLAIN LOGIN")
        lines = ["localhost", *offers]
        reply = "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])
        self.wire.put(self.answer("ehlo", reply, rest))

    def _do_starttls(self, _rest: str) -> None:
        if self.sink.tls != "starttls" or self.wire.tls:
            self.wire.put("503 5.5.1 not now")
            return
        reply = self.answer("starttls", "220 2.0.0 go ahead")
        self.wire.put(reply)
        self.wire.flush()
        if reply.startswith("2"):
            self._start_tls()
            self._helo = self._user = ""
            self._clear()

    def _do_auth(self, rest: str) -> None:
        name, _, first = rest.partition(" ")
        mechanism = name.upper()
        if not self._may_sign_in():
            usual = "538 5.7.11 STARTTLS first"
        elif not self.sink.users or mechanism not in ("PLAIN", "LOGIN"):
            usual = "504 5.5.4 mechanism not known"
        else:
            usual = self._check(mechanism, first)
        if not self._say("auth", usual, mechanism):
            self._user = ""

    def _do_mail(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        address, options = (path[1], tuple(path[2].split())) if path else (rest, ())
        sizes = [int(found[1]) for found in map(_SIZE.fullmatch, options) if found]
        usual = "250 2.1.0 sender ok"
        if not path:
            usual = "501 5.5.4 MAIL FROM:<address>"
        elif self.sink.users and not self._user:
            usual = "530 5.7.0 sign in first"
        elif self._mail_from is not None:
            usual = "503 5.5.1 there is a sender already"
        elif any(size > self.sink.size_limit for size in sizes):
            usual = "552 5.3.4 too big"
        if self._say("mail", usual, address):
            self._mail_from, self._options = address, options

    def _do_rcpt(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        address = path[1] if path else rest
        usual = "250 2.1.5 recipient ok"
        if not path:
            usual = "501 5.5.4 RCPT TO:<address>"
        elif self._mail_from is None:
            usual = "503 5.5.1 MAIL first"
        if self._say("rcpt", usual, address):
            self._rcpt_to.append(address)

    def _do_data(self, _rest: str) -> None:
        if not self._say("data", "354 go on" if self._rcpt_to else "554 5.5.1 no valid recipient"):
            return
        self._content, self._size = self.sink.open_content(), 0
        for piece in self.wire.content():
            self._size += len(piece)
            if self._content and self._size <= self.sink.size_limit:
                self._content.write(piece)
        fits = self._size <= self.sink.size_limit
        reply = self.answer("body", "250 2.0.0 taken" if fits else "552 5.3.4 too big")
        if reply.startswith("2"):
            self.keep()
        self._clear()
        self.wire.put(reply)

    def _do_rset(self, _rest: str) -> None:
        self._clear()
        self._say("rset", "250 2.0.0 forgotten")

    def _do_noop(self, _rest: str) -> None:
        self._say("noop", "250 2.0.0 still here")

    def _do_quit(self, _rest: str) -> None:
        self._say("quit", "221 2.0.0 goodbye")
        self.wire.flush()
        raise Hangup

    # What they are made of

    def _say(self, point: str, usual: str, detail: str = "") -> bool:
        """Say it, and whether it was a yes."""
        reply = self.answer(point, usual, detail)
        self.wire.put(reply)
        return reply[:1] in ("2", "3")

    def _start_tls(self) -> None:
        assert self.sink.context
        self.wire.start_tls(self.sink.context)

    def _may_sign_in(self) -> bool:
        return bool(self.wire.tls) or self.sink.tls == "none"

    def _check(self, mechanism: str, first: str) -> str:
        """Ask for user and password (RFC 4616; LOGIN has none), and what to answer to them."""
        import hmac

        try:
            if mechanism == "PLAIN":
                _, user, password = (_decoded(first) if first else self._ask("")).split(b"\0")
            else:
                user = _decoded(first) if first else self._ask("VXNlcm5hbWU6")
                password = self._ask("UGFzc3dvcmQ6")
        except ValueError:
            return "501 5.5.2 that cannot be read"
        wanted = self.sink.users.get(user.decode("utf-8", "replace"))
        if wanted is None or not hmac.compare_digest(wanted.encode(), password):
            return "535 5.7.8 wrong user or password"
        self._user = user.decode("utf-8", "replace")
        return "235 2.7.0 welcome"

    def _ask(self, what: str) -> bytes:
        self.wire.put(f"334 {what}")
        return _decoded(self.wire.line())

    def _clear(self) -> None:
        """Forget the message under way."""
        content, self._content = self._content, None
        if content:
            self.sink.discard(content)
        self._mail_from = None
        self._rcpt_to = []
        self._options = ()


def _decoded(text: str) -> bytes:
    import base64

    return base64.b64decode(text, validate=True)
