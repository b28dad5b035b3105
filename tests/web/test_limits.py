"""Who asks too often is told so, and when to come again; addresses are those of visitors, not of Cloudflare's proxies."""

from __future__ import annotations

import pathlib
import re

import pytest

import tiers
from postern.flow.receive import TO_ONE_ADDRESS
from postern.web import client, limits
from postern.web.app import App
from postern.web.request import Request
from support.instance import Instance
from support.mail import message
from support.wsgi import ask

CLOUDFLARE = "173.245.48.7"


def asking(address: str, forwarded: str = "") -> Request:
    environ = {"REMOTE_ADDR": address}
    if forwarded:
        environ["HTTP_CF_CONNECTING_IP"] = forwarded
    return Request("-", "GET", "/", environ)


@pytest.mark.parametrize(
    ("address", "forwarded", "counted"),
    [
        ("192.0.2.7", "", bytes([192, 0, 2, 7])),
        ("::ffff:192.0.2.7", "", bytes([192, 0, 2, 7])),
        ("2001:db8:1:2:3:4:5:6", "", bytes.fromhex("20010db800010002")),
        ("fe80::1%eth0", "", bytes.fromhex("fe80000000000000")),
        (CLOUDFLARE, "192.0.2.7", bytes([192, 0, 2, 7])),
        ("2606:4700::1", "2001:db8::1", bytes.fromhex("20010db800000000")),
        (CLOUDFLARE, "nonsense", bytes([173, 245, 48, 7])),
        ("192.0.2.7", "198.51.100.1", bytes([192, 0, 2, 7])),
        ("nonsense", "198.51.100.1", b""),
        ("", "", b""),
    ],
)
def test_who_counts(address: str, forwarded: str, counted: bytes):
    assert client.counted(asking(address, forwarded)) == counted


def test_every_range_of_cloudflare_is_read_and_dated():
    text = pathlib.Path(client.RANGES).read_text()
    assert re.search(r"As of: \d{4}-\d\d-\d\d", text)
    for line in text.splitlines():
        if not line.startswith("#"):
            assert client.is_cloudflare(client._packed(line.partition("/")[0])), line
    assert not client.is_cloudflare(client._packed("192.0.2.7"))


def test_the_guide_names_every_rate():
    text = (tiers.TOP / "docs" / "limits.md").read_text().replace(",", "")
    for _, _, rule in (*limits.RULES, ("", "", TO_ONE_ADDRESS)):
        assert f"| {rule.rate.count} a minute | {rule.rate.burst} |" in text, rule
        assert rule.rate.seconds == 60


@pytest.mark.parametrize(("path", "limit"), [("/", "2"), ("/api/v1/aliases", "3")])
def test_too_many_requests_are_told_when_to_come_again(instance: Instance, path: str, limit: str):
    instance.write_env(POSTERN_RATE_PERCENT="1")
    app = App(instance.context)
    assert ask(app, uri=path, REMOTE_ADDR="192.0.2.7").status != 429
    refused = ask(app, uri=path, REMOTE_ADDR="192.0.2.7")
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == (limit, "0")
    assert int(refused.headers["ratelimit-reset"]) >= int(refused.headers["retry-after"])
    assert ask(app, uri=path, REMOTE_ADDR="198.51.100.1").status != 429


def test_a_table_that_cannot_be_made_stops_nobody(instance: Instance):
    instance.write_env(POSTERN_RATE_PERCENT="1")
    app = App(instance.context)
    pathlib.Path(instance.home, "run", "limits").mkdir()
    assert [ask(app, REMOTE_ADDR="192.0.2.7").status for _ in range(3)] == [200] * 3
    assert instance.log().count("limits.away") == 1


def test_a_flood_to_one_alias_is_told_to_come_back(instance: Instance):
    instance.write_env(POSTERN_RATE_PERCENT="1")
    with instance.served() as site:
        answers = [instance.post(site, message()).status for _ in range(3)]
        assert answers == [202, 202, 429]
    instance.finish()
    assert instance.states() == {"sent": 2}
