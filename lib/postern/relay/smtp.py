"""The talk with the relay: one connection, many messages.

    with Relay(settings) as relay:
        relay.open()                  RelayTrouble, with a remedy, when the relay cannot be used at all
        outcome = relay.send(...)     anything about one message is an Outcome, not an error

TLS is verified always (certificate and name, TLS 1.2 or newer). The login goes over TLS only, or to this machine itself.
Where the relay offers PIPELINING, MAIL, RCPT and DATA travel in one packet (RFC 2920): two round trips a message, not four.

Each answer may take `timeout` seconds, and everything about one message `time_limit`. Only the answer to the final dot
may take all that is left: who gives up waiting there makes doubles (RFC 5321 section 4.5.3.2.6).

Not here: signing in (relay.talk), what an answer means (relay.outcome), retries and budgets (flow.deliver), logs.
"""

from __future__ import annotations

import contextlib

from postern.base import clock
from postern.relay.connection import Lost
from postern.relay.data import transparent
from postern.relay.message import Message
from postern.relay.outcome import PASSING, SENT, Outcome
from postern.relay.talk import sign_in, tls_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from postern.relay.settings import RelaySettings
    from postern.relay.talk import Talk

QUIT_SECONDS = 5.0


class Relay:
    """One connection at a time to one relay. Not for two threads at once."""

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None
        self._talk: Talk | None = None
        self._used = False  # a message was tried over this connection
        self._unfinished = False  # the relay may hold an envelope that came to nothing

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Be connected and signed in; a connection that died meanwhile is made anew. RelayTrouble when that fails."""
        self._be_open(clock.elapsed() + self._settings.time_limit)

    def send(
        self, mail_from: str, rcpt_to: str, chunks: Iterable[bytes], size: int, eight_bit: bool
    ) -> Outcome:
        """Hand over one message to one recipient. An empty `mail_from` is the null sender.

        RelayTrouble only when there is no connection and none can be made: then nothing was said about the message.
        An error raised by `chunks` goes up, after the connection is cut without the final dot: a torso is never taken.
        """
        message = Message(mail_from, rcpt_to, chunks, size, eight_bit)
        fault = message.fault()
        if fault:
            return fault
        until = clock.elapsed() + self._settings.time_limit
        talk = self._be_open(until)
        used, self._used = self._used, True
        outcome = self._try(talk, message)
        if used and self._talk is None and outcome.stage == "mail" and outcome.code in (0, 421):
            # Some relays take only so many messages a connection, or let it idle only so long. Nothing was sent yet.
            outcome = self._try(self._be_open(until), message)
        return outcome

    def close(self) -> None:
        """Say goodbye and disconnect. Never raises."""
        if self._talk:
            self._talk.connection.until = clock.elapsed() + min(QUIT_SECONDS, self._settings.timeout)
            with contextlib.suppress(Lost):
                self._talk.ask("QUIT")
                self._talk.answer()
        self._cut()

    def _be_open(self, until: float) -> Talk:
        if self._talk and not self._talk.connection.has_news():
            self._talk.connection.until = until
            return self._talk
        self._cut()
        self._used = self._unfinished = False
        self._context = self._context or tls_context(self._settings)
        self._talk = sign_in(self._settings, self._context, until)
        return self._talk

    def _cut(self) -> None:
        if self._talk:
            self._talk.connection.close()
        self._talk = None

    def _try(self, talk: Talk, message: Message) -> Outcome:
        talk.stage = "mail"
        beyond = message.beyond(talk)
        if beyond:
            return beyond
        try:
            outcome = self._envelope(talk, message) or self._content(talk, message)
        except Lost as lost:
            outcome = (
                talk.judge(*lost.heard) if lost.heard else Outcome(PASSING, talk.stage, 0, "", str(lost))
            )
            self._cut()
        except BaseException:
            self._cut()
            raise
        if outcome.code == 421 or (outcome.code < 400 and outcome.kind != SENT):
            # The relay is closing, or the two sides no longer agree on where they are.
            self._cut()
        return outcome

    def _envelope(self, talk: Talk, message: Message) -> Outcome | None:
        """RSET where needed, MAIL, RCPT, DATA. None when the relay waits for the content."""
        steps = [("mail", "RSET", 2)] if self._unfinished else []
        steps.append(("mail", message.mail_command(talk), 2))
        steps.append(("rcpt", f"RCPT TO:<{message.rcpt_to}>", 2))
        steps.append(("data", "DATA", 3))
        self._unfinished = True
        piped = talk.offers("pipelining") is not None
        if piped:
            talk.ask(*(line for _, line, _ in steps))
        for number, (stage, line, wanted) in enumerate(steps, 1):
            talk.stage = stage
            if not piped:
                talk.ask(line)
            code, text = talk.answer()
            if code // 100 != wanted:
                if piped:
                    self._read_rest(talk, len(steps) - number)
                return talk.judge(code, text)
        return None

    def _read_rest(self, talk: Talk, answers: int) -> None:
        """Read the answers to what was sent ahead. A relay that wants the content of a refused message is left."""
        code = 0
        try:
            for _ in range(answers):
                code, _text = talk.answer()
        except Lost:
            self._cut()
        if code // 100 == 3:
            self._cut()

    def _content(self, talk: Talk, message: Message) -> Outcome:
        held = b""
        for piece in transparent(message.chunks):
            if held:
                _push(talk, held)
            held = piece
        # The last piece has the final dot: the window of doubt begins (relay.outcome).
        _push(talk, held, last=True)
        talk.connection.be_patient()
        code, text = talk.answer()
        self._unfinished = False
        return talk.judge(code, text)


def _push(talk: Talk, piece: bytes, *, last: bool = False) -> None:
    try:
        # An answer before the final dot can only be a no; heeding it saves sending the rest to nobody.
        if talk.connection.has_news():
            raise Lost("the relay spoke, or went, before the message was over")
        if last:
            talk.stage = "body"
        talk.connection.sendall(piece)
    except Lost as lost:
        lost.heard = _last_words(talk)
        raise


def _last_words(talk: Talk) -> tuple[int, bytes] | None:
    """The refusal that a relay sent in the middle of a message, before it went or we did. None: it said nothing."""
    try:
        if talk.connection.waits_with_last_words():
            code, text = talk.answer()
            return (code, text) if code >= 400 else None
    except Lost:
        pass
    return None
