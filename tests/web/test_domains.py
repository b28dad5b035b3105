"""Domains of one's own: claimed, shown by a TXT record at a real resolver, set up, deleted; and subdomains of shared ones."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from postern.base.database import SYSTEM
from postern.base.errors import Conflict
from postern.flow import own_domain
from postern.ops.local.superuser import Superuser
from postern.store import domains
from postern.store.domains import Domain
from support.doh import HONEST, SERVFAIL, DohServer
from support.patience import join
from support.people import SHARED, Browser, Person, Site, open_site


@pytest.fixture(scope="module")
def resolver() -> Iterator[DohServer]:
    with DohServer() as server:
        yield server


@pytest.fixture(scope="module")
def pages(
    cluster: Superuser, tmp_path_factory: pytest.TempPathFactory, resolver: DohServer
) -> Iterator[Site]:
    with open_site(cluster, tmp_path_factory.mktemp("pages"), POSTERN_DOH_URL=resolver.url) as made:
        yield made


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    browser = pages.browser(jane)
    browser.get("/domains")
    return browser


@pytest.fixture
def name() -> str:
    return f"d{uuid4().hex}.example"


def find(pages: Site, person: Person, name: str) -> Domain | None:
    with pages.context.pool.connection() as db, db.transaction(person.id):
        return next((one for one in domains.of_user(db, person.id) if one.name == name), None)


def claim(pages: Site, browser: Browser, person: Person, name: str) -> Domain:
    browser.follow(browser.post("/domains/claim", name=name))
    found = find(pages, person, name)
    assert found is not None
    return found


def show(resolver: DohServer, domain: Domain) -> None:
    resolver.zone[own_domain.record_name(domain)] = [f'TXT "{own_domain.record_value(domain)}"']


def test_a_domain_is_claimed_shown_and_used(
    pages: Site, browser: Browser, jane: Person, name: str, resolver: DohServer
):
    browser.follow(browser.post("/domains/claim", name=f" {name.upper()}. "))
    domain = find(pages, jane, name)
    assert domain is not None
    assert domain.verified_at is None
    page = browser.get(f"/domains/{domain.uid}").text
    assert f"_postern.{name}" in page and domain.proof in page
    path = f"/domains/{domain.uid}/check"
    assert "no such TXT record" in browser.post(path).text
    resolver.zone[f"_postern.{name}"] = ['TXT "v=spf1 -all"', 'TXT "postern-verify=another"']
    assert "says something else" in browser.post(path).text
    assert "@" + name not in browser.get("/aliases").text
    show(resolver, domain)
    assert "It is yours" in browser.follow(browser.post(path)).text
    assert "@" + name in browser.get("/aliases").text


def test_a_resolver_that_is_away_is_said_and_verifies_nothing(
    pages: Site, browser: Browser, jane: Person, name: str, resolver: DohServer
):
    domain = claim(pages, browser, jane, name)
    show(resolver, domain)
    resolver.act = SERVFAIL
    try:
        assert browser.post(f"/domains/{domain.uid}/check").status == 503
    finally:
        resolver.act = HONEST
    found = find(pages, jane, name)
    assert found is not None and found.verified_at is None


WRONG = [
    "",
    "localhost",
    "a b.example",
    "http://x.example/",
    "user@x.example",
    "192.0.2.1",
    "x..example",
    "x" * 300,
]


@pytest.mark.parametrize("typed", WRONG)
def test_what_is_no_domain_name_is_refused(pages: Site, browser: Browser, jane: Person, typed: str):
    answer = browser.post("/domains/claim", name=typed)
    assert answer.status == 400
    assert "not a domain name" in answer.text


def test_a_name_with_other_letters_is_kept_and_shown_as_dns_has_it(
    pages: Site, browser: Browser, jane: Person
):
    claim(pages, browser, jane, "xn--bcher-kva.example")
    assert (
        "You have xn--bcher-kva.example already" in browser.post("/domains/claim", name="Bücher.example").text
    )


@pytest.mark.parametrize(
    "typed", [SHARED, f"sub.{SHARED}", "taken.example", "deep.sub.taken.example", "above.example"]
)
def test_what_somebody_has_cannot_be_claimed_neither_above_nor_below_it(
    pages: Site, browser: Browser, jane: Person, typed: str
):
    joe = pages.person()
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        for name in ("taken.example", "his.above.example"):
            if domains.find(db, name) is None:
                domains.add(db, name, joe.id)
    answer = browser.post("/domains/claim", name=typed)
    assert answer.status == 409
    assert joe.handle not in answer.text
    assert find(pages, jane, typed) is None


def test_a_name_that_merely_ends_alike_is_another(pages: Site, browser: Browser, jane: Person):
    claim(pages, browser, jane, f"not{SHARED}")


def test_of_two_who_claim_one_domain_the_one_who_shows_it_has_it(
    pages: Site, browser: Browser, jane: Person, name: str, resolver: DohServer
):
    joe = pages.person()
    his = pages.browser(joe)
    his.get("/domains")
    hers_claim, his_claim = claim(pages, browser, jane, name), claim(pages, his, joe, name)
    assert hers_claim.proof != his_claim.proof
    show(resolver, hers_claim)
    assert browser.post(f"/domains/{hers_claim.uid}/check").status == 303
    show(resolver, his_claim)
    answer = his.post(f"/domains/{his_claim.uid}/check")
    assert answer.status == 409 and "in use" in answer.text


def test_of_two_who_show_it_at_once_one_has_it(pages: Site, name: str, resolver: DohServer):
    claims = []
    for _ in range(4):
        person = pages.person()
        with pages.context.pool.connection() as db, db.transaction(person.id):
            claims.append(domains.claim(db, name, person.id, uuid4().hex))
    resolver.zone[f"_postern.{name}"] = [f'TXT "{own_domain.record_value(one)}"' for one in claims]
    refused = []

    def check(one: Domain) -> None:
        try:
            own_domain.check(pages.context, one)
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=check, args=(one,)) for one in claims]
    for thread in threads:
        thread.start()
    join(*threads)
    assert len(refused) == 3
    sql = "SELECT count(*) FROM domains WHERE name = :name AND verified_at IS NOT NULL"
    assert pages.run(sql, name=name) == [[1]]


def verified(pages: Site, person: Person, name: str) -> Domain:
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        return domains.add(db, name, person.id)


def test_on_the_fly_is_set_with_its_limit(pages: Site, browser: Browser, jane: Person, name: str):
    domain = verified(pages, jane, name)
    browser.get(f"/domains/{domain.uid}")
    browser.follow(browser.post(f"/domains/{domain.uid}/save", on_the_fly="1", per_day="7"))
    found = find(pages, jane, name)
    assert found is not None and (found.on_the_fly, found.fly_per_day) == (True, 7)
    for text in ("-1", "1001", "x", "", "1e3"):
        assert browser.post(f"/domains/{domain.uid}/save", per_day=text).status == 400
    browser.follow(browser.post(f"/domains/{domain.uid}/save", per_day="7"))
    found = find(pages, jane, name)
    assert found is not None and not found.on_the_fly


def test_deleting_wants_the_name(pages: Site, browser: Browser, jane: Person, name: str):
    domain = verified(pages, jane, name)
    pages.alias(jane, "shop", domain)
    assert "It has 1 alias" in browser.get(f"/domains/{domain.uid}").text
    assert browser.post(f"/domains/{domain.uid}/delete", name="other.example").status == 400
    assert find(pages, jane, name) is not None
    browser.follow(browser.post(f"/domains/{domain.uid}/delete", name=name.upper()))
    assert find(pages, jane, name) is None


@pytest.mark.parametrize("action", ["check", "save", "delete"])
def test_anothers_domain_and_a_shared_one_have_no_page(pages: Site, browser: Browser, name: str, action: str):
    his = verified(pages, pages.person(), name)
    for domain in (his, pages.shared):
        assert browser.get(f"/domains/{domain.uid}").status == 404
        assert browser.post(f"/domains/{domain.uid}/{action}", name=domain.name, per_day="1").status == 404
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        assert domains.get(db, his.uid) == his


# Subdomains of shared domains.


@pytest.fixture
def offered(pages: Site) -> Iterator[Domain]:
    with pages.context.pool.connection() as db:
        with db.transaction(SYSTEM):
            domains.offer_subdomains(db, pages.shared.id, True)
        yield pages.shared
        with db.transaction(SYSTEM):
            domains.offer_subdomains(db, pages.shared.id, False)


def take(browser: Browser, domain: Domain, label: str) -> int:
    return browser.post("/domains/subdomain", label=label, parent=str(domain.id)).status


def test_a_subdomain_is_taken_and_ready(pages: Site, browser: Browser, jane: Person, offered: Domain):
    assert "Take a subdomain" in browser.get("/domains").text
    assert take(browser, offered, jane.handle.upper()) == 303
    found = find(pages, jane, f"{jane.handle}.{SHARED}")
    assert found is not None and found.verified_at is not None and found.parent_id == offered.id


@pytest.mark.parametrize("label", ["", "a", "-ab", "ab-", "a.b.c", "xn--abc", "a_b", "x" * 64, "ä-ö-ü"])
def test_a_label_that_cannot_be_is_refused(browser: Browser, offered: Domain, label: str):
    assert take(browser, offered, label) == 400


def test_a_subdomain_is_one_users_and_goes_to_nobody_after_him(
    pages: Site, browser: Browser, jane: Person, offered: Domain
):
    label = f"mine-{jane.handle}"
    assert take(browser, offered, label) == 303
    joe = pages.browser(pages.person())
    joe.get("/domains")
    assert take(joe, offered, label) == 409
    found = find(pages, jane, f"{label}.{SHARED}")
    assert found is not None
    browser.follow(browser.post(f"/domains/{found.uid}/delete", name=found.name))
    assert take(joe, offered, label) == 409
    assert take(browser, offered, label) == 409


def test_where_none_are_offered_none_can_be_taken(pages: Site, browser: Browser, jane: Person, name: str):
    assert "Take a subdomain" not in browser.get("/domains").text
    assert take(browser, pages.shared, "anything") == 409
    assert take(browser, verified(pages, pages.person(), name), "anything") == 409


def test_the_quota_of_domains_holds(pages: Site, browser: Browser, jane: Person, name: str):
    pages.run("UPDATE users SET max_domains = 1 WHERE id = :id", id=jane.id)
    claim(pages, browser, jane, name)
    with contextlib.suppress(AssertionError):
        claim(pages, browser, jane, f"x{name}")
    assert find(pages, jane, f"x{name}") is None
