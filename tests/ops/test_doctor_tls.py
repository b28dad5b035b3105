"""`postern doctor tls` against real servers: every verdict about certificate, redirect, ACME, HSTS, Cloudflare and pages.

Covered: each finding's ok, warn, fail and unknown; servers that lie, drip or are not there; the real command line.
Not here: the .htaccess that makes the redirect and HSTS (tests/host).
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from postern.base.errors import BadInput
from postern.base.hsts import hsts_value
from postern.ops.doctor import certificates, check, handshake, pages, site, tls
from postern.ops.doctor.certificates import Facts
from postern.ops.doctor.check import FAIL, OK, UNKNOWN, WARN, Check
from postern.ops.doctor.fetch import Answer
from support.https import Issuer, Made, Reply, Server, redirect, self_signed
from support.instance import ROOT, Instance
from support.patience import PATIENCE, join

DAY = 86400
SHOWS_CHAIN = sys.version_info >= (3, 10)
HOST = "localhost"


@dataclass(frozen=True)
class World:
    """Its CAs; `trusted` is the file of the root that browsers know."""

    root: Issuer
    middle: Issuer
    stranger: Issuer
    below_stranger: Issuer
    origin: Issuer
    trusted: str
    origin_root: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("authorities")
    root, stranger = Issuer.root("Test Root CA"), Issuer.root("Stranger CA")
    origin = Issuer.root("CloudFlare Origin SSL Certificate Authority", "CloudFlare, Inc.")
    return World(
        root,
        root.below("Test Intermediate CA"),
        stranger,
        stranger.below("Stranger's Intermediate", points_up=False),
        origin,
        root.write(folder / "root.pem"),
        origin.write(folder / "origin.pem"),
    )


@dataclass
class Site:
    """A whole site: HTTPS and plain HTTP, as install.sh leaves them. Tests break one thing of it."""

    secure: Server
    plain: Server
    target: tls.Target

    def findings(self) -> dict[str, Check]:
        found = tls.look(self.target, time.time())
        assert [one.name for one in found] == list(tls.NAMES)
        return {one.name: one for one in found}


def serve(world: World, secure: Server, plain: Server) -> Site:
    url = f"https://{HOST}:{secure.port}"
    secure.always["Strict-Transport-Security"] = hsts_value("day")
    secure.replies["/"] = Reply(200, '<link rel="stylesheet" href="/static/postern.css"><p>Hello</p>')
    secure.replies["/health"] = Reply(200, "{}", content_type="application/json")
    secure.replies["/static/postern.css"] = Reply(200, "p { color: red }", content_type="text/css")
    plain.replies[site.PROBE] = redirect(f"{url}{site.PROBE}")
    target = tls.Target(
        url, "day", time.time(), ("/", "/health"), http_port=plain.port, ca_file=world.trusted
    )
    return Site(secure, plain, target)


@pytest.fixture
def good(world: World) -> Iterator[Site]:
    """A site where nothing is wrong."""
    with Server(world.middle.issue(HOST), world.middle) as secure, Server() as plain:
        yield serve(world, secure, plain)


def test_a_site_where_nothing_is_wrong_is_told_so(good: Site) -> None:
    found = good.findings()
    assert {one.status for one in found.values()} == {OK}
    assert found["protocol"].detail == "TLSv1.3"
    assert "Test Intermediate CA" in found["chain"].detail
    assert check.exit_code(found.values()) == 0
    assert {host for host, _ in good.plain.asked} == {f"{HOST}:{good.plain.port}"}


# The certificate.


def chains(world: World) -> dict[str, tuple[tuple[Made, ...], str, str]]:
    """Name -> (what is served, what OpenSSL's verdict comes to, words of the finding)."""
    leaf = world.middle.issue(HOST)
    late = world.root.below("Expired Intermediate", days=30, age=40)
    foreign = world.stranger.below("Foreign Intermediate")
    return {
        "whole": ((leaf, world.middle), OK, "trusted"),
        "with the root as well": ((leaf, world.middle, world.root), OK, "trusted"),
        "no intermediate": ((leaf,), FAIL, "Test Intermediate CA,O=Test is missing"),
        "self-signed": ((self_signed(HOST),), FAIL, "self-signed"),
        "of an unknown CA": (
            (world.below_stranger.issue(HOST), world.below_stranger),
            FAIL,
            "Stranger CA,O=Test is not trusted",
        ),
        "of an unknown CA, its root served": (
            (world.below_stranger.issue(HOST), world.below_stranger, world.stranger),
            FAIL,
            ",O=Test is not trusted",
        ),
        "of a private CA": (
            (world.stranger.issue(HOST, points_up=False),),
            FAIL,
            "Stranger CA,O=Test is not trusted",
        ),
        "cut above an intermediate": ((foreign.issue(HOST), foreign), FAIL, "neither served nor trusted"),
        "another's intermediate": ((leaf, foreign), FAIL, "which did not issue it"),
        "expired": ((world.middle.issue(HOST, age=100), world.middle), FAIL, ": expired"),
        "expired above": ((late.issue(HOST), late), FAIL, "above the site's own has expired"),
        "not yet valid": ((world.middle.issue(HOST, age=-2), world.middle), FAIL, "not valid yet"),
        "of Cloudflare's Origin CA": ((world.origin.issue(HOST),), FAIL, "no browser trusts"),
    }


BY_CHAIN = ("no intermediate", "of an unknown CA", "of a private CA", "cut above an intermediate")
BY_CHAIN += ("another's intermediate",)
"""Told apart by the chain, which Python 3.9 does not show."""


def test_each_fault_of_a_chain_is_told_from_the_others(world: World) -> None:
    for case, (served, status, words) in chains(world).items():
        with Server(*served) as secure, Server() as plain:
            found = serve(world, secure, plain).findings()
        expected = words if SHOWS_CHAIN or case not in BY_CHAIN else "this Python does not show"
        assert found["chain"].status == status, f"{case}: {found['chain']}"
        assert expected in found["chain"].detail, f"{case}: {found['chain']}"
        assert bool(found["chain"].remedy) is (status == FAIL), case
        assert found["names"].status == OK, case
        assert found["pages"].status == OK, case


def test_what_python_3_9_cannot_see_is_not_guessed(world: World) -> None:
    with Server(world.middle.issue(HOST)) as secure:
        place = handshake.Place("127.0.0.1", secure.port, HOST, HOST)
        served = replace(handshake.look(place, world.trusted), chain=None)
    leaf = certificates.read(served.leaf)
    assert leaf is not None
    told = certificates.judge_chain(served, [leaf], time.time(), behind_cloudflare=False)
    assert told.status == FAIL
    assert "this Python does not show" in told.detail


def test_a_python_without_ca_certificates_blames_itself_not_the_site(world: World) -> None:
    with Server(world.middle.issue(HOST), world.middle) as secure:
        place = handshake.Place("127.0.0.1", secure.port, HOST, HOST)
        served = replace(handshake.look(place), anchors=False)
    leaf = certificates.read(served.leaf)
    assert leaf is not None
    told = certificates.judge_chain(served, [leaf], time.time(), behind_cloudflare=False)
    assert (told.status, "--ca-file" in told.remedy) == (UNKNOWN, True)


def test_behind_cloudflare_its_origin_ca_is_right(world: World) -> None:
    with Server(world.origin.issue("alias.example")) as secure, Server() as plain:
        home = serve(world, secure, plain)
        target = replace(home.target, url="https://alias.example", connect=("127.0.0.1", secure.port))
        plain.replies[site.PROBE] = redirect(f"https://alias.example{site.PROBE}")
        for ca_file, status in ((world.trusted, WARN), (world.origin_root, OK)):
            found = Site(secure, plain, replace(target, ca_file=ca_file)).findings()
            assert found["chain"].status == status, found["chain"]
            assert found["cloudflare"].detail == "looked at the origin itself"
            assert found["redirect"].status == OK, found["redirect"]
    assert {host for host, _ in secure.asked} == {"alias.example"}


NAMES = (
    ((HOST,), "localhost", True),
    (("alias.example",), "alias.example", True),
    (("ALIAS.example",), "alias.example", True),
    (("*.example.org",), "alias.example.org", True),
    (("*.example.org",), "example.org", False),
    (("*.example.org",), "a.b.example.org", False),
    (("alias.example", "www.alias.example"), "www.alias.example", True),
    (("www.alias.example",), "alias.example", False),
    (("host.provider.example",), "alias.example", False),
    (("127.0.0.1",), "127.0.0.1", True),
    (("*.1",), "127.0.0.1", False),
    ((), "alias.example", False),
)


@pytest.mark.parametrize(("names", "host", "covered"), NAMES)
def test_the_names_must_cover_the_host(names: tuple[str, ...], host: str, covered: bool) -> None:
    facts = Facts("CN=x", "CN=y", tuple(name.lower() for name in names), 0, 0, True)
    assert certificates.judge_names(facts, host).status == (OK if covered else FAIL)


def test_a_certificate_for_another_name_is_seen_whatever_its_chain(world: World) -> None:
    with Server(world.middle.issue("host.provider.example"), world.middle) as secure, Server() as plain:
        found = serve(world, secure, plain).findings()
    assert found["chain"].status == OK
    assert found["names"].status == FAIL
    assert "host.provider.example" in found["names"].detail


LIVES = (
    # life, days left, issuer, days, renewal
    (90, 80, "R12", OK, OK),
    (90, 28, "R12", OK, OK),
    (90, 26, "R12", OK, WARN),
    (90, 20.5, "R12", WARN, WARN),
    (90, 6.5, "R12", FAIL, WARN),
    (90, -0.5, "R12", FAIL, WARN),
    (90, 16, "cPanel Sectigo DV CA", OK, OK),
    (90, 11, "cPanel Sectigo DV CA", WARN, WARN),
    (45, 16, "R12", OK, OK),
    (45, 11, "R12", WARN, WARN),
    (45, 3, "R12", FAIL, WARN),
    (6.6, 2.5, "R12", OK, OK),
    (6.6, 1.6, "R12", WARN, WARN),
    (6.6, 0.5, "R12", FAIL, WARN),
    (199, 100, "Bought CA", OK, UNKNOWN),
    (199, 20, "Bought CA", WARN, UNKNOWN),
    (5475, 5000, "CloudFlare Origin", OK, UNKNOWN),
    (5475, 6, "CloudFlare Origin", FAIL, UNKNOWN),
)


@pytest.mark.parametrize(("life", "left", "issuer", "days", "renewal"), LIVES)
def test_days_left_and_renewal_go_by_how_long_the_certificate_lives(
    life: float, left: float, issuer: str, days: str, renewal: str
) -> None:
    now = 1_700_000_000.0
    facts = Facts("CN=x", f"CN={issuer}", (), now - (life - left) * DAY, now + left * DAY, True)
    assert certificates.judge_days(facts, now).status == days
    assert certificates.judge_renewal(facts, now).status == renewal


def test_a_certificate_about_to_end_is_seen_over_the_wire(world: World) -> None:
    with Server(world.middle.issue(HOST, age=85), world.middle) as secure, Server() as plain:
        found = serve(world, secure, plain).findings()
    assert (found["days"].status, found["renewal"].status) == (FAIL, WARN)
    assert found["days"].detail.startswith("4 of 90 days left")


def test_a_server_that_is_stuck_in_the_past_is_told_from_one_that_is_away(world: World) -> None:
    def old(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL's own level has no cipher for TLS 1.1 any more

    with Server(world.middle.issue(HOST), world.middle, tune=old) as secure, Server() as plain:
        found = serve(world, secure, plain).findings()
    assert found["protocol"].status == FAIL
    assert "TLS 1.2" in found["protocol"].detail
    assert found["redirect"].status == OK
    assert found["chain"].status == UNKNOWN


# Servers that are not there, or not what they should be.


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that refuses: bound, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_site_that_is_away_is_a_finding_with_a_remedy(dead_port: int) -> None:
    target = tls.Target(f"https://127.0.0.1:{dead_port}", "day", 0, ("/",), http_port=dead_port)
    found = {one.name: one for one in tls.look(target, time.time())}
    assert found["reachable"].status == FAIL
    assert "refused" in found["reachable"].detail.lower()
    assert "DNS" in found["reachable"].remedy
    assert found["redirect"].status == found["acme"].status == WARN
    assert found["chain"].status == UNKNOWN


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 64 + ".invalid", "a..b", "localhost:99999"])
def test_a_name_that_does_not_exist_is_a_finding(name: str) -> None:
    found = tls.look(tls.Target(f"https://{name}", "day", 0, ("/",)), time.time())
    assert found[0].status == FAIL
    assert check.exit_code(found) == 1


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    with Speaker() as made:
        yield made


class Speaker:
    """Says `words` to whoever connects, and then waits until the other side goes."""

    def __init__(self) -> None:
        self.words = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Speaker:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        join(self._thread)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                try:
                    client.sendall(self.words)
                    while client.recv(65536):
                        pass
                except OSError:
                    pass


SAID = {
    "plain HTTP on the TLS port": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "garbage": bytes(range(256)) * 8,
    "nothing at all": b"",
}


@pytest.mark.parametrize("case", SAID)
def test_what_speaks_no_tls_is_a_finding(
    case: str, speaker: Speaker, dead_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker.words = SAID[case]
    monkeypatch.setattr(handshake, "SECONDS", 0.5)
    target = tls.Target(f"https://127.0.0.1:{speaker.port}", "day", 0, ("/",), http_port=dead_port)
    found = tls.look(target, time.time())
    assert found[0].status == FAIL, found[0]
    assert "no TLS handshake" in found[0].detail


ANSWERED = (
    b"\x00\x01\x02\x03\r\n\r\n",
    b"HTTP/1.1 999999 What\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
)


@pytest.mark.parametrize("words", ANSWERED, ids=range(len(ANSWERED)))
def test_plain_http_that_answers_with_nonsense_is_a_finding(
    good: Site, speaker: Speaker, words: bytes
) -> None:
    speaker.words = words
    good.target = replace(good.target, http_port=speaker.port)
    found = good.findings()
    assert found["redirect"].status == WARN, found["redirect"]
    assert found["chain"].status == OK


def test_a_server_that_never_ends_its_answer_is_cut(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = handshake.Place("127.0.0.1", speaker.port, HOST, HOST)
    with handshake.dial(place) as line:
        monkeypatch.setattr(handshake, "SECONDS", 0.2)
        with handshake.limited(line):
            assert line.recv(1000) == b""  # uncut, the socket's own limit would end this with an error


def test_a_ca_file_that_is_none_is_wrong_use(good: Site, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        with pytest.raises(BadInput, match="PEM"):
            tls.look(replace(good.target, ca_file=str(path)), time.time())


def test_a_site_of_this_machine_has_no_https_to_look_at() -> None:
    found = tls.look(tls.Target("http://localhost:8025", "day", 0, ("/",)), time.time())
    assert {one.status for one in found} == {UNKNOWN}


# Plain HTTP.


def redirects(url: str, plain: str) -> dict[str, tuple[dict[str, Reply], str, str]]:
    """Name -> (replies of plain HTTP, status, words)."""
    there = f"{url}{site.PROBE}"
    return {
        "308": ({site.PROBE: redirect(there, 308)}, OK, "308 to the same address"),
        "temporary": ({site.PROBE: redirect(there, 302)}, WARN, "302"),
        "none": ({site.PROBE: Reply(200, "<p>Hello</p>")}, FAIL, "answered with 200"),
        "closed": ({site.PROBE: Reply(403)}, FAIL, "answered with 403"),
        "no location": ({site.PROBE: Reply(301)}, FAIL, "answered with 301"),
        "query lost": ({site.PROBE: redirect(f"{url}/health")}, FAIL, "instead of"),
        "path lost": ({site.PROBE: redirect(f"{url}/?doctor=tls")}, FAIL, "instead of"),
        "another host": ({site.PROBE: redirect(f"https://evil.example{site.PROBE}")}, FAIL, "instead of"),
        "another host, plain": ({site.PROBE: redirect("http://evil.example/")}, FAIL, "evil.example"),
        "two hops": ({site.PROBE: redirect("/x"), "/x": redirect(there)}, WARN, "2 hops"),
        "a loop": ({site.PROBE: redirect("/x"), "/x": redirect("/x")}, FAIL, "loop"),
        "itself": ({site.PROBE: redirect(f"{plain}{site.PROBE}")}, FAIL, "loop"),
        "no end": (
            {site.PROBE: redirect("/0"), **{f"/{n}": redirect(f"/{n + 1}") for n in range(9)}},
            FAIL,
            "no end",
        ),
        "nonsense": ({site.PROBE: redirect("https://[::1")}, FAIL, "https://[::1"),
        "a port that is none": ({site.PROBE: redirect("https://a:99999/")}, FAIL, "99999"),
        "a script": ({site.PROBE: redirect("javascript:alert(1)")}, FAIL, "javascript"),
        "escapes for the terminal": ({site.PROBE: redirect("http://x.example/\x1b[31m")}, FAIL, "?[31m"),
    }


def test_each_kind_of_redirect_has_its_verdict(good: Site) -> None:
    place = handshake.Place("127.0.0.1", good.plain.port, HOST, f"{HOST}:{good.plain.port}")
    for case, (replies, status, words) in redirects(good.target.url, f"http://{place.authority}").items():
        good.plain.replies = replies
        told = site.judge_redirect(place, good.target.url)
        assert told.status == status, f"{case}: {told}"
        assert words in told.detail, f"{case}: {told}"
        assert bool(told.remedy) is (status != OK), case


def test_a_redirect_of_the_ca_s_file_is_judged_by_where_it_leads(good: Site) -> None:
    cases = (
        (Reply(404), OK),
        (Reply(200, "x"), OK),
        (redirect(f"{good.target.url}{site.ACME}"), WARN),
        (redirect(f"https://www.other.example{site.ACME}"), FAIL),
        (redirect("https://[::1"), FAIL),
        (Reply(403), FAIL),
        (Reply(503), FAIL),
    )
    for reply, status in cases:
        good.plain.replies[site.ACME] = reply
        assert good.findings()["acme"].status == status, reply


def test_a_port_in_the_address_leaves_plain_http_unknown(good: Site) -> None:
    good.target = replace(good.target, http_port=0)
    found = good.findings()
    assert (found["redirect"].status, found["acme"].status) == (UNKNOWN, UNKNOWN)
    assert "--http-port" in found["redirect"].remedy


# HTTPS: answers, HSTS, Cloudflare.


def test_the_answer_over_https_is_judged(good: Site) -> None:
    cases = (
        (Reply(200, "<p>x</p>"), OK, "answers"),
        (redirect("/sign-in", 303), OK, "answers"),
        (redirect(f"{good.target.url}/"), FAIL, "Flexible"),
        (redirect("/"), FAIL, "Flexible"),
        (Reply(500), WARN, "500"),
        (Reply(526), FAIL, "does not verify"),
        (Reply(525), FAIL, "no TLS handshake with the origin"),
    )
    for reply, status, words in cases:
        good.secure.replies["/"] = reply
        told = good.findings()["reachable"]
        assert told.status == status, (reply, told)
        assert words in told.detail, (reply, told)


HSTS = (
    # POSTERN_HSTS, served, days settled, renewed, sound, status, next stage
    ("off", None, 0, False, True, WARN, "day"),
    ("off", None, 0, False, False, WARN, ""),
    ("day", "day", 0, False, True, OK, ""),
    ("day", "day", 2, False, True, OK, "month"),
    ("day", "day", 2, False, False, OK, ""),
    ("month", "month", 40, False, True, OK, ""),
    ("month", "month", 20, True, True, OK, ""),
    ("month", "month", 40, True, True, OK, "year"),
    ("year", "year", 400, True, True, OK, ""),
    ("preload", "preload", 4000, True, True, OK, ""),
    ("day", None, 0, False, True, FAIL, ""),
    ("year", "day", 0, False, True, WARN, ""),
    ("off", "year", 0, False, True, WARN, ""),
)


@pytest.mark.parametrize(("stage", "served", "days", "renewed", "sound", "status", "following"), HSTS)
def test_hsts_is_held_against_its_stage_and_raised_only_when_that_is_safe(
    stage: str, served: str | None, days: float, renewed: bool, sound: bool, status: str, following: str
) -> None:
    headers = {"strict-transport-security": hsts_value(served).upper()} if served else {}
    told = site.judge_hsts(Answer(200, headers, b""), stage, days, renewed=renewed, sound=sound)
    assert told.status == status, told
    assert (f"POSTERN_HSTS={following}," in told.remedy) is bool(following), told


def test_the_next_stage_waits_for_a_renewal_since_the_settings_changed(good: Site) -> None:
    good.secure.always["Strict-Transport-Security"] = hsts_value("month")
    for age, following in ((20, ""), (40, "POSTERN_HSTS=year")):
        # The certificate is 10 days old in both: renewed 10, or 30, days after the settings changed.
        good.target = replace(good.target, stage="month", since=time.time() - age * DAY)
        assert (following or "nothing") in (good.findings()["hsts"].remedy or "nothing")
    good.plain.replies = {}
    assert good.findings()["hsts"].remedy == ""


def test_cloudflare_in_front_asks_for_a_look_at_the_origin(good: Site) -> None:
    for headers in ({"CF-RAY": "8a1-VIE"}, {"Server": "cloudflare"}):
        good.secure.always = headers
        told = good.findings()["cloudflare"]
        assert told.status == UNKNOWN
        assert "Full (strict)" in told.remedy
        assert "--connect ORIGIN" in told.remedy


# Pages.


MIXED = (
    ('<img src="http://a.example/x.png">', 1),
    ("<IMG SRC='HTTP://a.example/x.png'>", 1),
    ('<script src="http://a.example/x.js"></script>', 1),
    ('<link rel="stylesheet" href="http://a.example/x.css">', 1),
    ('<link rel="icon" href="http://a.example/x.ico">', 1),
    ('<form action="http://a.example/">', 1),
    ('<button formaction=" http://a.example/">', 1),
    ('<object data="http://a.example/x">', 1),
    ('<iframe src="http://a.example/">', 1),
    ('<video poster="http://a.example/x"><source src="http://a.example/y"></video>', 2),
    ('<img srcset="/a.png 1x, http://a.example/b.png 2x">', 1),
    ('<base href="http://a.example/">', 1),
    ('<p style="background: url(http://a.example/x.png)">', 1),
    ('<style>@import "http://a.example/x.css"; p { color: red }</style>', 1),
    ('<meta http-equiv="refresh" content="5; url=http://a.example/">', 1),
    ('<svg><use href="http://a.example/x.svg#y"/></svg>', 1),
    ('<a href="http://a.example/">followed, not loaded</a>', 0),
    ('<link rel="canonical" href="http://a.example/">', 0),
    ("<p>http://a.example/ in text</p>", 0),
    ('<!-- <img src="http://a.example/x.png"> -->', 0),
    ('<img src="https://a.example/x.png"><img src="//a.example/y.png"><img src="/z.png"><img src>', 0),
    ("<p", 0),
)


@pytest.mark.parametrize(("html", "count"), MIXED)
def test_what_a_page_loads_or_sends_over_plain_http_is_found(html: str, count: int) -> None:
    assert len(pages.read(html)[0]) == count, pages.read(html)


def test_mixed_content_on_any_page_or_stylesheet_fails(good: Site) -> None:
    image = Reply(404, '<img src="http://a.example/x.png">')
    cases = (
        ("/", Reply(200, '<form action="http://a.example/">'), "/ loads http://a.example/"),
        (pages.NO_SUCH_PAGE, image, f"{pages.NO_SUCH_PAGE} loads"),
        ("/health", redirect("http://localhost/"), "/health leads to http://localhost/"),
        (
            "/static/postern.css",
            Reply(200, "p { background: url('http://a.example/x') }", content_type="text/css"),
            "/static/postern.css loads http://a.example/x",
        ),
    )
    for path, reply, words in cases:
        before = dict(good.secure.replies)
        good.secure.replies[path] = reply
        told = good.findings()["pages"]
        assert (told.status, words in told.detail) == (FAIL, True), told
        good.secure.replies = before
    assert good.findings()["pages"].status == OK


# The command line.


@pytest.fixture
def home(tmp_path: Path, good: Site) -> Instance:
    """Settings that lead to the good site; no database is needed to look at it."""
    settings = {"POSTERN_DB_NAME": "none", "POSTERN_DB_USER": "none", "POSTERN_RELAY_HOST": "smtp.example"}
    return Instance(tmp_path / "home", {**settings, "POSTERN_URL": good.target.url, "POSTERN_HSTS": "day"})


def doctor(home: Instance, *args: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "postern", "doctor", "tls", *args]
    done = subprocess.run(argv, env=home.environ, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_command_tells_programs_what_it_found(home: Instance, good: Site) -> None:
    args = ("--http-port", str(good.plain.port), "--ca-file", good.target.ca_file)
    done = doctor(home, "--json", *args)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert [one["name"] for one in found] == list(tls.NAMES)
    assert {one["status"] for one in found} == {OK}
    asked = {path for _, path in good.secure.asked}
    assert {"/", "/health", pages.NO_SUCH_PAGE, "/static/postern.css"} <= asked


def test_the_command_tells_people_what_to_do_and_ends_with_1_when_something_fails(
    home: Instance, good: Site
) -> None:
    done = doctor(home, "--http-port", str(good.plain.port))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "CHECK" in done.stdout
    assert "\nchain: " in done.stdout


def test_the_page_explains_every_finding() -> None:
    page = (ROOT / "docs" / "https.md").read_text()
    for name in tls.NAMES:
        assert f"| `{name}` |" in page, name


WRONG_USE = (
    ("--connect", "nowhere"),
    ("--connect", "host:port"),
    ("--connect", ":443"),
    ("--http-port", "0"),
    ("--http-port", "65536"),
    ("--ca-file", os.devnull),
)


@pytest.mark.parametrize("args", WRONG_USE, ids=" ".join)
def test_wrong_use_of_the_command_ends_with_64(home: Instance, args: tuple[str, ...]) -> None:
    assert doctor(home, *args).returncode == BadInput.exit_code
