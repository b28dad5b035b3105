"""Judges how a site treats HTTP and HTTPS: redirect, ACME's path, HSTS, and whether Cloudflare stands in front."""

from __future__ import annotations

from urllib.parse import urlsplit

from postern.base.hsts import STAGES, hsts_value
from postern.ops.doctor import fetch
from postern.ops.doctor.certificates import DAY
from postern.ops.doctor.check import FAIL, OK, UNKNOWN, WARN, Check
from postern.ops.doctor.handshake import Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.fetch import Answer
    from postern.ops.doctor.handshake import Place

PROBE = "/health?doctor=tls"
ACME = "/.well-known/acme-challenge/postern-doctor"
MOST_HOPS = 5
PERMANENT = (301, 308)

CLOUDFLARE_SAYS = {
    520: "the origin gave no proper answer",
    521: "the origin refuses the connection",
    522: "the origin does not answer in time",
    523: "the origin cannot be reached",
    524: "the origin does not answer in time",
    525: "there is no TLS handshake with the origin",
    526: "the origin's certificate does not verify, as Full (strict) demands",
}
"""Statuses that only Cloudflare sends (its documentation, "5xx errors")."""

STAGE_DAYS = {"off": 0, "day": 1, "month": 30, "year": 365}
"""How long a stage should have gone well before the next."""


def judge_answer(answer: Answer, site: str) -> Check:
    """Does HTTPS answer with something of use?"""
    remedy = "See /health and the log of the site; docs/https.md explains redirect loops."
    if answer.location and _same(fetch.resolve(f"{site}/", answer.location), f"{site}/"):
        detail = "HTTPS redirects to itself: Cloudflare in mode Flexible, or a proxy that hides HTTPS"
        return Check("reachable", FAIL, detail, "At Cloudflare set SSL/TLS to Full (strict).")
    if answer.status in CLOUDFLARE_SAYS:
        detail = f"Cloudflare answers {answer.status}: {CLOUDFLARE_SAYS[answer.status]}"
        return Check("reachable", FAIL, detail, "Mend the origin: postern doctor tls --connect ORIGIN:443")
    if answer.status >= 500:
        return Check("reachable", WARN, f"HTTPS answers with status {answer.status}", remedy)
    return Check("reachable", OK, "HTTPS answers")


def judge_redirect(place: Place, site: str) -> Check:
    """Plain HTTP must lead to the same address over HTTPS, for good, in one hop."""
    remedy = "Run install.sh again: it writes the redirect into .htaccess. docs/https.md explains loops."
    path, statuses, seen = PROBE, [], set()
    for _ in range(MOST_HOPS):
        answer = fetch.get(place, path, tls=False)
        if not answer.location:
            told = f"plain HTTP is answered with {answer.status}, not led to HTTPS"
            return Check("redirect", FAIL, told, remedy)
        statuses.append(answer.status)
        target = fetch.resolve(f"http://{place.authority}{path}", answer.location)
        parts = urlsplit(target)
        if parts.scheme == "https":
            return _arrived(target, f"{site}{PROBE}", statuses, remedy)
        if target in seen:
            return Check("redirect", FAIL, f"a loop over {target}", remedy)
        if parts.netloc.lower() != place.authority.lower():
            told = f"leads to {answer.location}, which is not this site's HTTPS"
            return Check("redirect", FAIL, told, remedy)
        seen.add(target)
        path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    return Check("redirect", FAIL, f"no end after {MOST_HOPS} hops", remedy)


def _arrived(target: str, wanted: str, statuses: list[int], remedy: str) -> Check:
    if not _same(target, wanted):
        return Check("redirect", FAIL, f"leads to {target} instead of {wanted}", remedy)
    if len(statuses) > 1:
        return Check("redirect", WARN, f"leads to HTTPS in {len(statuses)} hops; one is enough", remedy)
    if statuses[0] not in PERMANENT:
        told = f"leads to HTTPS, but with {statuses[0]}, which browsers do not keep"
        return Check("redirect", WARN, told, remedy)
    return Check("redirect", OK, f"{statuses[0]} to the same address over HTTPS, query kept")


def _same(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.hostname, first.port or 443, first.path or "/", first.query) == (
        second.scheme,
        second.hostname,
        second.port or 443,
        second.path or "/",
        second.query,
    )


def judge_acme(place: Place) -> Check:
    """A CA fetches its file over plain HTTP (RFC 8555 8.3): it must not be led away or refused."""
    remedy = "Nothing in .htaccess may stand above Postern's block that catches /.well-known/; docs/https.md."
    answer = fetch.get(place, ACME, tls=False)
    if answer.location:
        target = fetch.resolve(f"http://{place.authority}{ACME}", answer.location)
        if urlsplit(target).hostname != place.name:
            return Check("acme", FAIL, f"a CA's file is sought at {answer.location}", remedy)
        told = "led to HTTPS first: Let's Encrypt follows, another CA may not"
        return Check("acme", WARN, told, remedy)
    if answer.status not in (200, 404):
        return Check("acme", FAIL, f"a CA that seeks its file is answered with {answer.status}", remedy)
    return Check("acme", OK, "a CA finds its file over plain HTTP")


def no_plain_http(error: Unreachable) -> list[Check]:
    """Both findings about plain HTTP when nothing answers there."""
    told = f"{error}: an address typed without https:// leads nowhere"
    acme = "a CA cannot fetch its file; renewal works by DNS only"
    remedy = "Ask the host for port 80, which only redirects."
    return [Check("redirect", WARN, told, remedy), Check("acme", WARN, acme, remedy)]


def judge_hsts(answer: Answer, stage: str, settled_days: float, *, renewed: bool, sound: bool) -> Check:
    """Is HSTS as POSTERN_HSTS says, and is it time for the next stage?

    `settled_days`: since the settings last changed; `renewed`: the certificate is newer than they are; `sound`: all else
    is well.
    """
    served, wanted = answer.headers.get("strict-transport-security", ""), hsts_value(stage)
    if _directives(served) != _directives(wanted):
        told = f"served: {served or 'none'}; POSTERN_HSTS={stage} means: {wanted or 'none'}"
        remedy = "Run install.sh again. Cloudflare may add its own (SSL/TLS, Edge Certificates)."
        return Check("hsts", WARN if served or not wanted else FAIL, told, remedy)
    told = f"stage {stage}" + (f" ({served})" if served else "")
    following = dict(zip(STAGES, [*STAGES][1:])).get(stage, "")
    # A day needs no renewal to be sure of: it is over before a certificate is.
    ready = sound and settled_days >= STAGE_DAYS.get(stage, 0) and (renewed or stage in ("off", "day"))
    if following and ready and following != "preload":
        remedy = f"Next: POSTERN_HSTS={following}, then run install.sh again (docs/https.md)."
        return Check("hsts", WARN if stage == "off" else OK, told, remedy)
    return Check("hsts", WARN if stage == "off" else OK, told)


def _directives(header: str) -> set[str]:
    return {part.strip().lower() for part in header.split(";") if part.strip()}


def judge_cloudflare(answer: Answer, *, connected: bool) -> Check:
    """Behind Cloudflare there are two certificates, and this saw one."""
    through = "cf-ray" in answer.headers or answer.headers.get("server", "").lower() == "cloudflare"
    if not through:
        told = "looked at the origin itself" if connected else "not in front"
        return Check("cloudflare", OK, told)
    told = "in front: what was seen is Cloudflare's own certificate"
    remedy = "Set SSL/TLS to Full (strict), and look at the origin: postern doctor tls --connect ORIGIN:443"
    return Check("cloudflare", UNKNOWN, told, remedy)


def settled_days(since: float, now: float) -> float:
    """Whole days since the settings changed."""
    return (now - since) / DAY
