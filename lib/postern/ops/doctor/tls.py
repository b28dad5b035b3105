"""`postern doctor tls`: what a visitor's browser, a CA and the Worker meet at POSTERN_URL.

Sees the site from outside, over the network, and changes nothing. Always gives one finding for each of NAMES.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from postern.base.errors import BadInput
from postern.ops.doctor import certificates, fetch, handshake, pages, site
from postern.ops.doctor.check import FAIL, OK, UNKNOWN, Check, complete
from postern.ops.doctor.handshake import NoCommonProtocol, Place, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.certificates import Facts
    from postern.ops.doctor.fetch import Answer
    from postern.ops.doctor.handshake import Served

NAMES = (
    "reachable",
    "protocol",
    "chain",
    "names",
    "days",
    "renewal",
    "redirect",
    "acme",
    "hsts",
    "cloudflare",
    "pages",
)


@dataclass(frozen=True)
class Target:
    """What to look at. `stage` is POSTERN_HSTS, `since` when the settings last changed (Unix time), `paths` the pages.

    `connect` is another place to connect to than the one that the name leads to; `http_port` is where plain HTTP answers,
    0 for the usual.
    """

    url: str
    stage: str
    since: float
    paths: tuple[str, ...]
    connect: tuple[str, int] | None = None
    http_port: int = 0
    ca_file: str = ""


def look(target: Target, now: float) -> list[Check]:
    """Every finding. BadInput when the CA file is none; nothing else is raised."""
    address = urlsplit(target.url)
    if address.scheme != "https":
        told = Check("reachable", UNKNOWN, "POSTERN_URL is http://: a site of this machine only", "")
        return complete([told], NAMES, "the site has no HTTPS")
    if not fetch.resolve(target.url, ""):
        told = Check("reachable", FAIL, "POSTERN_URL has a port that is none", "Mend it in .env.")
        return complete([told], NAMES, "POSTERN_URL is wrong")
    secure = place_of(target)
    found = _plain_http(target)
    try:
        served = handshake.look(secure, target.ca_file)
    except NoCommonProtocol as error:
        remedy = "Ask the host to turn TLS 1.2 and 1.3 on."
        old = Check("protocol", FAIL, f"older than TLS 1.2: {error}", remedy)
        return complete([old, *found], NAMES, "no common TLS protocol")
    except Unreachable as error:
        remedy = "Check POSTERN_URL, the name's DNS, and that the host has HTTPS for this site."
        away = Check("reachable", FAIL, str(error), remedy)
        return complete([away, *found], NAMES, "HTTPS does not answer")
    except OSError:
        raise BadInput(f"{target.ca_file} is no PEM file.", "Name a file of CA certificates.") from None
    found += _certificate(served, secure.name, now, behind_cloudflare=target.connect is not None)
    return complete([*found, *_https(target, secure, served, found, now)], NAMES, "HTTPS gave no answer")


def place_of(target: Target) -> Place:
    """Where HTTPS is to be asked."""
    address = urlsplit(target.url)
    name, port = address.hostname or "", address.port or 443
    host, at = target.connect or (name, port)
    return Place(host, at, name, _authority(name, port, 443))


def _plain(target: Target) -> Place:
    """Where plain HTTP is to be asked: at the same host."""
    name, port = urlsplit(target.url).hostname or "", target.http_port or 80
    host = target.connect[0] if target.connect else name
    return Place(host, port, name, _authority(name, port, 80))


def _authority(name: str, port: int, usual: int) -> str:
    bare = f"[{name}]" if ":" in name else name
    return bare if port == usual else f"{bare}:{port}"


def _plain_http(target: Target) -> list[Check]:
    """Redirect and ACME."""
    if (urlsplit(target.url).port or 443) != 443 and not target.http_port:
        told = "with a port in POSTERN_URL, it is not known where plain HTTP answers"
        return [Check(name, UNKNOWN, told, "Say where: --http-port PORT") for name in ("redirect", "acme")]
    place = _plain(target)
    try:
        return [site.judge_redirect(place, target.url.rstrip("/")), site.judge_acme(place)]
    except Unreachable as error:
        return site.no_plain_http(error)


def _certificate(served: Served, name: str, now: float, *, behind_cloudflare: bool) -> list[Check]:
    found = [Check("protocol", OK, served.protocol)]
    read = [certificates.read(der) for der in served.chain or (served.leaf,)]
    chain: list[Facts] = [facts for facts in read if facts is not None]
    if len(chain) < len(read):
        told = Check("chain", FAIL, "a certificate in it cannot be read", "Get a new one in the panel.")
        return [*found, told]
    leaf = chain[0]
    return [
        *found,
        certificates.judge_chain(served, chain, now, behind_cloudflare=behind_cloudflare),
        certificates.judge_names(leaf, name),
        certificates.judge_days(leaf, now),
        certificates.judge_renewal(leaf, now),
    ]


def _https(target: Target, place: Place, served: Served, found: list[Check], now: float) -> list[Check]:
    """What the site says over HTTPS."""

    def get(path: str) -> Answer:
        return fetch.get(place, path, tls=True)

    url = target.url.rstrip("/")
    try:
        answer = get("/")
    except Unreachable as error:
        return [Check("reachable", FAIL, str(error), "See the web server's error log.")]
    more = [
        site.judge_answer(answer, url),
        site.judge_cloudflare(answer, connected=target.connect is not None),
        pages.judge(get, url, target.paths),
    ]
    sound = all(check.status in (OK, UNKNOWN) for check in (*found, *more))
    leaf = certificates.read(served.leaf)
    settled = site.settled_days(target.since, now)
    renewed = leaf is not None and leaf.begins > target.since
    return [*more, site.judge_hsts(answer, target.stage, settled, renewed=renewed, sound=sound)]
