"""`postern doctor`: the registry is whole and in order, a whole instance is told so, and each way to break it is found.

Covered: every entry of docs/TROUBLESHOOTING.md by breaking the system that way; docs/CHECKLIST.md; exit codes, --json, --only,
answers, the report of --go-live; `doctor dns` against a real resolver; `doctor limits` with and without a resident.
Not here: the eleven findings about TLS (tests/ops/test_doctor_tls.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiers
from postern.base.errors import BadInput, ConfigError
from postern.base.lock import FileLock
from postern.mail import dkim_record
from postern.ops import index
from postern.ops.doctor import answers, checklist, go_live, records, registry, senders
from postern.ops.doctor.check import FAIL, OK, UNKNOWN, WARN
from postern.ops.doctor.item import ADVICE, SEVERITIES
from postern.ops.doctor.registry import Finding
from postern.ops.local.superuser import Superuser
from postern.ops.own_dkim import OwnKey
from postern.resident import ask
from support.doh import SERVFAIL, DohServer
from support.fixtures import RELAY_PASSWORD, RELAY_USER, relay_env
from support.house import House
from support.instance import DOMAIN, Instance
from support.relay import ScriptedRelay
from support.signing import signing_key_of
from support.template import ready_database
from support.trouble import BREAKS, ZONE, Estate, fill

ITEMS = {item.id: item for item in registry.items()}
SYMPTOMS = {item.id: item.symptom for item in ITEMS.values() if item.symptom}
TROUBLESHOOTING = (tiers.TOP / "docs" / "TROUBLESHOOTING.md").read_text()
OF_A_HOST = ("env.https", "tls.", "static.", "python.vulnerabilities")
"""What no site over plain HTTP on this machine has, and what asks the package index."""


@pytest.fixture(scope="module")
def estate(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """A whole instance: everything that the doctor can see here is well, no drain runs, and the mail in it is not due."""
    folder = tmp_path_factory.mktemp("estate")
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(ScriptedRelay(users={RELAY_USER: RELAY_PASSWORD}))
        resolver = stack.enter_context(DohServer())
        place = stack.enter_context(ready_database(cluster))
        budget = {"POSTERN_RELAY_PER_HOUR": "100", "POSTERN_RELAY_PER_DAY": "1000"}
        settings = {**place.env, **relay_env(relay), **budget, "POSTERN_DOH_URL": resolver.url}
        house = stack.enter_context(contextlib.closing(House(folder / "home", settings)))
        house.migrate()
        house.people()
        house.cli("user", "role", "jane", "admin")
        site = stack.enter_context(house.served())
        house.write_env(POSTERN_URL=site)
        lock = stack.enter_context(FileLock(os.path.join(house.home, "run", "deliver.lock")))
        assert lock.acquire()
        fill(house)
        made = Estate(house, place, relay, resolver, site, folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
            made.settle()
            yield made


# The registry.


def test_every_check_has_a_group_a_ticket_a_severity_a_remedy_and_a_guide():
    assert len(ITEMS) == len(registry.items()) > 70
    for item in ITEMS.values():
        assert item.group in registry.GROUPS
        assert re.fullmatch(r"[a-z]+\.[a-z-]+", item.id), item.id
        assert re.fullmatch(r"SH-\d\d", item.ticket), item.id
        assert item.severity in SEVERITIES
        assert bool(item.look) != bool(item.question), item.id
        assert item.remedy or item.severity == ADVICE, item.id
        assert (tiers.TOP / item.guide).is_file(), item.guide


def test_what_a_check_needs_stands_before_it():
    seen: set[str] = set()
    for item in registry.items():
        assert seen.issuperset(item.needs), (item.id, item.needs)
        seen.add(item.id)


def test_every_group_has_checks_and_the_three_reviews_are_covered():
    assert {item.group for item in ITEMS.values()} == set(registry.GROUPS)
    audited = {item.group for item in ITEMS.values() if item.audit}
    # SH-29: TLS, secrets, permissions, injection and isolation, CSRF.
    assert audited >= {"tls", "keys", "env", "web", "tenants", "security"}
    # SH-30: monitoring, backups, error handling, security, documentation, support channels.
    assert {
        "web.watched",
        "backup.fresh",
        "logs.errors",
        "security.reviewed",
        "security.runbook",
        "security.contact",
    } <= set(ITEMS)


def test_a_name_that_is_no_check_is_refused():
    with pytest.raises(BadInput, match="'weather'"):
        registry.chosen(["weather"])
    assert [item.id for item in registry.chosen(["cron.lines", "dns"])][-1] == "cron.lines"


def test_the_checklist_is_what_the_registry_prints():
    assert (tiers.TOP / "docs" / "CHECKLIST.md").read_text() == checklist.page()


# A whole instance, and every way to break it.


def test_a_whole_instance_has_nothing_to_mend(estate: Estate):
    names = [name for name, item in ITEMS.items() if item.look and not name.startswith(OF_A_HOST)]
    found = estate.look(*names)
    assert {name: one.detail for name, one in found.items() if one.status == FAIL} == {}
    assert {name for name in SYMPTOMS if name in found and found[name].status != OK} == set()


def test_every_symptom_has_its_entry_and_is_broken_in_a_test():
    headings = re.findall(r"^### (.+)$", TROUBLESHOOTING, re.MULTILINE)
    assert sorted(headings) == sorted(SYMPTOMS.values())
    assert set(BREAKS) == set(SYMPTOMS)


@pytest.mark.parametrize("name", SYMPTOMS)
def test_the_doctor_names_the_entry_of_what_is_broken(estate: Estate, name: str):
    entry = TROUBLESHOOTING.partition(f"### {SYMPTOMS[name]}\n")[2].partition("\n### ")[0]
    assert f"`{name}`" in entry
    with BREAKS[name](estate):
        found = estate.look(name)[name]
    assert found.status in (FAIL, WARN), found
    assert found.item.symptom in TROUBLESHOOTING
    assert found.remedy


def test_what_comes_after_a_failure_is_not_looked_at(estate: Estate):
    with BREAKS["database.reachable"](estate):
        found = estate.look("database", "tenants")
    assert found["database.reachable"].status == FAIL
    assert found["tenants.walls"].status == UNKNOWN
    assert "database.reachable" in found["database.migrated"].detail
    following = registry.next_step(list(found.values()))
    assert following is not None and following.item.id == "database.reachable"


# The command line.


def test_the_exit_code_tells_the_worst(estate: Estate):
    house = estate.house
    assert house.tell("doctor", "--only", "keys.strong,database")[0] == 0
    with BREAKS["cron.jobs"](estate):
        assert house.tell("doctor", "look", "--only", "cron")[0] == 1
    with BREAKS["dns.mx"](estate):
        code, out, _ = house.tell("doctor", "--only", "dns")
    assert code == 2
    assert "Next: dns.mx" in out
    assert "docs/TROUBLESHOOTING.md, “Mail to an alias does not arrive" in out
    assert re.search(r"admins read them at http://\S+/admin/help, too\.", out)


def test_json_has_every_field_that_a_program_wants(estate: Estate):
    _, out, _ = estate.house.tell("doctor", "--only", "keys", "--json")
    rows = json.loads(out)
    assert [row["check"] for row in rows] == [name for name in ITEMS if name.startswith("keys.")]
    wanted = {
        "check",
        "status",
        "severity",
        "detail",
        "ticket",
        "what",
        "remedy",
        "guide",
        "question",
        "symptom",
    }
    assert all(set(row) == wanted for row in rows)


def test_a_broken_env_is_a_finding_and_not_the_end(estate: Estate):
    with estate.env(POSTERN_URL="nonsense"):
        code, out, errors = estate.house.tell("doctor", "--only", "env,relay")
    assert (code, errors) == (2, "")
    assert "POSTERN_URL must look like" in out


def test_no_secret_is_shown(estate: Estate):
    with BREAKS["relay.signs-in"](estate), BREAKS["database.reachable"](estate):
        _, out, errors = estate.house.tell("doctor", "--only", "env,keys,database,relay,logs")
    for name, value in estate.house.settings.items():
        if name in (
            "POSTERN_DB_PASSWORD",
            "POSTERN_RELAY_PASSWORD",
            "POSTERN_SEAL_KEYS",
            "POSTERN_INDEX_KEY",
        ):
            assert value.strip('"') not in out + errors, name


def test_a_secret_in_a_log_is_found(estate: Estate):
    path = Path(estate.house.home, "logs", "cron-leak.txt")
    path.write_text(f"oops {estate.house.settings['POSTERN_INDEX_KEY']}\n")
    try:
        assert "cron-leak.txt" in estate.look("logs.clean")["logs.clean"].detail
    finally:
        path.unlink()
    assert estate.look("logs.clean")["logs.clean"].status == OK


def test_an_answer_is_kept_with_its_date_and_name_and_asked_again_after_a_year(estate: Estate):
    house = estate.house
    house.cli("doctor", "answer", "keys.sheet", "yes", "--by", "Jane Doe", "--note", "in the safe")
    found = estate.look("keys.sheet")["keys.sheet"]
    assert (found.status, found.detail) == (
        OK,
        f"yes, says Jane Doe on {time.strftime('%Y-%m-%d', time.gmtime())}: in the safe",
    )
    assert stat.S_IMODE(os.stat(os.path.join(house.home, answers.FILE)).st_mode) == 0o600
    old = answers.Answer("yes", "Jane Doe", time.time() - 400 * 86400)
    assert answers.judge(old, time.time()).status == WARN
    house.cli("doctor", "answer", "keys.sheet", "no", "--by", "Jane Doe")
    assert estate.look("keys.sheet")["keys.sheet"].status == FAIL
    assert "is nothing that is asked" in house.cli(
        "doctor", "answer", "cron.lines", "yes", "--by", "J", code=66
    )
    assert "name of who" in house.cli("doctor", "answer", "keys.sheet", "yes", "--by", " ", code=64)


def test_questions_are_asked_one_after_the_other_until_the_input_ends(estate: Estate):
    asked = ("doctor", "--only", "backup.rehearsed,web.watched,security", "--ask", "--by", "Jane Doe")
    told = Instance.cli(estate.house, *asked, stdin="yes\nno\n", code=1)
    assert told.count("(yes/no, empty: later)") == 3
    kept = answers.read(estate.house.home)
    # In the order of the registry.
    assert (kept["web.watched"].answer, kept["backup.rehearsed"].answer) == ("yes", "no")
    assert kept["web.watched"].by == "Jane Doe"
    assert "security.two-factor" not in kept
    estate.house.cli("doctor", "--ask", "--json", code=64)


def test_an_answer_that_cannot_be_kept_is_said(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be written"):
        answers.keep(str(tmp_path / "gone"), "keys.sheet", answers.Answer("yes", "Jane Doe", 0))
    (tmp_path / answers.FILE).write_text("[]")
    with pytest.raises(ConfigError, match="cannot be read"):
        answers.read(str(tmp_path))


def _all_well() -> list[Finding]:
    return [Finding(item, OK, "well", "") for item in ITEMS.values()]


def test_the_report_is_ready_only_when_nothing_critical_is_open(estate: Estate):
    assert go_live.report(_all_well(), "https://a.example", 0).endswith(
        "READY: nothing critical is open, and every question is answered."
    )
    for name, status, ready in (
        ("keys.sheet", UNKNOWN, False),
        ("web.closed", FAIL, False),
        ("cron.jobs", FAIL, False),
        ("cron.jobs", WARN, True),
        ("security.versions", UNKNOWN, True),
    ):
        findings = [
            Finding(one.item, status, "x", "y") if one.item.id == name else one for one in _all_well()
        ]
        assert (not go_live.open_points(findings)) == ready, (name, status)


def test_go_live_prints_every_check_with_its_sign(estate: Estate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(index, "PYPI", "http://127.0.0.1:1")
    code, out, _ = estate.house.tell("doctor", "--go-live")
    assert code == 1
    assert f"production readiness of {estate.site}" in out
    assert all(f"{name} ({item.ticket}, {item.severity}" in out for name, item in ITEMS.items())
    assert "NOT READY" in out
    assert "[?] python.vulnerabilities" in out
    assert "[x] database.reachable" in out and "[?] security.law" in out


# The records.


def _records(server: DohServer, way: str = "cloudflare", relay: str = "smtp.example.net", *selectors: str):
    from postern.dns.doh import Resolver

    sender = senders.of_host(relay)
    return {one.kind: one for one in records.look(Resolver(server.url, 20), DOMAIN, way, sender, selectors)}


def test_dns_gives_the_exact_records_to_add(doh_server: DohServer):
    found = _records(doh_server, "cloudflare", "smtp.eu.mailgun.org")
    assert {one.status for one in found.values()} == {FAIL}
    assert found["mx"].add == tuple(f"{DOMAIN} MX {n} route{n}.mx.cloudflare.net" for n in (1, 2, 3))
    assert found["spf"].add == (
        f'{DOMAIN} TXT "v=spf1 include:mailgun.org include:_spf.mx.cloudflare.net ~all"',
    )
    assert found["dmarc"].add == (f'_dmarc.{DOMAIN} TXT "v=DMARC1; p=none"',)
    assert f"pdk1._domainkey.{DOMAIN}" in found["dkim"].remedy


def test_dns_merges_an_spf_record_and_breaks_none(doh_server: DohServer):
    doh_server.zone[DOMAIN] = ['TXT "v=spf1 a include:other.example -all"', 'TXT "unrelated"']
    found = _records(doh_server, "pipe", "in-v3.mailjet.com")["spf"]
    assert found.add == (f'{DOMAIN} TXT "v=spf1 a include:other.example include:spf.mailjet.com -all"',)
    doh_server.zone[DOMAIN].append('TXT "v=spf1 -all"')
    two = _records(doh_server)["spf"]
    assert (two.status, two.add) == (FAIL, ())
    assert "2 SPF records" in two.remedy


@pytest.mark.parametrize(
    ("term", "status"),
    [
        ("include:zohomail.com", OK),
        ("include:zoho.com", OK),
        ("include:spf.zoho.com", OK),
        ("include:zoho.eu", FAIL),
        ("include:other.example", FAIL),
    ],
)
def test_dns_takes_each_spf_term_that_a_relay_has_had(doh_server: DohServer, term: str, status: str):
    doh_server.zone[DOMAIN] = [f'TXT "v=spf1 {term} ~all"']
    found = _records(doh_server, "pipe", "smtp.zoho.com")["spf"]
    assert found.status == status
    wanted = f'{DOMAIN} TXT "v=spf1 {term} include:zohomail.com ~all"'
    assert found.add == (() if status == OK else (wanted,))


def test_dns_does_not_guess_where_a_relays_keys_are(doh_server: DohServer):
    """Postmark's selectors carry a date: to say that there is no key would be wrong."""
    found = _records(doh_server, "pipe", "smtp.postmarkapp.com")["dkim"]
    assert (found.status, found.add) == (WARN, ())
    assert "not known" in found.found


@pytest.mark.parametrize(
    ("way", "hosts", "status"),
    [
        ("cloudflare", ["route1.mx.cloudflare.net"], OK),
        ("cloudflare", ["route1.mx.cloudflare.net", "mail.example"], FAIL),
        ("cloudflare", ["evil-mx.cloudflare.net.example"], FAIL),
        ("mailgun", ["mxa.eu.mailgun.org", "mxb.eu.mailgun.org"], OK),
        ("postmark", ["inbound.postmarkapp.com"], OK),
        ("ses", ["inbound-smtp.eu-west-1.amazonaws.com"], OK),
        ("pipe", ["mail.host.example"], OK),
        ("pipe", [], FAIL),
    ],
)
def test_dns_judges_the_mail_exchangers(doh_server: DohServer, way: str, hosts: list[str], status: str):
    doh_server.zone[DOMAIN] = [f"MX {number} {host}." for number, host in enumerate(hosts, 1)]
    assert _records(doh_server, way)["mx"].status == status


def test_dns_finds_dmarc_at_the_organisation_and_dkim_at_a_named_selector(doh_server: DohServer):
    doh_server.zone["_dmarc.example"] = ['TXT "v=DMARC1; p=reject"']
    doh_server.zone[f"own._domainkey.{DOMAIN}"] = ['TXT "v=DKIM1; p=AAAA"']
    assert _records(doh_server)["dkim"].status == FAIL
    found = _records(doh_server, "cloudflare", "smtp.example.net", "own")
    assert found["dkim"].status == OK
    # A single label has no records of its own: what stands at a top-level domain is not the operator's.
    assert found["dmarc"].status == FAIL
    doh_server.zone[f"_dmarc.{DOMAIN}"] = ['TXT "v=DMARC1; p=reject"', 'TXT "v=DMARC1; p=none"']
    assert "none counts" in _records(doh_server)["dmarc"].remedy


@pytest.mark.parametrize(
    ("state", "published", "status", "relays", "told"),
    [
        ("signs", True, OK, OK, "as it should be"),
        ("signs", False, FAIL, FAIL, "no such record"),
        ("waits", True, WARN, FAIL, "as it should be"),
        ("waits", False, WARN, FAIL, "no such record"),
        ("replaced", False, None, FAIL, ""),
    ],
)
def test_dns_holds_our_own_keys_against_what_is_published(
    doh_server: DohServer, state: str, published: bool, status: str | None, relays: str, told: str
):
    from postern.dns.doh import Resolver

    key = signing_key_of(DOMAIN)
    line = dkim_record.line(key)
    if published:
        name, _, text = line.partition(" TXT ")
        doh_server.zone[name] = [f"TXT {text}"]
    own = OwnKey(key, 1, state == "signs", state == "replaced")
    looked = records.look(Resolver(doh_server.url, 20), DOMAIN, "pipe", senders.OTHER, (), [own])
    found = {one.kind: one for one in looked}
    assert found["dkim"].status == relays
    assert (records.OWN in found) == bool(status)
    if status:
        assert (found[records.OWN].status, told in found[records.OWN].found) == (status, True)
        assert found[records.OWN].add == (() if published else (line,))
        assert bool(found[records.OWN].remedy) == (status != OK)


def test_while_a_new_key_waits_for_its_record_the_old_one_still_counts(doh_server: DohServer):
    from postern.dns.doh import Resolver

    old, new = signing_key_of(DOMAIN), signing_key_of(DOMAIN, "ed25519")
    name, _, text = dkim_record.line(old).partition(" TXT ")
    doh_server.zone[name] = [f"TXT {text}"]
    own = [OwnKey(new, 2, False, False), OwnKey(old, 1, True, False)]
    looked = records.look(Resolver(doh_server.url, 20), DOMAIN, "pipe", senders.OTHER, (), own)
    found = {one.kind: one for one in looked}
    assert (found["dkim"].status, found[records.OWN].status) == (OK, WARN)
    assert found[records.OWN].add == (dkim_record.line(new),)


def test_doctor_dns_shows_the_records_and_ends_with_one_when_one_is_wrong(estate: Estate):
    house = estate.house
    code, out, _ = house.tell("doctor", "dns")
    assert code == 0, out
    assert out.count(" ok ") == 4
    code, out, _ = house.tell("doctor", "dns", "new.example", "--json")
    assert code == 1
    assert [row["kind"] for row in json.loads(out)] == list(records.KINDS)
    assert json.loads(out)[1]["add"] == ['new.example TXT "v=spf1 include:_spf.mx.cloudflare.net ~all"']


def test_a_resolver_that_is_away_is_told_and_no_record_is_invented(estate: Estate):
    before, estate.resolver.act = estate.resolver.act, SERVFAIL
    try:
        found = estate.look("dns")
    finally:
        estate.resolver.act = before
    assert all("could not be asked" in one.detail for one in found.values())
    assert {one.status for one in found.values()} == {UNKNOWN}
    assert estate.resolver.zone == ZONE


# The resident.


def test_limits_show_what_the_resident_holds(estate: Estate, monkeypatch: pytest.MonkeyPatch):
    code, out, _ = estate.house.tell("doctor", "limits")
    assert code == 0, out
    assert "none runs; requests do their work themselves" in out
    monkeypatch.setattr(
        ask, "status", lambda home: {"busy": 0, "threads": 4} if home == estate.house.home else None
    )
    assert "busy 0, threads 4" in estate.house.tell("doctor", "limits")[1]


def test_the_doctor_changes_nothing_but_the_log(estate: Estate):
    def state() -> list[list[object]]:
        return estate.house.query("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM admin_acts)")

    before = state()
    estate.look("inbound", "security", "keys", "backup")
    assert state() == before
