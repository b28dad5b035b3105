"""A relay that does as it is told: the sink, with a script of what to answer, and where to break.

    with ScriptedRelay({"rcpt": "450 4.2.0 later", "rcpt:jane@example.com": "550 5.1.1 nobody"}) as relay: …

A point of the script is one of connect, ehlo, starttls, auth, mail, rcpt, data, middle, body, answered, rset, quit, or one of
them with its detail ("rcpt:jane@example.com", "auth:PLAIN"); the longer name wins. `middle`: the first bytes of a message
have come. `body`: its final dot has come. `answered`: the answer to that has been sent.
Its value is an action, or a list of actions, one for each time; None, or the end of the list, is the usual answer.

    "450 4.2.0 later"      say this instead (a message is kept only after a 2xx)
    DROP                   close the connection without a word
    say(text, drop=True)   say this, then close
    KEEP_AND_DROP          at body: keep the message, then close before the answer
    raw(b"...")            these very bytes instead of an answer
    drip(text)             this, one byte at a time, slowly
    wait(event)            do nothing until the event, then the usual

relay.follow(script) puts another script in its place.
relay.seen counts points, with and without detail; relay.lines has every command; relay.on(point, callback) calls back just
when the point is reached, before anything is answered: there a test can kill a process.
"""

from __future__ import annotations

import threading
from collections import Counter

from postern.ops.local import certificate
from postern.ops.local.sink import Sink
from postern.ops.local.sink_session import Session
from postern.ops.local.sink_wire import Hangup, Wire

DRIP_SECONDS = 0.02


def _drop(session, usual):
    """Close the connection without a word."""
    session.wire.flush()
    raise Hangup


def _keep_and_drop(session, usual):
    """The message is taken, and the sender never hears of it."""
    session.keep()
    _drop(session, usual)


DROP, KEEP_AND_DROP = _drop, _keep_and_drop


def say(text, *, drop=False):
    """This instead of the usual answer."""

    def action(session, usual):
        session.wire.put(text)
        session.wire.flush()
        if drop:
            raise Hangup
        return ""

    return action


def raw(data):
    """These very bytes instead of an answer."""

    def action(session, usual):
        session.wire.flush()
        session.wire.send_raw(data)
        return ""

    return action


def drip(text=None):
    """The answer (or this text), one byte at a time."""

    def action(session, usual):
        session.wire.flush()
        for byte in ((text or usual) + "\r\n").encode():
            session.wire.send_raw(bytes([byte]))
            if session.sink.over.wait(DRIP_SECONDS):
                raise Hangup
        return ""

    return action


def wait(event):
    """Nothing until the event (or the end of the test), then the usual."""

    def action(session, usual):
        session.wire.flush()
        while not event.wait(0.02):
            if session.sink.over.is_set():
                raise Hangup
        return usual

    return action


class ScriptedWire(Wire):
    """Says when the first bytes of a message come."""

    on_first_content = None

    def receive(self):
        data = super().receive()
        call, self.on_first_content = self.on_first_content, None
        if call:
            call()
        return data

    def send_raw(self, data):
        self._sock.sendall(data)


class ScriptedSession(Session):
    """Asks the script before each answer."""

    def __init__(self, sink, sock):
        super().__init__(sink, sock)
        self.wire = ScriptedWire(sock)

    def _command(self, line):
        self.sink.note_line(line)
        super()._command(line)

    def answer(self, point, usual, detail=""):
        if point == "ehlo":
            usual = self.sink.shorten(usual)
        reply = self.at(point, usual, detail)
        if point == "data" and reply.startswith("354"):
            self.wire.on_first_content = lambda: self.at("middle", "")
        if point != "body":
            return reply
        if reply.startswith("2"):
            self.keep()
        self.wire.put(reply)
        self.wire.flush()
        self.at("answered", "")
        return ""

    def at(self, point, usual, detail=""):
        action = self.sink.reached(point, detail)
        if action is None:
            return usual
        return action if isinstance(action, str) else action(self, usual)


class ScriptedRelay(Sink):
    """The sink with a script. `certificate_kind`: good, expired, or other-name; `without`: extensions left out of EHLO."""

    session_class = ScriptedSession

    def __init__(self, script=None, *, certificate_kind="good", without=(), **options):
        super().__init__(**options)
        self.follow(script or {})
        self.certificate_kind = certificate_kind
        self.without = {word.upper() for word in without}
        self.seen = Counter()
        self.lines = []
        self.over = threading.Event()
        self._hooks = []
        self._script_lock = threading.Lock()

    def follow(self, script):
        """From now on, this script."""
        self.script = {
            point: value if isinstance(value, list) else _Always(value) for point, value in script.items()
        }

    def stop(self):
        self.over.set()
        super().stop()

    def on(self, point, callback):
        """Call back, in the session's thread, each time the point is reached."""
        self._hooks.append((point, callback))

    def reached(self, point, detail):
        """Count it, call whoever waits for it, and the next action of the script for it."""
        names = (f"{point}:{detail}", point)
        with self._script_lock:
            for name in set(names):
                self.seen[name] += 1
            actions = next((self.script[name] for name in names if name in self.script), [])
            action = actions.pop(0) if actions else None
        for wanted, callback in self._hooks:
            if wanted in names:
                callback()
        return action

    def wait_until_idle(self):
        """Whether every connection ended, in good time."""
        for _ in range(400):
            with self._lock:
                if not self._sessions:
                    return True
            self.over.wait(0.05)
        return False

    def note_line(self, line):
        with self._script_lock:
            self.lines.append(line)

    def shorten(self, reply):
        """The answer to EHLO without what this relay is not to offer."""
        kept = [line[4:] for line in reply.split("\r\n") if line[4:].split(" ")[0] not in self.without]
        return "\r\n".join([f"250-{line}" for line in kept[:-1]] + [f"250 {kept[-1]}"])

    def make_certificate(self, folder):
        if self.certificate_kind == "good":
            return super().make_certificate(folder)
        return make_bad_certificate(folder, self.certificate_kind)


class _Always(list):
    """The same action every time."""

    def __init__(self, action):
        super().__init__([action])

    def pop(self, index=-1):
        return self[index]


def make_bad_certificate(place, kind):
    """A certificate, with the CA that vouches for it, wrong in just this one way."""
    if kind == "other-name":
        return certificate.make(place, names=("mail.example.net",))
    usual = certificate.DAYS
    try:
        # It begins an hour ago: this one has ended half an hour ago.
        certificate.DAYS = -0.5 / 24
        return certificate.make(place)
    finally:
        certificate.DAYS = usual
