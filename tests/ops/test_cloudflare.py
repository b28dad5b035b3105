"""postern cloudflare against an account whose requests and answers have the published shapes (support/cloudflare.py)."""

from __future__ import annotations

import base64
import os
import pathlib
import stat
from collections.abc import Callable, Iterator

import pytest

import tiers
from postern.base.errors import BadInput, Conflict, NotFound
from postern.ops.cloudflare import notes, plan, spf, undo, worker
from postern.ops.cloudflare import zone as zones
from postern.ops.cloudflare.api import Api, ApiRefused
from postern.ops.cloudflare.wish import Wish
from support.cloudflare import OPERATIONS, TOKEN, Cloudflare, call
from support.instance import ALIAS, DOMAIN, Instance

SECRET = "whsec_" + base64.b64encode(os.urandom(32)).decode()
HOOK = "https://alias.example.org/hooks/inbound"
WISH = Wish(HOOK, SECRET)
SPF = "v=spf1 include:_spf.mx.cloudflare.net ~all"


@pytest.fixture
def cloudflare() -> Iterator[Cloudflare]:
    with Cloudflare("example.org", "example.net") as account:
        yield account


@pytest.fixture
def home(tmp_path: pathlib.Path) -> str:
    return str(tmp_path)


def at(cloudflare: Cloudflare, domain: str = "example.org") -> tuple[Api, zones.Zone]:
    api = Api(TOKEN, cloudflare.url)
    return api, zones.find(api, domain)


def apply(cloudflare: Cloudflare, home: str, wish: Wish = WISH, domain: str = "example.org") -> list[str]:
    """Do it as the command does; returns what was changed."""
    api, zone = at(cloudflare, domain)
    done = plan.changes(api, zone, wish)
    for change in done:
        notes.add(home, domain, change.undo)
        change.act()
    assert plan.changes(api, zone, wish) == [], "a second run has nothing to do"
    return [change.what for change in done]


def remove(cloudflare: Cloudflare, home: str, domain: str = "example.org") -> None:
    api, zone = at(cloudflare, domain)
    for change in undo.changes(api, zone, notes.read(home, domain), keep_worker=len(notes.domains(home)) > 1):
        change.act()
    notes.forget(home, domain)


def text(cloudflare: Cloudflare, name: str) -> list[str]:
    return [
        spf.text_of(one["content"])
        for one in cloudflare.records
        if one["name"] == name and one["type"] == "TXT"
    ]


def snapshot(cloudflare: Cloudflare) -> object:
    rule = zones._rule(cloudflare.catch_all, "")
    return cloudflare.dns(), rule.says(), cloudflare.rules, cloudflare.scripts, cloudflare.enabled


@pytest.mark.parametrize("domain", ["example.org", "a.example.org"])
def test_an_empty_zone_is_set_up_and_taken_back(cloudflare: Cloudflare, home: str, domain: str):
    before = snapshot(cloudflare)
    assert apply(cloudflare, home, domain=domain) == [
        f"DNS {domain}",
        f"Email Routing of {domain}",
        f"DNS _dmarc.{domain}",
        "Worker postern-inbound",
        "catch-all of example.org",
    ]
    assert text(cloudflare, domain) == [SPF]
    assert text(cloudflare, f"_dmarc.{domain}") == ["v=DMARC1; p=none"]
    assert len([line for line in cloudflare.dns() if line.startswith(f"{domain} MX ")]) == 3
    assert len(text(cloudflare, f"cf2024-1._domainkey.{domain}")) == 1
    script = cloudflare.scripts["postern-inbound"]
    told = {one["name"]: one["text"] for one in script["bindings"]}
    assert told["HOOK_URL"] == HOOK
    assert told["SECRETS"] == SECRET
    assert {one["type"] for one in script["bindings"] if one["text"] == SECRET} == {"secret_text"}
    assert cloudflare.catch_all["actions"] == [{"type": "worker", "value": ["postern-inbound"]}]
    remove(cloudflare, home, domain)
    after = snapshot(cloudflare)
    assert after[:4] == before[:4]
    assert after[4] == (domain != "example.org"), (
        "of a subdomain Email Routing stays on: the zone may need it"
    )


def test_the_second_domain_needs_less_and_the_worker_stays_while_one_needs_it(
    cloudflare: Cloudflare, home: str
):
    apply(cloudflare, home)
    assert apply(cloudflare, home, domain="a.example.org") == [
        "DNS a.example.org",
        "Email Routing of a.example.org",
    ]
    remove(cloudflare, home)
    assert "postern-inbound" in cloudflare.scripts
    remove(cloudflare, home, "a.example.org")
    assert cloudflare.scripts == {}


def test_only_what_differs_is_changed(cloudflare: Cloudflare, home: str):
    apply(cloudflare, home)
    for change, expected in (
        ({"secrets": f"{SECRET} whsec_{'B' * 32}"}, "PUT /accounts/ID/workers/scripts/NAME"),
        ({"hook_url": "https://other.example/hooks/inbound"}, "PUT /accounts/ID/workers/scripts/NAME"),
        ({"multipart": True}, "PUT /accounts/ID/workers/scripts/NAME"),
        ({"spf": ("include:spf.relay.example",)}, "PATCH /zones/ID/dns_records/ID"),
        ({"dkim": (("s1", "s1.dkim.relay.example."),)}, "POST /zones/ID/dns_records"),
        ({"dkim": (("s2", "v=DKIM1; p=AAAA"),)}, "POST /zones/ID/dns_records"),
    ):
        cloudflare.calls.clear()
        apply(cloudflare, home, Wish(**{"hook_url": HOOK, "secrets": SECRET, **change}))
        called = [f"{method} {path}" for method, path in cloudflare.calls]
        assert expected in called and len(called) <= 2, (change, called)
    assert text(cloudflare, "example.org") == [
        "v=spf1 include:_spf.mx.cloudflare.net include:spf.relay.example ~all"
    ]


def test_the_fallback_becomes_a_destination_address(cloudflare: Cloudflare, home: str):
    wish = Wish(HOOK, SECRET, fallback="Me@real-mailbox.example")
    assert apply(cloudflare, home, wish)[0] == "destination address Me@real-mailbox.example"
    assert [one["email"] for one in cloudflare.addresses] == ["Me@real-mailbox.example"]


def test_an_existing_spf_record_is_merged_and_comes_back(cloudflare: Cloudflare, home: str):
    old = "v=spf1 ip4:192.0.2.1 include:mail.example -all"
    cloudflare.put("TXT", "example.org", f'"{old}"')
    cloudflare.put("TXT", "example.org", '"other=1"')
    cloudflare.put("TXT", "_dmarc.example.org", '"v=DMARC1; p=reject"')
    apply(cloudflare, home)
    merged = "v=spf1 ip4:192.0.2.1 include:mail.example include:_spf.mx.cloudflare.net -all"
    assert sorted(text(cloudflare, "example.org")) == ["other=1", merged]
    assert text(cloudflare, "_dmarc.example.org") == ["v=DMARC1; p=reject"]
    remove(cloudflare, home)
    assert sorted(text(cloudflare, "example.org")) == ["other=1", old]
    assert text(cloudflare, "_dmarc.example.org") == ["v=DMARC1; p=reject"]


def test_what_others_changed_since_is_left_alone(cloudflare: Cloudflare, home: str):
    record = cloudflare.put("TXT", "example.org", '"v=spf1 mx -all"')
    apply(cloudflare, home)
    record["content"] = '"v=spf1 mx include:_spf.mx.cloudflare.net ip4:192.0.2.7 -all"'
    cloudflare.catch_all = {"enabled": True, "matchers": [{"type": "all"}], "actions": [{"type": "drop"}]}
    remove(cloudflare, home)
    assert text(cloudflare, "example.org") == ["v=spf1 mx ip4:192.0.2.7 -all"]
    assert cloudflare.catch_all["enabled"]


def test_mail_of_another_provider_is_not_taken_unasked(cloudflare: Cloudflare, home: str):
    cloudflare.put("MX", "example.org", "mx1.provider.example", 10)
    with pytest.raises(Conflict, match=r"goes to mx1\.provider\.example today"):
        apply(cloudflare, home)
    assert cloudflare.calls == []
    apply(cloudflare, home, domain="a.example.org")
    wish = Wish(HOOK, SECRET, replace_mx=True)
    apply(cloudflare, home, wish)
    assert "example.org MX mx1.provider.example" not in cloudflare.dns()
    remove(cloudflare, home)
    assert "example.org MX mx1.provider.example" in cloudflare.dns()
    assert [one["priority"] for one in cloudflare.records if one["content"] == "mx1.provider.example"] == [10]


def test_a_catch_all_in_use_is_not_taken_unasked_and_comes_back(cloudflare: Cloudflare, home: str):
    forward = [{"type": "forward", "value": ["jane@real-mailbox.example"]}]
    cloudflare.catch_all = {"enabled": True, "matchers": [{"type": "all"}], "actions": forward}
    with pytest.raises(Conflict, match=r"in use: forward jane@real-mailbox\.example"):
        apply(cloudflare, home)
    apply(cloudflare, home, Wish(HOOK, SECRET, take_catch_all=True))
    remove(cloudflare, home)
    assert (cloudflare.catch_all["enabled"], cloudflare.catch_all["actions"]) == (True, forward)


def test_a_rule_for_each_alias_instead(cloudflare: Cloudflare, home: str):
    foreign = {
        "id": cloudflare.new_id(), "name": "", "enabled": True, "priority": 0,
        "matchers": [{"type": "literal", "field": "to", "value": "me@example.org"}],
        "actions": [{"type": "forward", "value": ["me@real-mailbox.example"]}],
    }  # fmt: skip
    cloudflare.rules = [foreign]
    wanted = tuple(f"a{number}@example.org" for number in range(60))
    apply(cloudflare, home, Wish(HOOK, SECRET, aliases=wanted))
    assert len(cloudflare.rules) == 61
    assert not cloudflare.catch_all["enabled"]
    cloudflare.rules[5]["enabled"] = False
    assert len(apply(cloudflare, home, Wish(HOOK, SECRET, aliases=wanted))) == 1
    with pytest.raises(Conflict, match=r"a rule for me@example\.org: forward me@real"):
        apply(cloudflare, home, Wish(HOOK, SECRET, aliases=("me@example.org",)))
    with pytest.raises(Conflict, match="Cloudflare allows 200"):
        apply(cloudflare, home, Wish(HOOK, SECRET, aliases=tuple(f"b{n}@example.org" for n in range(140))))
    remove(cloudflare, home)
    assert cloudflare.rules == [foreign]


def test_a_run_that_broke_off_is_finished_by_the_next(cloudflare: Cloudflare, home: str):
    before = snapshot(cloudflare)
    cloudflare.refuse = {("PUT", "/accounts/"): (503, 0, "down")}
    with pytest.raises(ApiRefused, match="out of order"):
        apply(cloudflare, home)
    cloudflare.refuse = {}
    assert apply(cloudflare, home) == ["Worker postern-inbound", "catch-all of example.org"]
    remove(cloudflare, home)
    assert snapshot(cloudflare) == before


REFUSALS: list[tuple[tuple[str, str], tuple[int, int, str], str, str]] = [
    (("GET", "/zones"), (401, 1000, "Invalid API Token"), "does not know this token", "Copy it again"),
    (("GET", "/zones"), (400, 6003, "Invalid request headers"), "does not know this token", "Copy it again"),
    (("GET", "/zones"), (403, 10000, "Authentication error"), "does not let", "Zone, Zone, Read"),
    (("GET", "/zones"), (429, 971, "Please wait"), "too many requests", "five minutes"),
    (("GET", "/zones/"), (500, 0, "oops\x1b[2J"), "out of order", "Try again"),
    (("POST", "/zones/"), (403, 10000, "Authentication error"), "does not let", "DNS, Edit"),
    (
        ("POST", "/zones/"),
        (400, 81058, "An identical record already exists."),
        "already exists",
        "docs/cloudflare.md",
    ),
    (("GET", "/accounts/"), (403, 10000, "Authentication error"), "does not let", "Workers Scripts, Edit"),
    (("PUT", "/accounts/"), (403, 10000, "Authentication error"), "does not let", "Workers Scripts, Edit"),
    (("PUT", "/zones/"), (403, 10000, "Authentication error"), "does not let", "Email Routing Rules, Edit"),
]
"""In the order in which a run meets them: each gets a step further than the one before."""


def test_what_cloudflare_refuses_is_said_in_plain_words(cloudflare: Cloudflare, home: str):
    for place, refusal, reason, remedy in REFUSALS:
        cloudflare.refuse = {place: refusal}
        with pytest.raises(ApiRefused) as caught:
            apply(cloudflare, home)
        assert reason in caught.value.reason and remedy in caught.value.remedy, (refusal, str(caught.value))
        assert TOKEN not in str(caught.value) and "\x1b" not in str(caught.value)


def test_what_is_no_token_no_domain_of_the_account_or_no_api_is_said_at_once(cloudflare: Cloudflare):
    with pytest.raises(BadInput, match="no API token"):
        Api("Bearer x\r\ny", cloudflare.url)
    with pytest.raises(BadInput, match="no address of an API"):
        Api(TOKEN, "http://api.cloudflare.com/client/v4")
    with pytest.raises(NotFound, match="in no zone"):
        at(cloudflare, "elsewhere.example")
    api = Api(TOKEN, "http://127.0.0.1:1/client/v4")
    with pytest.raises(ApiRefused, match="does not answer"):
        zones.find(api, "example.org")


MERGED = [
    (["v=spf1 -all"], ["v=spf1 include:_spf.mx.cloudflare.net -all"]),
    (["V=SPF1 MX ?ALL"], ["V=SPF1 MX include:_spf.mx.cloudflare.net ?ALL"]),
    (["v=spf1 redirect=a.example"], ["v=spf1 include:_spf.mx.cloudflare.net redirect=a.example"]),
    (["v=spf1 a"], ["v=spf1 a include:_spf.mx.cloudflare.net"]),
    (["v=spf1"], ["v=spf1 include:_spf.mx.cloudflare.net"]),
    (["v=spf1 +include:_spf.MX.cloudflare.net -all"], ["v=spf1 +include:_spf.MX.cloudflare.net -all"]),
]


def test_spf_is_merged_and_never_broken():
    for found, expected in MERGED:
        assert [spf.merge(found, [spf.CLOUDFLARE])] == expected
    assert spf.merge([], [spf.CLOUDFLARE]) == SPF
    with pytest.raises(Conflict, match="2 SPF records"):
        spf.merge(["v=spf1 a", "v=spf1 mx"], [spf.CLOUDFLARE])
    with pytest.raises(Conflict, match="11 look-ups"):
        spf.merge(
            ["v=spf1 " + "".join(f"include:{n}.example " for n in range(10)) + "-all"], [spf.CLOUDFLARE]
        )
    assert spf.text_of('"v=spf1 a" " mx" "\\"q\\\\"') == 'v=spf1 a mx"q\\'
    assert [spf.is_spf(one) for one in ("v=spf1", "V=spf1 a", "v=spf10 a", "spf1")] == [
        True,
        True,
        False,
        False,
    ]


ASKED = {
    # what a test of ours did once, each wrong in one way: what it is told
    "an unknown field": (
        "POST",
        "/email/routing/rules",
        {"matchers": [], "actions": [], "to": "x"},
        ".to: unknown",
    ),
    "a field that is missing": ("POST", "/email/routing/rules", {"actions": []}, ".matchers: missing"),
    "a word of another list": (
        *("POST", "/email/routing/rules"),
        *({"matchers": [{"type": "some"}], "actions": []}, ".matchers[0].type: 'some' is not one of"),
    ),
    "another kind": ("POST", "/email/routing/dns", {"name": 5}, ".name: 5 is no string"),
    "a record with another's field": (
        *("POST", "/dns_records"),
        *({"type": "TXT", "name": "x", "ttl": 1, "content": "x", "weight": 1}, ".weight: unknown"),
    ),
    "a body where none is": ("DELETE", "/email/routing/dns", {}, ": {} is no null"),
    "an unknown parameter": ("GET", "/email/routing/rules?page=1&per_page=50&size=2", None, "?size: unknown"),
}


def faults_of(act: Callable[[Api, zones.Zone], object]) -> str:
    """What the account says in the end of one that does this."""
    with pytest.raises(AssertionError) as failed:
        ask_and_leave(act)
    return str(failed.value)


def ask_and_leave(act: Callable[[Api, zones.Zone], object]) -> None:
    with Cloudflare("example.org") as account:
        act(*at(account))


@pytest.mark.parametrize(("method", "path", "sent", "told"), ASKED.values(), ids=ASKED)
def test_what_is_sent_and_is_not_of_the_published_schema_fails_the_test(
    method: str, path: str, sent: object, told: str
):
    assert told in faults_of(lambda api, zone: api.send(method, zone.path + path, sent))


def test_an_answer_that_is_not_of_the_published_schema_fails_the_test(monkeypatch: pytest.MonkeyPatch):
    bad = {"id": "x", "enabled": "yes"}
    monkeypatch.setattr(Cloudflare, "_get_zones_id_email_routing", lambda *_: bad)
    told = faults_of(zones.is_enabled)
    assert ".name: missing" in told
    assert ".enabled: 'yes' is not one of [True, False]" in told


def test_every_call_of_the_account_is_in_the_published_schema():
    methods = [
        name
        for name in vars(Cloudflare)
        if name.startswith(("_get_", "_put_", "_post_", "_patch_", "_delete_"))
    ]
    assert sorted(methods) == sorted(f"_{call(one)}" for one in OPERATIONS)


def test_the_command(instance: Instance, cloudflare: Cloudflare):
    """Typed in, shown, asked, done, checked, taken back; the token is kept where it was said, and nowhere else."""
    cloudflare.zones[cloudflare.new_id()] = domain = DOMAIN

    def run(verb: str, *args: str, stdin: str = f"{TOKEN}\n", code: int = 0) -> str:
        return instance.cli(
            "cloudflare", verb, domain, *args, "--api", cloudflare.url, stdin=stdin, code=code
        )

    instance.cli("dkim", "new", domain, "--kind", "ed25519", "--selector", "own")
    shown = run("plan")
    assert f"~ Email Routing of {domain}\n    - off\n    + on, with MX" in shown
    assert cloudflare.calls == []
    assert "Nothing was changed" in run("apply", code=64)
    guide = (tiers.TOP / "docs" / "cloudflare.md").read_text()
    for verb in ("plan", "apply", "check", "remove"):
        assert f"\n~/.postern/bin/postern cloudflare {verb} alias.example.org\n" in guide
    assert "not as it should be" in run("check", code=69)
    assert "Done: Worker postern-inbound" in run("apply", "--yes", "--keep-token")
    assert text(cloudflare, f"own-ed25519._domainkey.{domain}")[0].startswith("v=DKIM1; k=ed25519; p=")
    env = pathlib.Path(instance.home, ".env")
    assert TOKEN in env.read_text() and stat.S_IMODE(env.stat().st_mode) == 0o600
    assert "All is as it should be." in run("check", stdin="")
    assert f"rule for {ALIAS}" in run("plan", "--per-alias", stdin="")
    secret = instance.settings["POSTERN_WEBHOOK_SECRETS"]
    assert {"type": "secret_text", "name": "SECRETS", "text": secret} in cloudflare.scripts[
        "postern-inbound"
    ]["bindings"]
    assert "Done: " in run("remove", "--yes", stdin="")
    assert cloudflare.scripts == {}
    assert TOKEN not in instance.log()


def test_the_worker_that_is_uploaded_is_the_one_that_is_tested():
    kind, body = worker.upload([])
    assert worker.source().encode() in body
    assert kind.startswith("multipart/form-data; boundary=")
