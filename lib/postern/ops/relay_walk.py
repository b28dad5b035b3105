"""`postern relay test`: goes the way of a mail to the relay step by step, and says where it ends and what to do about it.

No mail is sent: after RCPT the envelope is taken back (RSET). The same code as of the drain signs in, so what works here works
there. Where a certificate does not verify, the connection is made once more without verifying, to say what is wrong with it;
nothing but the handshake happens over that.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timezone

from postern.base import clock
from postern.ops.doctor import certificates, handshake
from postern.relay.connection import Lost
from postern.relay.message import Message
from postern.relay.outcome import ACCOUNT, PERMANENT, Outcome, RelayTrouble
from postern.relay.talk import sign_in, tls_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.relay.settings import RelaySettings
    from postern.relay.talk import Talk

EXTENSIONS = ("size", "pipelining", "8bitmime", "smtputf8")


@dataclass(frozen=True)
class Step:
    """One step of the way. `said`: what was found, or what is wrong; `remedy` is empty when it went well."""

    stage: str
    ok: bool
    said: str
    remedy: str = ""


def walk(settings: RelaySettings, mail_from: str, rcpt_to: str) -> list[Step]:
    """The steps as far as they went; the last one may have failed."""
    steps: list[Step] = []

    def passed(stage: str, talk: Talk) -> None:
        steps.append(Step(stage, True, _FINDINGS[stage](talk)))

    try:
        talk = sign_in(settings, tls_context(settings), clock.elapsed() + settings.time_limit, passed)
    except RelayTrouble as trouble:
        stage = trouble.outcome.stage
        more = _certificate_in_clear(settings) if stage == "tls" else ""
        failed = Step(stage, False, f"{trouble.reason}{more}", trouble.remedy)
        # That somebody answered is no news when he turned us away.
        return [step for step in steps if step.stage != stage] + [failed]
    with contextlib.closing(talk.connection):
        steps += _envelope(talk, mail_from, rcpt_to)
    return steps


def _envelope(talk: Talk, mail_from: str, rcpt_to: str) -> Iterator[Step]:
    """MAIL and RCPT."""
    message = Message(mail_from, rcpt_to, (), 1000, eight_bit=False)
    fault = message.fault() or message.beyond(talk)
    if fault:
        yield Step(fault.stage, False, fault.said, "Give other addresses.")
        return
    lines = (("mail", message.mail_command(talk)), ("rcpt", f"RCPT TO:<{rcpt_to}>"))
    for stage, line in lines:
        talk.stage = stage
        try:
            talk.ask(line)
            code, text = talk.answer()
        except Lost as lost:
            yield Step(
                stage,
                False,
                f"{str(lost).capitalize()}.",
                "Try again; ask the relay's support if it stays so.",
            )
            return
        outcome = talk.judge(code, text)
        said = f"{code} {outcome.said}".strip()
        if code // 100 != 2:
            yield Step(stage, False, said, _remedy(outcome, mail_from))
            return
        yield Step(stage, True, f"<{mail_from if stage == 'mail' else rcpt_to}> {said}")
    with contextlib.suppress(Lost):
        for line in ("RSET", "QUIT"):
            talk.ask(line)
            talk.answer()


def _remedy(outcome: Outcome, mail_from: str) -> str:
    if outcome.kind == ACCOUNT:
        return (
            "A limit of the account is reached, or the account is not in order: look at the relay's website."
        )
    if outcome.kind == PERMANENT:
        return "The relay refuses this recipient. Name another, a mailbox of your own: postern relay test me@example.net"
    if outcome.code < 500:
        return "It may pass: try again in some minutes. Lower POSTERN_RELAY_PER_HOUR if it is about how much is sent."
    domain = mail_from.rpartition("@")[2]
    return f"The relay does not know {domain} as yours yet: add and verify it there (docs/relays.md)."


def _connect(talk: Talk) -> str:
    return f"{talk.where} answers at {talk.connection.peer()}"


def _tls(talk: Talk) -> str:
    version, cipher, der = talk.connection.tls_facts()
    return f"{version}, {cipher}; {_certificate(der)}; verified"


def _ehlo(talk: Talk) -> str:
    offers = ((name, talk.offers(name)) for name in EXTENSIONS)
    return (
        ", ".join(f"{name.upper()} {value}".strip() for name, value in offers if value is not None)
        or "no extensions"
    )


def _auth(talk: Talk) -> str:
    return f"signed in as {talk.settings.user}"


_FINDINGS = {"connect": _connect, "tls": _tls, "ehlo": _ehlo, "auth": _auth}


def _certificate(der: bytes) -> str:
    """Names, issuer and end of a certificate."""
    facts = certificates.read(der)
    if facts is None:
        return "a certificate that cannot be read"
    ends = datetime.fromtimestamp(facts.ends, timezone.utc).strftime("%Y-%m-%d")
    return f"certificate for {', '.join(facts.names) or 'no name'}, issued by {facts.issuer}, until {ends}"


def _certificate_in_clear(settings: RelaySettings) -> str:
    """What the certificate that did not verify says; empty when there is none to be seen."""
    seen: list[str] = []

    class Seen(Exception):
        """Enough: nothing is to be said over this connection."""

    def passed(stage: str, talk: Talk) -> None:
        if stage == "tls":
            seen.append(f" It shows a {_certificate(talk.connection.tls_facts()[2])}.")
            raise Seen

    with contextlib.suppress(RelayTrouble, Seen):
        until = clock.elapsed() + settings.timeout
        sign_in(settings, handshake.trusting_context(), until, passed)
    return "".join(seen)
