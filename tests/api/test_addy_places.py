"""addy.io's dialect: one's own domains and subdomains, which are usernames there; and what becomes of their mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from postern.base.database import SYSTEM
from postern.flow import own_domain
from postern.ops.local.superuser import Superuser
from postern.store import domains, mailboxes
from postern.store.domains import Domain
from postern.store.mailboxes import Mailbox
from support import addy as apps
from support.api import Addy, new_key
from support.doh import HONEST, SERVFAIL, DohServer
from support.people import SHARED, Person, Site, open_site
from support.receipt import post, queue

DOMAINS, USERNAMES = "/api/v1/domains", "/api/v1/usernames"


@pytest.fixture(scope="module")
def resolver() -> Iterator[DohServer]:
    with DohServer() as server:
        yield server


@pytest.fixture(scope="module")
def pages(
    cluster: Superuser, tmp_path_factory: pytest.TempPathFactory, resolver: DohServer
) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("postern.flow.wake.drain", lambda context: None)
        folder = tmp_path_factory.mktemp("pages")
        with open_site(cluster, folder, POSTERN_DOH_URL=resolver.url) as site:
            site.run("UPDATE domains SET subdomains = true")
            yield site


@pytest.fixture
def own(pages: Site, jane: Person) -> Domain:
    """A domain of hers, verified."""
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        return domains.add(db, f"jane{jane.id}.example", jane.id)


@pytest.fixture
def sub(pages: Site, jane: Person) -> Domain:
    """A subdomain of hers."""
    return own_domain.take_subdomain(pages.context, jane.id, f"jane{jane.id}", pages.shared.id)


@pytest.fixture
def second(pages: Site, jane: Person) -> Mailbox:
    """Another mailbox of hers."""
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        return mailboxes.add(db, pages.context.ring, jane.id, f"second{jane.id}@real.example", verified=True)


def told(addy: Addy, path: str, model: str) -> list[dict[str, Any]]:
    answer = addy.get(path)
    assert answer.status == 200, answer.text
    return [apps.read(model, one) for one in answer.json["data"]]


# Adding.


def test_a_domain_is_added_once_its_record_is_there(addy: Addy, jane: Person, resolver: DohServer):
    name = f"new{jane.id}.example"
    first = addy.post(DOMAINS, {"domain": name.upper()})
    assert (first.status, first.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert "please add the following TXT record to your domain" in first.text
    assert addy.post(DOMAINS, {"domain": name}).text == first.text
    (claim,) = told(addy, DOMAINS, "Domain")
    assert (claim["domain"], claim["domain_verified_at"]) == (name, None)
    where, what = first.text.split()[-2:]
    resolver.zone[where] = [f'TXT "{what}"']
    added = addy.post(DOMAINS, {"domain": name})
    assert added.status == 201
    shape = apps.read("Domain", added.json["data"])
    assert (shape["id"], shape["active"], shape["catch_all"]) == (claim["id"], True, False)
    assert shape["domain_verified_at"] == shape["domain_mx_validated_at"]
    again = addy.post(DOMAINS, {"domain": name})
    assert again.status == 422 and list(again.json["errors"]) == ["domain"]


def test_a_resolver_that_is_away_says_nothing_of_the_record(addy: Addy, jane: Person, resolver: DohServer):
    resolver.act = SERVFAIL
    try:
        assert addy.post(DOMAINS, {"domain": f"away{jane.id}.example"}).status == 503
    finally:
        resolver.act = HONEST


@pytest.mark.parametrize(
    "typed", [None, "", "x", 5, [], "http://x.example", "a@b.example", SHARED, f"a.{SHARED}", "ü" * 200]
)
def test_what_is_no_domain_of_ones_own_is_refused(addy: Addy, typed: Any):
    answer = addy.post(DOMAINS, {"domain": typed, "unknown": {}})
    assert answer.status == 422 and list(answer.json["errors"]) == ["domain"]
    assert told(addy, DOMAINS, "Domain") == []


def test_a_username_is_a_subdomain(addy: Addy, jane: Person, pages: Site):
    answer = addy.post(USERNAMES, {"username": f"Jane{jane.id}"})
    assert answer.status == 201, answer.text
    shape = apps.read("Username", answer.json["data"])
    assert (shape["username"], shape["can_login"], shape["aliases_count"]) == (f"jane{jane.id}", False, 0)
    assert f"jane{jane.id}.{SHARED}" in addy.get("/api/v1/domain-options").json["data"]
    assert told(addy, USERNAMES, "Username") == [shape]
    taken = addy.post(USERNAMES, {"username": f"jane{jane.id}"})
    assert taken.status == 422 and "taken" in taken.json["message"]


@pytest.mark.parametrize("typed", [None, "", "x", 7, "a b", "xn--a", "ü" * 9, "a.b", "x" * 64])
def test_what_is_no_name_of_a_subdomain_is_refused(addy: Addy, typed: Any):
    answer = addy.post(USERNAMES, {"username": typed})
    assert answer.status == 422 and list(answer.json["errors"]) == ["username"]


def test_where_no_subdomains_are_offered_none_is_taken(pages: Site, addy: Addy):
    pages.run("UPDATE domains SET subdomains = false")
    try:
        answer = addy.post(USERNAMES, {"username": "somebody"})
    finally:
        pages.run("UPDATE domains SET subdomains = true WHERE user_id IS NULL")
    assert answer.status == 422 and "offers no subdomains" in answer.json["message"]


@pytest.mark.parametrize(
    ("path", "body"), [(DOMAINS, {"domain": "more.example"}), (USERNAMES, {"username": "more"})]
)
def test_who_has_all_he_may_have_is_told(
    pages: Site, jane: Person, addy: Addy, path: str, body: dict[str, str]
):
    pages.run("UPDATE users SET max_domains = 0 WHERE id = :id", id=jane.id)
    answer = addy.post(path, body)
    assert answer.status == 403 and "all 0 domains" in answer.json["message"]


# Changing.


@pytest.fixture(params=["domains", "usernames"])
def place(request: pytest.FixtureRequest) -> tuple[str, str, Domain]:
    """The name of the resource, its model, and one of hers."""
    kind = request.param
    fixture = "own" if kind == "domains" else "sub"
    return kind, {"domains": "Domain", "usernames": "Username"}[kind], request.getfixturevalue(fixture)


Place = tuple[str, str, Domain]


def shown(addy: Addy, place: Place) -> dict[str, Any]:
    kind, model, domain = place
    answer = addy.get(f"/api/v1/{kind}/{domain.uid}")
    assert answer.status == 200, answer.text
    found: dict[str, Any] = apps.read(model, answer.json["data"])
    return found


def test_it_is_described(addy: Addy, place: Place):
    kind, _, domain = place
    path = f"/api/v1/{kind}/{domain.uid}"
    assert (
        addy.patch(path, {"description": "Café ☃", "from_name": None}).json["data"]["description"] == "Café ☃"
    )
    assert addy.patch(path, {}).json["data"]["description"] == "Café ☃"
    assert addy.patch(path, {"description": None}).json["data"]["description"] is None
    for body in (
        {"description": "x" * 201},
        {"description": 5},
        {"from_name": "x"},
        {"auto_create_regex": ".*"},
    ):
        answer = addy.patch(path, body)
        assert answer.status == 422 and list(answer.json["errors"]) == list(body), body


def test_one_that_is_off_takes_no_mail_until_it_is_on(pages: Site, jane: Person, addy: Addy, place: Place):
    kind, _, domain = place
    alias = pages.alias(jane, "shop", domain)
    assert addy.post(f"/api/v1/catch-all-{kind}", {"id": str(domain.uid)}).json["data"]["catch_all"] is True
    gone = addy.delete(f"/api/v1/active-{kind}/{domain.uid}")
    assert (gone.status, gone.body, shown(addy, place)["active"]) == (204, b"", False)
    assert post(pages, alias.address) == "5.2.1 this alias takes no mail"
    assert post(pages, f"new@{domain.name}") == "5.1.1 no such alias"
    assert addy.post(f"/api/v1/active-{kind}", {"id": str(domain.uid)}).json["data"]["active"] is True
    assert post(pages, alias.address) == post(pages, f"new@{domain.name}") == "stored"
    assert shown(addy, place)["aliases_count"] == 2
    assert addy.delete(f"/api/v1/catch-all-{kind}/{domain.uid}").status == 204
    assert post(pages, f"newer@{domain.name}") == "5.1.1 no such alias"


def test_its_new_aliases_forward_where_it_says(
    pages: Site, jane: Person, addy: Addy, place: Place, second: Mailbox
):
    kind, _, domain = place
    path = f"/api/v1/{kind}/{domain.uid}/default-recipient"
    answer = addy.patch(path, {"default_recipient": str(second.uid)})
    assert answer.json["data"]["default_recipient"]["id"] == str(second.uid)
    made = addy.post("/api/v1/aliases", {"domain": domain.name}).json["data"]
    assert [one["id"] for one in made["recipients"]] == [str(second.uid)]
    addy.post(f"/api/v1/catch-all-{kind}", {"id": str(domain.uid)})
    assert post(pages, f"new@{domain.name}") == "stored"
    assert queue(pages, jane)[-1].mailbox_id == second.id
    assert addy.patch(path, {"default_recipient": ""}).json["data"]["default_recipient"] is None
    made = addy.post("/api/v1/aliases", {"domain": domain.name}).json["data"]
    assert [one["id"] for one in made["recipients"]] == [str(jane.mailbox.uid)]
    pages.run("UPDATE mailboxes SET verified_at = NULL WHERE id = :id", id=second.id)
    for recipient in (str(second.uid), str(uuid4()), "x"):
        assert addy.patch(path, {"default_recipient": recipient}).status == 404


def test_when_its_mailbox_is_deleted_the_default_one_takes_its_place(
    pages: Site, jane: Person, addy: Addy, own: Domain, second: Mailbox
):
    addy.patch(f"{DOMAINS}/{own.uid}/default-recipient", {"default_recipient": str(second.uid)})
    assert addy.delete(f"/api/v1/recipients/{second.uid}").status == 204
    (found,) = told(addy, DOMAINS, "Domain")
    assert found["default_recipient"] is None
    made = addy.post("/api/v1/aliases", {"domain": own.name}).json["data"]
    assert [one["id"] for one in made["recipients"]] == [str(jane.mailbox.uid)]


def test_it_is_deleted_with_its_aliases(pages: Site, jane: Person, addy: Addy, place: Place):
    kind, _, domain = place
    alias = pages.alias(jane, "shop", domain)
    assert addy.delete(f"/api/v1/{kind}/{domain.uid}").status == 204
    assert addy.get(f"/api/v1/{kind}").json["data"] == []
    assert addy.get(f"/api/v1/aliases/{alias.uid}").status == 404
    if kind == "usernames":
        assert addy.post(USERNAMES, {"username": domain.name.partition(".")[0]}).status == 422


def test_a_claim_makes_no_addresses(pages: Site, addy: Addy, jane: Person):
    addy.post(DOMAINS, {"domain": f"claim{jane.id}.example"})
    (claim,) = told(addy, DOMAINS, "Domain")
    assert addy.post("/api/v1/catch-all-domains", {"id": claim["id"]}).status == 422


def test_nobody_signs_in_with_a_username(addy: Addy, sub: Domain):
    assert addy.post("/api/v1/loginable-usernames", {"id": str(sub.uid)}).status == 422
    assert addy.delete(f"/api/v1/loginable-usernames/{sub.uid}").status == 204


# Others.


WAYS = [
    *(("GET", "{kind}/{id}", None), ("PATCH", "{kind}/{id}", "description"), ("DELETE", "{kind}/{id}", None)),
    ("PATCH", "{kind}/{id}/default-recipient", None),
    *(("POST", "active-{kind}", "id"), ("DELETE", "active-{kind}/{id}", None)),
    *(("POST", "catch-all-{kind}", "id"), ("DELETE", "catch-all-{kind}/{id}", None)),
    *(("POST", "loginable-usernames", "id"), ("DELETE", "loginable-usernames/{id}", None)),
]


@pytest.mark.parametrize(("method", "path", "field"), WAYS, ids=str)
def test_anothers_is_as_one_that_is_not_there(
    pages: Site, addy: Addy, place: Place, method: str, path: str, field: str | None
):
    kind, _, domain = place
    before = shown(addy, place)
    stranger = Addy(pages, new_key(pages, pages.person()))
    for uid in (str(domain.uid), str(pages.shared.uid), str(uuid4()), "x"):
        answer = stranger.ask(
            method, "/api/v1/" + path.format(kind=kind, id=uid), {field: uid} if field else None
        )
        assert (answer.status, answer.json["message"]) == (404, "No such thing. Load your list again."), uid
    assert shown(addy, place) == before


def test_a_domain_is_no_username_and_a_shared_one_is_nobodys(
    pages: Site, addy: Addy, own: Domain, sub: Domain
):
    for path, uid in ((USERNAMES, own.uid), (DOMAINS, sub.uid), (DOMAINS, pages.shared.uid)):
        assert addy.get(f"{path}/{uid}").status == addy.delete(f"{path}/{uid}").status == 404


@pytest.mark.parametrize(("method", "path", "field"), WAYS[1:8], ids=str)
def test_a_key_for_aliases_changes_no_domain(
    pages: Site, jane: Person, own: Domain, method: str, path: str, field: str | None
):
    lesser = Addy(pages, new_key(pages, jane, "aliases"))
    uid = str(own.uid)
    where = "/api/v1/" + path.format(kind="domains", id=uid)
    assert lesser.ask(method, where, {field: uid} if field else None).status == 403
