"""dns/doh.py and dns/line.py against a real resolver on this machine, over HTTPS as in life."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import ssl
import warnings
from collections.abc import Iterator

import pytest

from postern.base.errors import BadInput, ConfigError
from postern.dns.doh import Mx, Resolver, Unreachable
from support import doh
from support.doh import DohServer
from support.https import Issuer, Made, self_signed

PATIENT, IMPATIENT = 20.0, 0.3
"""Seconds. The impatient ones meet servers that never answer."""

ROOT = Issuer.root("Test resolver CA")
LEAF = ROOT.issue("127.0.0.1", "localhost")

ZONE = {
    "example.com": [
        'TXT "v=spf1 -all"',
        'TXT "postern-verification=" "abc123"',
        "MX 20 mx2.example.com.",
        "MX 10 MX1.example.com.",
        "A 192.0.2.1",
    ],
    "www.example.com": ["CNAME alias.example.com."],
    "alias.example.com": ["CNAME example.com."],
    "dangling.example.com": ["CNAME gone.example.com."],
    "nomail.example.com": ["MX 0 ."],
    "bytes.example.com": [r'TXT "caf\233\000"'],
    "long.example.com": [f'TXT "{"x" * 255}" "{"y" * 255}"', *(f'TXT "{n:0255}"' for n in range(200))],
    "_dmarc.example.com": ['TXT "v=DMARC1; p=none"'],
}


@pytest.fixture
def trusted(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL reads the system's certificates from here."""
    monkeypatch.setenv("SSL_CERT_FILE", ROOT.write(tmp_path / "root.pem"))


@pytest.fixture
def server(trusted: None) -> Iterator[DohServer]:
    with DohServer(LEAF) as running:
        running.zone.update(ZONE)
        yield running


def resolver(server: DohServer, seconds: float = PATIENT) -> Resolver:
    return Resolver(server.url, seconds)


def test_txt_records_are_found_with_their_strings_joined(server: DohServer) -> None:
    found = resolver(server).txt("Example.COM.")
    assert sorted(found) == ["postern-verification=abc123", "v=spf1 -all"]
    assert server.asked == [("example.com", "TXT")]


def test_mail_exchangers_come_with_the_most_preferred_first(server: DohServer) -> None:
    assert resolver(server).mx("example.com") == [Mx(10, "mx1.example.com"), Mx(20, "mx2.example.com")]


def test_a_domain_that_takes_no_mail_has_an_exchanger_without_a_name(server: DohServer) -> None:
    assert resolver(server).mx("nomail.example.com") == [Mx(0, "")]


def test_an_alias_is_followed_and_can_be_asked_for(server: DohServer) -> None:
    assert "v=spf1 -all" in resolver(server).txt("www.example.com")
    assert resolver(server).cname("www.example.com") == ["alias.example.com"]
    assert resolver(server).cname("example.com") == []


@pytest.mark.parametrize("name", ["gone.example.com", "nomail.example.com", "dangling.example.com"])
def test_what_is_not_there_is_an_empty_answer(server: DohServer, name: str) -> None:
    assert resolver(server).txt(name) == []


def test_an_underscore_may_stand_in_a_name(server: DohServer) -> None:
    assert resolver(server).txt("_dmarc.example.com") == ["v=DMARC1; p=none"]


def test_bytes_that_are_not_ascii_are_marked(server: DohServer) -> None:
    assert resolver(server).txt("bytes.example.com") == ["caf\ufffd\0"]


def test_a_long_answer_arrives_whole(server: DohServer) -> None:
    found = resolver(server).txt("long.example.com")
    assert len(found) == 201
    assert "x" * 255 + "y" * 255 in found


def test_a_resolver_may_be_used_again(server: DohServer) -> None:
    asking = resolver(server)
    assert asking.mx("example.com") == asking.mx("example.com")
    assert len(server.asked) == 2


@pytest.mark.parametrize("name", ["", ".", "a..b", "bücher.example", "a b.example", "x" * 64 + ".example"])
def test_what_is_no_name_is_refused_before_anybody_is_asked(server: DohServer, name: str) -> None:
    with pytest.raises(BadInput):
        resolver(server).txt(name)
    assert server.asked == []


MISBEHAVIOUR = {
    "servfail": (doh.SERVFAIL, "it says SERVFAIL"),
    "refused": (doh.REFUSED, "it says REFUSED"),
    "truncated": (doh.TRUNCATED, "its answer is cut off"),
    "wrong id": (doh.WRONG_ID, "it answers another question"),
    "no answer": (doh.NO_ANSWER, "it answers another question"),
    "other question": (doh.OTHER_QUESTION, "it answers another question"),
    "garbage": (doh.GARBAGE, "it answers another question"),
    "empty": (doh.EMPTY, "its answer is cut off"),
    "huge": (doh.HUGE, "its answer is longer than 64 KiB"),
    "500": (doh.status(500), "HTTP status 500"),
    "404": (doh.status(404), "HTTP status 404"),
    "redirect": (doh.redirect("/dns-query"), "HTTP status 307"),
    "page": (doh.as_type("text/html"), "what it sends is no DNS message"),
}


@pytest.mark.parametrize("case", MISBEHAVIOUR)
def test_an_answer_that_cannot_be_used_is_no_answer(server: DohServer, case: str) -> None:
    server.act, why = MISBEHAVIOUR[case]
    with pytest.raises(Unreachable) as caught:
        resolver(server).txt("example.com")
    assert caught.value.reason == f"The DNS could not be asked (127.0.0.1:{server.port}: {why})."
    assert "POSTERN_DOH_URL" in caught.value.remedy
    assert (caught.value.http_status, caught.value.exit_code) == (503, 75)
    assert len(server.asked) == 1


@pytest.mark.parametrize("act", [doh.SILENT, doh.DRIP], ids=["silent", "drip"])
def test_a_slow_resolver_is_left_in_time(server: DohServer, act: doh.Act) -> None:
    server.act = act
    with pytest.raises(Unreachable, match="no answer in time"):
        resolver(server, IMPATIENT).txt("example.com")


def test_a_server_that_never_shakes_hands_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/dns-query"
        with pytest.raises(Unreachable, match="no answer in time"):
            Resolver(url, IMPATIENT).txt("example.com")


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    server: DohServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(4):  # from now on, who connects hears nothing
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(hole.getsockname())
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        found = [(*kind, hole.getsockname()), *[(*kind, ("127.0.0.1", server.port))] * 2]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert resolver(server, 3.0).mx("example.com")


def test_nobody_there_is_told_with_the_reason(trusted: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Unreachable, match="no connection, Connection refused"):
        Resolver(f"https://127.0.0.1:{port}/dns-query", PATIENT).txt("example.com")


@pytest.mark.parametrize("made", [self_signed("127.0.0.1"), ROOT.issue("dns.example")], ids=["self", "name"])
def test_a_certificate_that_does_not_verify_is_not_talked_to(trusted: None, made: Made) -> None:
    with DohServer(made) as server:
        with pytest.raises(Unreachable, match="its certificate is not valid"):
            resolver(server).txt("example.com")
        assert server.asked == []


def test_nothing_below_tls_1_2_is_spoken(trusted: None) -> None:
    def old(context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL's own level has no cipher for TLS 1.1 any more
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1_1
            context.maximum_version = ssl.TLSVersion.TLSv1_1

    with DohServer(LEAF, tune=old) as server, pytest.raises(Unreachable, match="TLS failed"):
        resolver(server).txt("example.com")


def test_the_next_resolver_is_asked_when_one_cannot_be_used(server: DohServer) -> None:
    with DohServer(LEAF) as broken:
        broken.act = doh.SERVFAIL
        assert Resolver(f"{broken.url} {server.url}", PATIENT).mx("example.com")
        assert Resolver(f"{server.url} {broken.url}", PATIENT).mx("example.com")
    assert (len(broken.asked), len(server.asked)) == (1, 2)


def test_that_something_is_not_there_needs_no_second_opinion(server: DohServer) -> None:
    with DohServer(LEAF) as other:
        other.zone.update(ZONE)
        assert Resolver(f"{server.url}\n {other.url}", PATIENT).txt("gone.example.com") == []
    assert other.asked == []


def test_every_resolver_that_failed_is_named(server: DohServer) -> None:
    server.act = doh.status(500)
    with DohServer(LEAF) as other:
        other.act = doh.REFUSED
        with pytest.raises(Unreachable) as caught:
            Resolver(f"{server.url} {other.url}", PATIENT).txt("example.com")
    assert "HTTP status 500" in caught.value.reason
    assert f"127.0.0.1:{other.port}: it says REFUSED" in caught.value.reason


def test_this_machine_may_be_asked_in_clear(doh_server: DohServer) -> None:
    doh_server.zone.update(ZONE)
    assert doh_server.url.startswith("http://127.0.0.1:")
    assert resolver(doh_server).mx("example.com")
    in_words = doh_server.url.replace("127.0.0.1", "localhost")
    assert Resolver(in_words, PATIENT).mx("example.com")


WRONG_URLS = [
    "",
    " ",
    "dns.google",
    "http://dns.google/dns-query",
    "http://127.0.0.1.example.com/dns-query",
    "http://localhost@dns.example/dns-query",
    "https://user:word@dns.example/dns-query",
    "https://dns.example",
    "https://dns.example/dns-query{?dns}",
    "https://dns.example:0/dns-query",
    "https://dns.example:65536/dns-query",
    "https://dns.google/dns-query,https://dns.example/a\u00e4",
    "https://dns.google/dns-query ftp://dns.example/",
    "https://dns.example/dns-query#x",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("url", WRONG_URLS)
def test_a_wrong_address_of_a_resolver_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Resolver(url, PATIENT)
    assert caught.value.reason.startswith("POSTERN_DOH_URL ")
    assert "word" not in str(caught.value)
