"""SimpleLogin's dialect, what holds for each endpoint of its table: who may ask, whose things it shows, and that it does not
break."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern.store.api_keys import ALL, READ, SCOPES
from postern.web.api.endpoint import OPEN
from postern.web.api.simplelogin.routes import ROUTES
from support.api import SimpleLogin, new_key
from support.people import Person, Site
from support.wsgi import ask

ENDPOINTS = sorted(ROUTES)
CLOSED = [one for one in ENDPOINTS if ROUTES[one].scope != OPEN]
BY_ID = [one for one in ENDPOINTS if "*" in one[1]]
BEYOND_READ = [one for one in CLOSED if ROUTES[one].scope != READ]

LOGOUT = ("POST", "/api/auth/logout")
"""It ends the key that asks, whatever else is sent."""

FIELDS = (
    *(
        "email",
        "password",
        "device",
        "mfa_token",
        "mfa_key",
        "code",
        "username",
        "device_name",
        "otp",
        "expiration",
    ),
    *(
        "name",
        "profile_picture",
        "note",
        "alias_prefix",
        "signed_suffix",
        "mailbox_ids",
        "mailbox_id",
        "pinned",
    ),
    *(
        "disable_pgp",
        "contact",
        "query",
        "default",
        "cancel_email_change",
        "transfer_aliases_to",
        "catch_all",
    ),
    *("random_prefix_generation", "alias_generator", "notification", "random_alias_default_domain"),
    *("sender_format", "random_alias_suffix", "receipt_data", "unknown"),
)

HOSTILE: dict[str, Any] = {
    "numbers": 7,
    "huge numbers": 1 << 70,
    "floats": 1e308,
    "lists": [[], {}],
    "objects": {"id": 1},
    "long texts": "x" * 100_000,
    "unicode": "Ünï💌\u202e\u0085",
    "half letters": "\ud800",
    "NULs": "a\0b",
    "true": True,
    "nulls": None,
}


def path_of(endpoint: tuple[str, str], number: object = 1) -> str:
    return endpoint[1].replace("*", str(number)) + "?page_id=0&page=0"


def told(answer: Any) -> str:
    """What a client shows; an error is that and nothing else."""
    assert list(answer.json) in (["error"], ["message"])
    assert answer.headers["content-type"] == "application/json"
    return str(next(iter(answer.json.values())))


@pytest.mark.parametrize("endpoint", CLOSED, ids=" ".join)
def test_who_has_no_key_is_told_so_in_the_words_that_clients_know(pages: Site, endpoint: tuple[str, str]):
    answer = ask(pages.app, endpoint[0], path_of(endpoint), {"Authentication": "x"})
    assert (answer.status, told(answer)) == (401, "Wrong api key")


@pytest.fixture(scope="module")
def passer_by(pages: Site) -> dict[str, SimpleLogin]:
    """Somebody who owns nothing, with a key of each scope."""
    person = pages.person()
    return {scope: SimpleLogin(pages, new_key(pages, person, scope)) for scope in SCOPES}


def rested(site: Site, client: SimpleLogin) -> SimpleLogin:
    """The client, as if it had asked nothing so far."""
    site.run("UPDATE api_keys SET due_at = NULL WHERE head = :head", head=client.key[:11])
    return client


@pytest.mark.parametrize("endpoint", BEYOND_READ, ids=" ".join)
def test_a_key_may_do_what_its_scope_says(
    pages: Site, passer_by: dict[str, SimpleLogin], endpoint: tuple[str, str]
):
    for scope in SCOPES[: SCOPES.index(ROUTES[endpoint].scope)]:
        answer = rested(pages, passer_by[scope]).ask(endpoint[0], path_of(endpoint), {})
        assert answer.status == 403 and "may not do that" in told(answer)


@pytest.mark.parametrize("endpoint", BY_ID, ids=" ".join)
def test_what_is_not_his_is_as_what_is_not_there(
    pages: Site, passer_by: dict[str, SimpleLogin], jane: Person, endpoint: tuple[str, str]
):
    method, path = endpoint
    table = {
        "aliases": "aliases",
        "contacts": "contacts",
        "mailboxes": "mailboxes",
        "custom_domains": "domains",
    }
    alias = pages.alias(jane, f"hers{jane.id}")
    SimpleLogin(pages, new_key(pages, jane)).post(
        f"/api/aliases/{alias.id}/contacts", {"contact": "bob@shop.test"}
    )
    pages.run(
        "INSERT INTO domains (name, user_id) VALUES (:name, :id)", name=f"hers{jane.id}.example", id=jane.id
    )
    rows: list[object] = []
    own = table.get(path.split("/")[2])
    if own in ("aliases", "mailboxes", "domains"):
        rows = pages.run(f"SELECT id, uid FROM {own} WHERE user_id = :id", id=jane.id)[0]
    elif own:
        rows = pages.run(
            "SELECT c.id FROM contacts c JOIN aliases a ON a.id = c.alias_id WHERE a.id = :id", id=alias.id
        )[0]
    body = {"note": "x", "contact": "kim@shop.test", "default": True, "catch_all": True, "pinned": True}
    client = passer_by[ALL]
    answers = [
        rested(pages, client).ask(method, path_of(endpoint, number), None if method == "GET" else body)
        for number in (*rows, 1 << 40, 1 << 70, "0", "-1", "x", "é")
    ]
    assert len({(one.status, one.text) for one in answers}) == 1
    assert answers[0].status == (400 if "/phone/" in path else 403)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_that_is_sent_breaks_any(pages: Site, passer_by: dict[str, SimpleLogin], hostile: str):
    """In all fields at once: what is wrong with several is told of one."""
    body = json.dumps(dict.fromkeys(FIELDS, HOSTILE[hostile])).encode()
    for endpoint in ENDPOINTS:
        pages.run("DELETE FROM sign_in_codes")
        client = SimpleLogin(pages, "") if endpoint == LOGOUT else rested(pages, passer_by[ALL])
        answer = client.ask(endpoint[0], path_of(endpoint), body)
        assert answer.status < 500, (endpoint, answer.text)
        assert answer.status < 400 or told(answer), endpoint


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"null"], ids=repr)
def test_a_body_that_is_no_object_is_refused_wherever_one_is_read(
    pages: Site, passer_by: dict[str, SimpleLogin], body: bytes
):
    for endpoint in ENDPOINTS:
        answer = rested(pages, passer_by[ALL]).ask(endpoint[0], path_of(endpoint), body)
        assert answer.status == 400 and "JSON" in told(answer), endpoint
