"""SimpleLogin's dialect: aliases listed, shown, changed and deleted, by the rules its clients read."""

from __future__ import annotations

from typing import Any

import pytest

from postern.base.database import SYSTEM
from postern.store import mailboxes
from postern.store.aliases import Alias
from support.api import SimpleLogin, new_key
from support.happenings import happen
from support.people import Person, Site

FIELDS = {
    "id": int,
    "email": str,
    "creation_date": str,
    "creation_timestamp": int,
    "enabled": bool,
    "note": (str, type(None)),
    "name": (str, type(None)),
    "nb_forward": int,
    "nb_block": int,
    "nb_reply": int,
    "mailbox": dict,
    "mailboxes": list,
    "support_pgp": bool,
    "disable_pgp": bool,
    "latest_activity": (dict, type(None)),
    "pinned": bool,
}


def is_alias(shape: dict[str, Any]) -> bool:
    """Whether a client can read it: each field there, of its kind, and no other."""
    assert set(shape) == set(FIELDS)
    assert all(isinstance(shape[name], kind) for name, kind in FIELDS.items()), shape
    assert shape["id"] < 1 << 31, "Android's Int"
    assert set(shape["mailbox"]) == {"id", "email"} and shape["mailbox"] in shape["mailboxes"]
    return True


@pytest.fixture
def alias(pages: Site, jane: Person) -> Alias:
    return pages.alias(jane, f"shop{jane.id}")


def test_a_page_holds_twenty_and_one_past_the_end_is_empty(pages: Site, jane: Person, simple: SimpleLogin):
    for number in range(23):
        pages.alias(jane, f"a{number}-{jane.id}")
    first = simple.get("/api/v2/aliases?page_id=0").json["aliases"]
    second = simple.get("/api/v2/aliases?page_id=1").json["aliases"]
    assert [len(first), len(second)] == [20, 3]
    assert all(is_alias(one) for one in first + second)
    assert len({one["id"] for one in first + second}) == 23
    assert first[0]["email"].startswith("a22-"), "newest first"
    assert simple.get("/api/v2/aliases?page_id=2").json == {"aliases": []}
    assert simple.get("/api/v2/aliases?page_id=99999").json == {"aliases": []}


@pytest.mark.parametrize("query", ["", "?page_id=", "?page_id=x", "?page_id=-1", "?page_id=99999999999"])
@pytest.mark.parametrize("path", ["/api/v2/aliases", "/api/aliases"])
def test_without_a_page_there_is_no_list(simple: SimpleLogin, path: str, query: str):
    answer = simple.get(path + query)
    assert answer.status == 400 and "page_id" in answer.json["error"]


def test_words_and_states_choose(pages: Site, jane: Person, simple: SimpleLogin):
    bread, fish = pages.alias(jane, f"bread{jane.id}"), pages.alias(jane, f"fish{jane.id}")
    simple.put(f"/api/aliases/{fish.id}", {"pinned": True, "note": "Friday's market"})
    simple.post(f"/api/aliases/{bread.id}/toggle")

    def listed(query: str, body: Any = None) -> list[str]:
        answer = simple.post(f"/api/v2/aliases?page_id=0{query}", body)
        return [one["email"].partition("@")[0] for one in answer.json["aliases"]]

    assert listed("") == [fish.local, bread.local]
    assert listed("&pinned") == listed("&pinned=") == listed("&pinned=true") == [fish.local]
    assert listed("&disabled") == [bread.local]
    assert listed("&enabled") == [fish.local]
    assert listed("", {"query": "BREAD"}) == [bread.local]
    assert listed("", {"query": "market"}) == [fish.local]
    assert listed("", {"query": "%"}) == []


def test_the_first_version_of_the_list_is_briefer(alias: Alias, simple: SimpleLogin):
    (one,) = simple.get("/api/aliases?page_id=0").json["aliases"]
    assert one["email"] == alias.address
    assert set(one) < set(FIELDS) and "mailboxes" not in one


def test_one_is_shown(alias: Alias, jane: Person, simple: SimpleLogin):
    shape = simple.get(f"/api/aliases/{alias.id}").json
    assert is_alias(shape)
    assert (shape["email"], shape["mailbox"]["id"]) == (alias.address, jane.mailbox.id)
    assert shape["creation_date"].endswith("+00:00")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_named_is_changed_and_nothing_else(alias: Alias, simple: SimpleLogin, method: str):
    path = f"/api/aliases/{alias.id}"
    assert simple.ask(method, path, {"note": "Bröd\n2", "pinned": True}).json == {"ok": True}
    assert (
        simple.ask(method, path, {"name": "Jane\nof the shop", "unknown": 1, "disable_pgp": True}).status
        == 200
    )
    shape = simple.get(path).json
    assert (shape["note"], shape["name"], shape["pinned"]) == ("Bröd\n2", "Jane of the shop", True)
    assert simple.ask(method, path, {"note": None, "name": ""}).status == 200
    shape = simple.get(path).json
    assert (shape["note"], shape["name"], shape["pinned"]) == (None, None, True)


@pytest.mark.parametrize(
    "body",
    [
        {},
        None,
        {"note": "x" * 501},
        {"name": "x" * 200},
        {"note": 1},
        {"pinned": "perhaps"},
        {"mailbox_ids": []},
        {"mailbox_ids": [0]},
        {"mailbox_ids": "1"},
        {"mailbox_ids": [True]},
        {"mailbox_id": 1 << 62},
        {"mailbox_id": 1 << 64},
    ],
    ids=str,
)
def test_what_cannot_be_meant_changes_nothing(alias: Alias, simple: SimpleLogin, body: Any):
    before = simple.get(f"/api/aliases/{alias.id}").json
    answer = simple.put(f"/api/aliases/{alias.id}", body)
    assert answer.status == 400 and answer.json["error"]
    assert simple.get(f"/api/aliases/{alias.id}").json == before


def test_it_goes_to_the_mailboxes_named(pages: Site, alias: Alias, jane: Person, simple: SimpleLogin):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        other = mailboxes.add(db, pages.context.ring, jane.id, f"other{jane.id}@real.example", verified=False)
    path = f"/api/aliases/{alias.id}"
    both = {"mailbox_ids": [jane.mailbox.id, other.id]}
    assert simple.put(path, both).status == 400, "it is not confirmed"
    pages.run("UPDATE mailboxes SET verified_at = now() WHERE id = :id", id=other.id)
    assert simple.put(path, both).status == 200
    assert [one["id"] for one in simple.get(path).json["mailboxes"]] == [jane.mailbox.id, other.id]
    assert simple.put(path, {"mailbox_id": other.id}).status == 200
    assert simple.get(path).json["mailbox"]["id"] == other.id


def test_it_is_turned_off_and_on(alias: Alias, simple: SimpleLogin):
    path = f"/api/aliases/{alias.id}/toggle"
    assert [simple.post(path, {}).json, simple.post(path).json] == [{"enabled": False}, {"enabled": True}]


def test_it_is_deleted_and_can_be_brought_back(pages: Site, alias: Alias, jane: Person, simple: SimpleLogin):
    assert simple.delete(f"/api/aliases/{alias.id}").json == {"deleted": True}
    assert simple.get("/api/v2/aliases?page_id=0").json == {"aliases": []}
    assert simple.get(f"/api/aliases/{alias.id}").status == 403
    browser = pages.browser(jane)
    assert f"/aliases/{alias.uid}/restore" in browser.get(f"/aliases/{alias.uid}").text


def test_a_post_may_stand_for_the_delete_that_a_firewall_refuses(alias: Alias, simple: SimpleLogin):
    assert simple.post(f"/api/aliases/{alias.id}?_method=DELETE").json == {"deleted": True}


EVERY_WAY_IN = [
    ("GET", ""),
    ("PUT", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/toggle"),
    ("GET", "/activities?page_id=0"),
    ("GET", "/contacts?page_id=0"),
    ("POST", "/contacts"),
]


@pytest.mark.parametrize(("method", "rest"), EVERY_WAY_IN, ids=str)
def test_somebody_elses_is_as_one_that_is_not_there(pages: Site, alias: Alias, method: str, rest: str):
    stranger = SimpleLogin(pages, new_key(pages, pages.person()))
    body = {"note": "mine", "contact": "bob@shop.test"} if method != "GET" else None
    before = pages.run("SELECT a::text FROM aliases a WHERE id = :id", id=alias.id)
    answers = [
        stranger.ask(method, f"/api/aliases/{number}{rest}", body)
        for number in (alias.id, 1 << 40, "0", "x", "-1")
    ]
    assert {(one.status, one.text) for one in answers} == {(403, answers[0].text)}
    assert pages.run("SELECT a::text FROM aliases a WHERE id = :id", id=alias.id) == before


@pytest.mark.parametrize(("method", "rest"), [way for way in EVERY_WAY_IN if way[0] != "GET"], ids=str)
def test_a_key_that_may_only_look_changes_nothing(
    pages: Site, jane: Person, alias: Alias, method: str, rest: str
):
    reader = SimpleLogin(pages, new_key(pages, jane, "read"))
    assert reader.get(f"/api/aliases/{alias.id}").status == 200
    assert (
        reader.ask(method, f"/api/aliases/{alias.id}{rest}", {"note": "x", "contact": "b@shop.test"}).status
        == 403
    )


def test_what_happened_is_told_newest_first(pages: Site, alias: Alias, simple: SimpleLogin):
    happen(pages, alias, "bob@shop.test", "received", "sent", "replied", "bounced", name='Bob "B" \\ Shop')
    path = f"/api/aliases/{alias.id}/activities?page_id="
    found = simple.get(path + "0").json["activities"]
    assert [one["action"] for one in found] == ["bounced", "reply", "forward"]
    assert [(one["from"], one["to"]) for one in found[1:]] == [
        (alias.address, "bob@shop.test"),
        ("bob@shop.test", alias.address),
    ]
    assert found[0]["reverse_alias"] == (
        f'"Bob \\"B\\" \\\\ Shop | bob at shop.test" <{found[0]["reverse_alias_address"]}>'
    )
    assert simple.get(path + "1").json == {"activities": []}
    latest = simple.get(f"/api/aliases/{alias.id}").json["latest_activity"]
    assert latest["action"] == "bounced"
    assert latest["contact"]["email"] == "bob@shop.test"
    assert isinstance(latest["timestamp"], int)


def test_what_happened_with_a_contact_that_is_gone_is_passed_over(
    pages: Site, alias: Alias, simple: SimpleLogin
):
    contact = happen(pages, alias, "bob@shop.test", "received")
    assert simple.delete(f"/api/contacts/{contact}").json == {"deleted": True}
    assert simple.get(f"/api/aliases/{alias.id}").json["latest_activity"] is None
    assert simple.get(f"/api/aliases/{alias.id}/activities?page_id=0").json == {"activities": []}


CONTACT_FIELDS = {
    *(
        "id",
        "creation_date",
        "creation_timestamp",
        "last_email_sent_date",
        "last_email_sent_timestamp",
        "contact",
    ),
    *("reverse_alias", "reverse_alias_address", "existed", "block_forward"),
}


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("bob@shop.test", "bob@shop.test"),
        ("Bob <bob@shop.test>", "bob@shop.test"),
        ('"Bob, of the Shop" <bob+x@shop.test>', "bob+x@shop.test"),
        ("Bób <bob@shop.test>", "bob@shop.test"),
    ],
)
def test_a_contact_is_made_once(alias: Alias, simple: SimpleLogin, typed: str, address: str):
    path = f"/api/aliases/{alias.id}/contacts"
    first = simple.post(path, {"contact": typed})
    assert first.status == 201 and set(first.json) == CONTACT_FIELDS
    assert (first.json["contact"], first.json["existed"]) == (address, False)
    again = simple.post(path, {"contact": typed})
    assert again.status == 200
    assert again.json == {**first.json, "existed": True}
    assert [one["id"] for one in simple.get(path + "?page_id=0").json["contacts"]] == [first.json["id"]]
    assert simple.get(path + "?page_id=1").json == {"contacts": []}


@pytest.mark.parametrize(
    "typed",
    [None, "", "bob", "a@b.test, c@d.test", "bob@", 1, ["bob@shop.test"], "x" * 400 + "@shop.test"],
    ids=str,
)
def test_what_is_no_one_address_is_refused(alias: Alias, simple: SimpleLogin, typed: Any):
    answer = simple.post(f"/api/aliases/{alias.id}/contacts", {"contact": typed})
    assert answer.status == 400 and answer.json["error"]


def test_an_address_of_this_server_is_no_contact(alias: Alias, simple: SimpleLogin):
    answer = simple.post(f"/api/aliases/{alias.id}/contacts", {"contact": alias.address})
    assert answer.status == 400 and answer.json["error"]


def test_a_contact_is_blocked_and_let_in_again(alias: Alias, simple: SimpleLogin):
    made = simple.post(f"/api/aliases/{alias.id}/contacts", {"contact": "bob@shop.test"}).json
    path = f"/api/contacts/{made['id']}/toggle"
    assert [simple.post(path).json, simple.post(path).json] == [
        {"block_forward": True},
        {"block_forward": False},
    ]


@pytest.mark.parametrize(("method", "rest"), [("DELETE", ""), ("POST", "/toggle")])
def test_somebody_elses_contact_is_not_there(
    pages: Site, alias: Alias, simple: SimpleLogin, method: str, rest: str
):
    made = simple.post(f"/api/aliases/{alias.id}/contacts", {"contact": "bob@shop.test"}).json
    stranger = SimpleLogin(pages, new_key(pages, pages.person()))
    answers = [stranger.ask(method, f"/api/contacts/{number}{rest}") for number in (made["id"], 1 << 40, "x")]
    assert {(one.status, one.text) for one in answers} == {(403, answers[0].text)}
    assert len(simple.get(f"/api/aliases/{alias.id}/contacts?page_id=0").json["contacts"]) == 1
