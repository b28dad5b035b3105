"""From nothing to a connection that is verified and signed in: connect, TLS, EHLO, AUTH.

smtplib does the talking, over our own Connection in the place of its socket. Its login() and starttls() are not used: the
one sends ASCII only and raises errors that hold the password, the other wants a bare socket.

Not here: messages (relay.smtp), and the sentences of what can go wrong (relay.trouble).
"""

from __future__ import annotations

from postern.relay.connection import Connection, Lost, dial
from postern.relay.outcome import judge
from postern.relay.trouble import of_answer, of_case, of_connecting, of_handshake

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Any

    from postern.relay.outcome import Outcome
    from postern.relay.settings import RelaySettings


class Talk:
    """A connection and what is known of it. `stage` is the step under way, for whoever must say where it broke."""

    def __init__(self, settings: RelaySettings, connection: Connection) -> None:
        import smtplib

        self.settings = settings
        self.where = f"{settings.host}:{settings.port}"
        self.connection = connection
        self.stage = "connect"
        self._secrets = _Secrets(settings)
        self._smtp: Any = smtplib.SMTP(local_hostname=settings.helo)
        self._smtp.sock = connection  # type: ignore[assignment]  # it needs sendall, makefile and close only

    def offers(self, extension: str) -> str | None:
        """The parameters with which the relay offers the extension, "" for none; None when it is not offered."""
        found: str | None = self._smtp.esmtp_features.get(extension)
        return found

    def ask(self, *lines: str) -> None:
        """Send commands in one packet; each is to be followed by answer()."""
        self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def answer(self) -> tuple[int, bytes]:
        """Code and words of the next answer. The code is -1 when there is none."""
        code, text = self._smtp.getreply()
        return int(code), bytes(text)

    def judge(self, code: int, text: bytes) -> Outcome:
        """What an answer at this stage means. A server that repeats our password does not get it into a log."""
        return judge(self.stage, code, self._secrets.blot(text))

    def expect(self, wanted: int, code: int, text: bytes) -> None:
        """RelayTrouble unless this is the code."""
        if code != wanted:
            raise of_answer(self.where, self.judge(code, text))

    def greet(self) -> None:
        """EHLO. Forgets what was offered before (RFC 3207 section 4.2)."""
        import smtplib

        self.stage = "ehlo"
        try:
            self.expect(250, *self._smtp.ehlo())
        except smtplib.SMTPException:
            raise Lost("the relay's answer to EHLO makes no sense") from None

    def start_tls(self, context: ssl.SSLContext) -> None:
        """The handshake."""
        import ssl

        self.stage = "tls"
        try:
            self.connection.start_tls(context, self.settings.host)
        except ssl.SSLError as error:
            raise of_handshake(error, self.where) from None

    def authenticate(self) -> None:
        """AUTH PLAIN, or LOGIN where PLAIN is not to be had. Never in clear, but to this machine itself."""
        self.stage = "auth"
        if not self.connection.encrypted and not self.connection.local:
            raise of_case("auth in clear", self.where)
        offered = (self.offers("auth") or "").upper().split()
        secrets = self._secrets
        code, text = 504, b""  # RFC 4954: mechanism not known
        if "PLAIN" in offered:
            code, text = self._exchange("AUTH PLAIN " + secrets.plain)
        if code == 504 and "LOGIN" in offered:
            code, text = self._exchange("AUTH LOGIN", secrets.user, secrets.password)
        if code == 504:
            raise of_case("auth not offered", self.where)
        self.expect(235, code, text)

    def _exchange(self, *lines: str) -> tuple[int, bytes]:
        """One line after the other, as long as the relay asks for more."""
        code, text = 334, b""
        for line in lines:
            if code == 334:
                self.ask(line)
                code, text = self.answer()
        return code, text


class _Secrets:
    """User and password in the forms in which they travel (RFC 4616)."""

    def __init__(self, settings: RelaySettings) -> None:
        import base64

        user, password = (
            # What came in from the environment as undecodable bytes goes out as the same bytes.
            word.encode("utf-8", "surrogateescape")
            for word in (settings.user, settings.password)
        )
        self.user = base64.b64encode(user).decode()
        self.password = base64.b64encode(password).decode()
        self.plain = base64.b64encode(b"\0" + user + b"\0" + password).decode()
        self._blots = [blot for blot in (self.plain.encode(), self.password.encode(), password) if password]

    def blot(self, text: bytes) -> bytes:
        for secret in self._blots:
            text = text.replace(secret, b"[removed]")
        return text


def tls_context(settings: RelaySettings) -> ssl.SSLContext | None:
    """Certificate and name are verified, TLS 1.2 is the least. None where there is to be no TLS."""
    import ssl

    if settings.tls == "none":
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError:
        raise of_case("ca file", f"{settings.host}:{settings.port}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _unheard(stage: str, talk: Talk) -> None:
    """Nobody wants to know how far it is."""


def sign_in(
    settings: RelaySettings,
    context: ssl.SSLContext | None,
    until: float,
    passed: Callable[[str, Talk], None] = _unheard,
) -> Talk:
    """Ready for the first message, or RelayTrouble.

    `context` as made by tls_context(); `passed` hears of each stage that went well.
    """
    try:
        connection = dial(settings.host, settings.port, settings.timeout, until)
    except (OSError, UnicodeError) as error:
        raise of_connecting(error, f"{settings.host}:{settings.port}") from None
    talk = Talk(settings, connection)
    try:
        passed("connect", talk)
        _sign_in(talk, context, passed)
    except Lost as lost:
        connection.close()
        raise of_case("lost", talk.where, stage=talk.stage, said=str(lost)) from None
    except BaseException:
        connection.close()
        raise
    return talk


def _sign_in(talk: Talk, context: ssl.SSLContext | None, passed: Callable[[str, Talk], None]) -> None:
    if context and talk.settings.tls == "implicit":
        talk.start_tls(context)
        passed("tls", talk)
    talk.stage = "connect"
    talk.expect(220, *talk.answer())
    talk.greet()
    if context and talk.settings.tls == "starttls":
        talk.stage = "tls"
        if talk.offers("starttls") is None:
            raise of_case("no starttls", talk.where)
        talk.ask("STARTTLS")
        talk.expect(220, *talk.answer())
        talk.start_tls(context)
        passed("tls", talk)
        talk.greet()
    passed("ehlo", talk)
    if talk.settings.user:
        talk.authenticate()
        passed("auth", talk)
