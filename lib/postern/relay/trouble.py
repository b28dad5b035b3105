"""Why the relay cannot be used, and what an operator does about it: the sentences of RelayTrouble.

Each case has its kind (see relay.outcome), the stage it belongs to, the reason and the remedy. "passing" when it can
go by itself, "account" when somebody has to act. The relay's own words are in the outcome, whole; in the reason,
which goes to logs, addresses in them are masked.
"""

from __future__ import annotations

import re

from postern.relay.outcome import ACCOUNT, PASSING, Outcome, RelayTrouble, clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

_PORTS = "Port 465 wants POSTERN_RELAY_TLS=implicit; 587 and 2525 want starttls."
_DETOUR = "Some hosts lead ports 25, 465 and 587 to their own mail server: then try 2525, or use that server."

CASES = {
    "unknown host": (
        PASSING,
        "connect",
        "The relay's name is not known ({where}).",
        "Check POSTERN_RELAY_HOST. If it is right, this machine's DNS does not answer now.",
    ),
    "refused": (
        PASSING,
        "connect",
        "Nothing listens at the relay's address ({where}).",
        "Check POSTERN_RELAY_HOST and POSTERN_RELAY_PORT. Some hosts block outgoing 25, 465 and 587: try 2525.",
    ),
    "timed out": (
        PASSING,
        "connect",
        "The relay does not answer ({where}).",
        "Check POSTERN_RELAY_HOST and POSTERN_RELAY_PORT. Some hosts block outgoing 25, 465 and 587: try 2525.",
    ),
    "unreachable": (
        PASSING,
        "connect",
        "The relay cannot be reached ({where}): {detail}.",
        "Check this machine's network, then POSTERN_RELAY_HOST and POSTERN_RELAY_PORT.",
    ),
    "lost": (
        PASSING,
        "",
        "Talking to the relay failed at {stage} ({where}): {detail}.",
        f"It is tried again. If it stays so, check host and port. {_PORTS}",
    ),
    "no starttls": (
        ACCOUNT,
        "tls",
        "The relay offers no STARTTLS ({where}); mail is not sent in clear.",
        f"Set POSTERN_RELAY_PORT and POSTERN_RELAY_TLS as the relay's manual says. {_PORTS} {_DETOUR}",
    ),
    "not tls": (
        ACCOUNT,
        "tls",
        "The relay's port does not speak TLS from the start ({where}).",
        f"Set POSTERN_RELAY_TLS to fit the port. {_PORTS}",
    ),
    "tls": (
        ACCOUNT,
        "tls",
        "The relay and this machine agree on no TLS ({where}): {detail}.",
        "TLS 1.2 or newer is needed. Ask the relay's support.",
    ),
    "wrong name": (
        ACCOUNT,
        "tls",
        "The relay's certificate is for another name ({where}).",
        f"Set POSTERN_RELAY_HOST to the name in the certificate, not to an address or another name for it. {_DETOUR}",
    ),
    "expired": (
        ACCOUNT,
        "tls",
        "The relay's certificate is out of date ({where}).",
        "Check this machine's clock. If it is right, the relay has to renew its certificate.",
    ),
    "unknown issuer": (
        ACCOUNT,
        "tls",
        "The relay's certificate comes from an issuer that is not trusted here ({where}).",
        "If it is your own server, name its CA certificate (PEM file) in POSTERN_RELAY_CA_FILE. " + _DETOUR,
    ),
    "certificate": (
        ACCOUNT,
        "tls",
        "The relay's certificate does not verify ({where}): {detail}.",
        "Ask the relay's support; mail is not sent to a server that cannot prove its name.",
    ),
    "ca file": (
        ACCOUNT,
        "tls",
        "The CA certificates to verify the relay with cannot be read.",
        "Name a readable PEM file in POSTERN_RELAY_CA_FILE, or leave it empty for the system's own.",
    ),
    "auth in clear": (
        ACCOUNT,
        "auth",
        "The login would go over the network in clear ({where}).",
        "Set POSTERN_RELAY_TLS to starttls or implicit.",
    ),
    "auth not offered": (
        ACCOUNT,
        "auth",
        "The relay offers no login that works here (AUTH PLAIN or LOGIN) on this port ({where}).",
        "Use its submission port (587 or 465). If it needs no login, leave POSTERN_RELAY_USER empty.",
    ),
    "auth refused": (
        ACCOUNT,
        "auth",
        "The relay refuses the login ({where}): {detail}.",
        "Check POSTERN_RELAY_USER and POSTERN_RELAY_PASSWORD. Many relays want a key or an app password.",
    ),
    "auth later": (
        PASSING,
        "auth",
        "The relay does not take logins now ({where}): {detail}.",
        "It is tried again. If it stays so, look at the account on the relay's website.",
    ),
    "turned away": (
        ACCOUNT,
        "",
        "The relay turns this machine away at {stage} ({where}): {detail}.",
        "Look at the account on the relay's website, or ask its support whether this machine's address is blocked.",
    ),
    "busy": (
        PASSING,
        "",
        "The relay is not ready at {stage} ({where}): {detail}.",
        f"It is tried again. If it stays so, check host and port. {_PORTS}",
    ),
}

# X509_V_ERR_… of OpenSSL's x509_vfy.h.
_VERIFY = {
    9: "expired",
    10: "expired",
    18: "unknown issuer",
    19: "unknown issuer",
    20: "unknown issuer",
    21: "unknown issuer",
    62: "wrong name",
    64: "wrong name",
}
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")


def of_case(case: str, where: str, *, stage: str = "", said: str = "") -> RelayTrouble:
    """A case of the table. `said`: what went wrong in words of ours or of the system."""
    kind, own_stage, _, _ = CASES[case]
    return _trouble(case, where, Outcome(kind, own_stage or stage, 0, "", clean(said)))


def of_connecting(error: OSError | UnicodeError, where: str) -> RelayTrouble:
    """No connection could be made."""
    import socket

    # A name that cannot be one (an empty label, 64 characters) is a UnicodeError.
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return of_case("unknown host", where)
    if isinstance(error, ConnectionRefusedError):
        return of_case("refused", where)
    if isinstance(error, socket.timeout):
        return of_case("timed out", where)
    return of_case("unreachable", where, said=error.strerror or type(error).__name__)


def of_handshake(error: ssl.SSLError, where: str) -> RelayTrouble:
    """TLS did not come about."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return of_case(_VERIFY.get(error.verify_code, "certificate"), where, said=str(error.verify_message))
    reason = str(error.reason or "")
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return of_case("not tls", where)
    return of_case("tls", where, said=reason.replace("_", " ").lower())


def of_answer(where: str, outcome: Outcome) -> RelayTrouble:
    """The relay said no before there was a message."""
    if outcome.stage == "auth":
        return _trouble("auth refused" if outcome.kind == ACCOUNT else "auth later", where, outcome)
    return _trouble("turned away" if outcome.kind == ACCOUNT else "busy", where, outcome)


def _trouble(case: str, where: str, outcome: Outcome) -> RelayTrouble:
    _, _, reason, remedy = CASES[case]
    words = _ADDRESS.sub("[address]", outcome.said).rstrip(".")
    detail = " ".join(filter(None, (str(outcome.code or ""), words))) or "it said nothing"
    return RelayTrouble(reason.format(where=where, stage=outcome.stage, detail=detail), remedy, outcome)
