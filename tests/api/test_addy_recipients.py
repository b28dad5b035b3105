"""addy.io's dialect: mailboxes, which are recipients there."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from postern.base.database import SYSTEM
from postern.store import mailboxes
from postern.store.mailboxes import Mailbox
from postern.web.api.addy.routes import PGP_SWITCHES
from support.api import Addy, new_key
from support.people import SHARED, Person, Site

LIST = "/api/v1/recipients"
FIELDS = {
    *("id", "user_id", "email", "can_reply_send", "should_encrypt", "inline_encryption", "protected_headers"),
    *(
        "remove_pgp_keys",
        "remove_pgp_signatures",
        "fingerprint",
        "email_verified_at",
        "aliases",
        "aliases_count",
    ),
    *("created_at", "updated_at"),
}


@pytest.fixture
def second(pages: Site, jane: Person) -> Mailbox:
    """Another mailbox of hers, not confirmed."""
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        return mailboxes.add(db, pages.context.ring, jane.id, f"second{jane.id}@real.example", verified=False)


def listed(addy: Addy, query: str = "") -> list[dict[str, Any]]:
    answer = addy.get(LIST + query)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def test_all_are_listed_newest_first(pages: Site, jane: Person, addy: Addy, second: Mailbox):
    pages.alias(jane, f"shop{jane.id}")
    newer, older = listed(addy)
    assert set(newer) == set(older) == FIELDS
    assert (newer["id"], older["id"]) == (str(second.uid), str(jane.mailbox.uid))
    assert (newer["email_verified_at"], newer["can_reply_send"]) == (None, False)
    assert (older["email"], older["aliases_count"]) == (f"{jane.handle}@real.example", 1)


@pytest.mark.parametrize(("query", "many"), [("true", 1), ("false", 1), ("", 2)])
def test_confirmed_ones_can_be_told_from_others(addy: Addy, second: Mailbox, query: str, many: int):
    found = listed(addy, f"?filter[verified]={query}")
    assert len(found) == many
    assert not query or (found[0]["id"] == str(second.uid)) is (query == "false")


@pytest.mark.parametrize("query", ["?filter[alias_count]=false", "?alias_count=false"])
def test_who_does_not_want_the_count_saves_it(addy: Addy, jane: Person, query: str):
    assert set(listed(addy, query)[0]) == FIELDS - {"aliases_count"}
    assert set(addy.get(f"{LIST}/{jane.mailbox.uid}{query}").json["data"]) == FIELDS - {"aliases_count"}


def test_one_is_added_and_a_link_mailed_to_it(pages: Site, jane: Person, addy: Addy):
    answer = addy.post(LIST, {"email": "New@Elsewhere.example"})
    assert answer.status == 201, answer.text
    shape = answer.json["data"]
    assert (shape["email"], shape["email_verified_at"]) == ("New@elsewhere.example", None)
    waiting = "SELECT count(*) FROM deliveries WHERE user_id = :id AND urgent"
    assert pages.run(waiting, id=jane.id) == [[1]]
    assert addy.post(f"{LIST}/email/resend", {"recipient_id": shape["id"]}).status == 200
    assert pages.run(waiting, id=jane.id) == [[2]]


@pytest.mark.parametrize("typed", [None, "", "x", 5, f"a@{SHARED}"], ids=str)
def test_what_is_no_address_of_somebodys_is_refused(addy: Addy, typed: Any):
    answer = addy.post(LIST, {"email": typed})
    assert answer.status == 422 and answer.json["errors"]
    assert len(listed(addy)) == 1


def test_a_double_is_refused(jane: Person, addy: Addy):
    assert addy.post(LIST, {"email": f"{jane.handle}@real.example"}).status == 422


def test_one_is_deleted_and_the_default_one_is_not(addy: Addy, jane: Person, second: Mailbox):
    assert addy.delete(f"{LIST}/{jane.mailbox.uid}").status == 403
    gone = addy.delete(f"{LIST}/{second.uid}")
    assert (gone.status, gone.body) == (204, b"")
    assert [one["id"] for one in listed(addy)] == [str(jane.mailbox.uid)]


@pytest.mark.parametrize("name", PGP_SWITCHES)
def test_there_is_no_pgp_to_switch(addy: Addy, jane: Person, name: str):
    on = addy.post(f"/api/v1/{name}", {"id": str(jane.mailbox.uid)})
    assert on.status == 422 and "PGP" in on.json["message"]
    assert addy.delete(f"/api/v1/{name}/{jane.mailbox.uid}").status == 204


def test_there_is_no_key_to_keep(addy: Addy, jane: Person):
    path = f"/api/v1/recipient-keys/{jane.mailbox.uid}"
    assert addy.patch(path, {"key_data": "-----BEGIN PGP"}).status == 422
    assert addy.delete(path).status == 204


def test_each_confirmed_one_may_reply(addy: Addy, jane: Person):
    body = {"id": str(jane.mailbox.uid)}
    assert addy.post("/api/v1/allowed-recipients", body).json["data"]["can_reply_send"] is True
    assert addy.delete(f"/api/v1/allowed-recipients/{jane.mailbox.uid}").status == 422


WAYS_IN = [
    ("GET", LIST + "/{}", None),
    ("DELETE", LIST + "/{}", None),
    ("POST", f"{LIST}/email/resend", "recipient_id"),
    ("POST", "/api/v1/allowed-recipients", "id"),
    ("DELETE", "/api/v1/allowed-recipients/{}", None),
    ("PATCH", "/api/v1/recipient-keys/{}", None),
    ("DELETE", "/api/v1/recipient-keys/{}", None),
    *(("POST", f"/api/v1/{name}", "id") for name in PGP_SWITCHES),
    *(("DELETE", f"/api/v1/{name}/{{}}", None) for name in PGP_SWITCHES),
]


@pytest.mark.parametrize(("method", "path", "field"), WAYS_IN, ids=str)
def test_somebody_elses_is_as_one_that_is_not_there(
    pages: Site, second: Mailbox, method: str, path: str, field: str | None
):
    stranger = Addy(pages, new_key(pages, pages.person()))
    answers = [
        stranger.ask(method, path.format(uid), {field: uid} if field else None)
        for uid in (str(second.uid), str(uuid.uuid4()))
    ]
    assert {(one.status, one.text) for one in answers} == {(404, answers[0].text)}
    assert pages.run("SELECT count(*) FROM mailboxes WHERE id = :id", id=second.id) == [[1]]


@pytest.mark.parametrize(("method", "path", "field"), [*WAYS_IN[1:], ("POST", LIST, "email")], ids=str)
def test_a_key_for_aliases_changes_no_mailbox(
    pages: Site, jane: Person, second: Mailbox, method: str, path: str, field: str | None
):
    lesser = Addy(pages, new_key(pages, jane, "aliases"))
    uid = str(second.uid)
    assert lesser.ask(method, path.format(uid), {field: uid} if field else None).status == 403
