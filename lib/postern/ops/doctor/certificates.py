"""Judges a site's certificate: is its chain whole and trusted, does it name the host, how long does it last, is it renewed.

Facts in (what doctor/handshake.py saw), findings out; nothing here talks to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.ops.doctor.check import FAIL, OK, UNKNOWN, WARN, Check, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cryptography import x509

    from postern.ops.doctor.handshake import Served

DAY = 86400
WARN_DAYS, FAIL_DAYS = 21, 7
"""For a life of 90 days. Shorter lives (Let's Encrypt offers 45 and 6 days) have a quarter and a twelfth of it."""
RENEWS_BY_ITSELF_DAYS = 100
"""Certificates that live longer are bought, or made by hand; nothing says who renews those."""
SECTIGO_DAYS = 15
"""cPanel's AutoSSL renews what its own (Sectigo) provider issued this late; Let's Encrypt's 29 days before the end."""
GRACE_DAYS = 3
"""Renewal jobs come round daily, and a CA may have a bad day."""

EXPIRED, NOT_YET, SELF_SIGNED, PRIVATE_ROOT = 10, 9, 18, 19
NO_ISSUER = (2, 20, 21)
"""OpenSSL's X509_V_ERR codes (openssl-verification-options)."""


@dataclass(frozen=True)
class Facts:
    """What one certificate says. Times are Unix seconds; `points_up` is whether it tells where its issuer's is to be had."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: float
    ends: float
    points_up: bool


def read(der: bytes) -> Facts | None:
    """None when it cannot be read."""
    from cryptography import x509

    try:
        cert = x509.load_der_x509_certificate(der)
        return Facts(
            plain(cert.subject.rfc4514_string()),
            plain(cert.issuer.rfc4514_string()),
            _names(cert),
            cert.not_valid_before_utc.timestamp(),
            cert.not_valid_after_utc.timestamp(),
            _points_up(cert),
        )
    except Exception:  # noqa: BLE001
        # A stranger's bytes: the library has a dozen kinds of error for them.
        return None


def _extension(cert: x509.Certificate, kind: Any) -> Any:
    from cryptography import x509

    try:
        return cert.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return ()


def _names(cert: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    kinds = (x509.DNSName, x509.IPAddress)
    found = [name for name in _extension(cert, x509.SubjectAlternativeName) if isinstance(name, kinds)]
    return tuple(plain(str(name.value).lower()) for name in found)


def _points_up(cert: x509.Certificate) -> bool:
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    access = _extension(cert, x509.AuthorityInformationAccess)
    return any(one.access_method == AuthorityInformationAccessOID.CA_ISSUERS for one in access)


def judge_chain(served: Served, chain: list[Facts], now: float, *, behind_cloudflare: bool) -> Check:
    """`chain` begins with the site's own certificate. `behind_cloudflare`: this is the server that only Cloudflare visits."""
    leaf = chain[0]
    if served.code == 0:
        return Check("chain", OK, f"trusted; issued by {leaf.issuer}")
    if served.code == SELF_SIGNED:
        return _broken("self-signed", "Get a certificate in the panel (AutoSSL or Let's Encrypt).")
    if served.code == EXPIRED:
        return _broken(*_expired(leaf, now))
    if served.code == NOT_YET:
        return _broken(
            "a certificate in it is not valid yet", "Check the clocks of this machine and the host."
        )
    if _is_origin_ca(leaf):
        return _origin_ca(behind_cloudflare)
    if not served.anchors:
        remedy = "Give the CA certificates of this system: --ca-file /etc/ssl/certs/ca-certificates.crt"
        return Check("chain", UNKNOWN, "this Python has no CA certificates to trust", remedy)
    if served.code in (PRIVATE_ROOT, *NO_ISSUER):
        return _broken(*_no_way_up(served, chain))
    return _broken(plain(served.said), "Get a new certificate in the panel, or ask the host.")


def _broken(detail: str, remedy: str) -> Check:
    return Check("chain", FAIL, f"does not verify: {detail}", remedy)


def _expired(leaf: Facts, now: float) -> tuple[str, str]:
    if leaf.ends <= now:
        return "expired", "Renew it in the panel, and find out why that did not happen by itself."
    return "a certificate above the site's own has expired", "Install the CA's current intermediate."


def _is_origin_ca(leaf: Facts) -> bool:
    return "cloudflare origin" in leaf.issuer.lower()


def _origin_ca(behind_cloudflare: bool) -> Check:
    if behind_cloudflare:
        return Check(
            "chain",
            WARN,
            "says it is of Cloudflare's Origin CA, which is right behind Cloudflare only; that was not verified",
            "Give Cloudflare's Origin CA root certificate with --ca-file.",
        )
    return _broken(
        "Cloudflare's Origin CA, which no browser trusts",
        "Turn Cloudflare's proxy on for this name, or get a certificate in the panel.",
    )


def _no_way_up(served: Served, chain: list[Facts]) -> tuple[str, str]:
    """Where the way from the site's certificate to a trusted root ends: (what is wrong, remedy)."""
    install = "Install the CA's intermediate (the panel's field CABUNDLE, or the full chain)."
    trust = "Browsers refuse it. For a CA of your own that is meant to be: --ca-file."
    if served.code == PRIVATE_ROOT:
        return f"the CA {chain[-1].issuer} is not trusted", trust
    if served.chain is None:
        told = f"its issuer {chain[0].issuer} is not known here; this Python does not show whether the intermediate is served"
        return told, "Run it with Python 3.10 or newer, or: openssl s_client -showcerts -connect HOST:443"
    top = chain[0]
    for above in chain[1:]:
        if above.subject != top.issuer:
            return f"after {top.subject} comes {above.subject}, which did not issue it", install
        top = above
    if top.subject == top.issuer or not top.points_up:
        return f"the CA {top.issuer} is not trusted", trust
    if len(chain) == 1:
        return f"the intermediate {top.issuer} is missing", install
    return f"{top.issuer} is neither served nor trusted here", f"{install} {trust}"


def judge_names(leaf: Facts, host: str) -> Check:
    """Does it name the host (RFC 9525)? The common name counts for nothing."""
    listed = ", ".join(leaf.names[:10]) or "none"
    if any(_covers(name, host) for name in leaf.names):
        www = f"www.{host}"
        without = "" if any(_covers(name, www) for name in leaf.names) else f"; not {www}"
        return Check("names", OK, f"{listed}{without}")
    remedy = f"Get a certificate that names {host}, and see that the panel serves it for this site."
    return Check("names", FAIL, f"{host} is not among its names: {listed}", remedy)


def _covers(name: str, host: str) -> bool:
    if name.startswith("*."):
        return name[2:] == host.partition(".")[2] != ""
    return name == host


def judge_days(leaf: Facts, now: float) -> Check:
    """How long it still lasts."""
    life, left = (leaf.ends - leaf.begins) / DAY, (leaf.ends - now) / DAY
    told = f"{int(left)} of {round(life)} days left, until {_day(leaf.ends)}"
    if left <= 0:
        return Check("days", FAIL, f"expired on {_day(leaf.ends)}", "Renew it in the panel.")
    if left < min(FAIL_DAYS, life / 12):
        return Check("days", FAIL, told, "Renew it in the panel now.")
    if left < min(WARN_DAYS, life / 4, *((SECTIGO_DAYS - GRACE_DAYS,) if _is_sectigo(leaf) else ())):
        return Check("days", WARN, told, "Renew it in the panel, or wait a day and look again.")
    return Check("days", OK, told)


def judge_renewal(leaf: Facts, now: float) -> Check:
    """Does renewal seem to work? A certificate that is past the day of its renewal was not renewed."""
    life, left = (leaf.ends - leaf.begins) / DAY, (leaf.ends - now) / DAY
    if life > RENEWS_BY_ITSELF_DAYS:
        remedy = f"Write {_day(leaf.ends)} down, or let the panel renew (docs/https.md)."
        return Check(
            "renewal", UNKNOWN, f"lives for {round(life)} days; who renews it cannot be seen", remedy
        )
    due = SECTIGO_DAYS if _is_sectigo(leaf) else life / 3
    if left < due - min(GRACE_DAYS, life / 20):
        told = f"should have come {round(due)} days before the end, and did not"
        remedy = (
            "Look for the panel's errors (cPanel: SSL/TLS Status); see the finding `acme`, and docs/https.md."
        )
        return Check("renewal", WARN, told, remedy)
    return Check("renewal", OK, f"issued on {_day(leaf.begins)}, due {round(due)} days before the end")


def _is_sectigo(leaf: Facts) -> bool:
    return "cpanel" in leaf.issuer.lower() or "sectigo" in leaf.issuer.lower()


def _day(at: float) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d")
