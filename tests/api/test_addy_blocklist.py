"""addy.io's dialect: the blocklist, and that receipt goes by it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from postern.base.database import SYSTEM
from postern.flow import blocklist
from postern.store import domains
from postern.store.aliases import Alias
from support import addy as apps
from support.api import Addy, new_key
from support.mail import message
from support.people import Person, Site
from support.receipt import counts, post, queue, told

LIST = "/api/v1/blocklist"
REFUSED = "5.7.1 this address takes no mail from you"


@pytest.fixture
def alias(pages: Site, jane: Person) -> Alias:
    return pages.alias(jane, f"shop{jane.id}")


def add(addy: Addy, value: str, kind: str = "email") -> str:
    answer = addy.post(LIST, {"type": kind, "value": value})
    assert answer.status == 201, answer.text
    return str(apps.read("BlocklistEntry", answer.json["data"])["id"])


def values(addy: Addy, query: str = "") -> list[str]:
    answer = addy.get(LIST + query)
    assert answer.status == 200, answer.text
    return [one["value"] for one in apps.page("BlocklistEntry", answer.json)]


def mail(author: str) -> bytes:
    return message(From=author)


def test_entries_are_added_and_listed_as_they_are_kept(pages: Site, jane: Person, addy: Addy):
    add(addy, " Bob@Shop.Example ")
    add(addy, "Bücher.example", "domain")
    assert values(addy) == ["xn--bcher-kva.example", "bob@shop.example"]
    (one, _) = addy.get(LIST).json["data"]
    assert (one["type"], one["blocked"], one["last_blocked"]) == ("domain", 0, None)
    stored = pages.run("SELECT value_sealed FROM blocked_senders WHERE user_id = :id", id=jane.id)
    assert all(b"shop" not in bytes(row[0]) for row in stored)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": "x", "value": "a@b.example"}, "type"),
        ({"type": 1, "value": "a@b.example"}, "type"),
        ({"type": "email"}, "value"),
        ({"type": "email", "value": "shop.example"}, "value"),
        ({"type": "email", "value": "x" * 1000 + "@shop.example"}, "value"),
        ({"type": "email", "value": ["a@b.example"]}, "value"),
        ({"type": "domain", "value": "a@b.example"}, "value"),
        ({"type": "domain", "value": "localhost"}, "value"),
        ({"type": "domain", "value": "☃"}, "value"),
    ],
    ids=str,
)
def test_what_is_none_is_refused_by_field(addy: Addy, body: Any, field: str):
    answer = addy.post(LIST, body)
    assert answer.status == 422 and list(answer.json["errors"]) == [field]
    assert values(addy) == []


def test_one_that_is_there_is_told(addy: Addy):
    add(addy, "bob@shop.example")
    answer = addy.post(LIST, {"type": "email", "value": "BOB@shop.example"})
    assert answer.status == 422 and "already on your blocklist" in answer.json["errors"]["value"][0]


def test_searched_sorted_and_paged(pages: Site, jane: Person, addy: Addy):
    for value in ("b@x.example", "c@x.example", "a@y.example"):
        add(addy, value)
    add(addy, "z.example", "domain")
    pages.run("UPDATE api_keys SET due_at = NULL")
    pages.run(
        "UPDATE blocked_senders SET blocked = 5, blocked_at = now() WHERE id ="
        " (SELECT max(id) FROM blocked_senders WHERE user_id = :id AND kind = 'email')",
        id=jane.id,
    )
    for query, expected in {
        "?filter[search]=X.EXAMPLE": ["c@x.example", "b@x.example"],
        "?filter[type]=domain": ["z.example"],
        "?sort=value": ["a@y.example", "b@x.example", "c@x.example", "z.example"],
        "?sort=created_at&page[size]=2": ["b@x.example", "c@x.example"],
        "?sort=-created_at&page[size]=3&page[number]=2": ["b@x.example"],
        "?sort=-blocked&page[size]=1": ["a@y.example"],
        "?sort=-last_blocked&page[size]=1": ["a@y.example"],
        "?page[number]=9": [],
        "?filter[search]=&filter[type]=&sort=": ["z.example", "a@y.example", "c@x.example", "b@x.example"],
    }.items():
        assert values(addy, query) == expected, query
    for query in ("?sort=x", "?filter[type]=x", "?page[size]=101", f"?filter[search]={'x' * 101}"):
        assert addy.get(LIST + query).status == 422, query


def test_many_are_added_and_deleted_at_once(addy: Addy):
    add(addy, "a@x.example")
    body = {"type": "email", "values": ["a@x.example", "b@x.example", "B@x.example", "c@x.example"]}
    answer = addy.post(f"{LIST}/store/bulk", body)
    assert (answer.status, answer.json["skipped"]) == (201, 1)
    assert answer.json["message"] == "2 entries added to blocklist. 1 already on blocklist."
    ids = [apps.read("BlocklistEntry", one)["id"] for one in answer.json["data"]]
    again = addy.post(f"{LIST}/store/bulk", body).json
    assert (again["data"], again["message"]) == ([], "All entries were already on your blocklist.")
    gone = addy.post(f"{LIST}/delete/bulk", {"ids": [*ids, str(uuid4())]})
    assert gone.json["message"] == "2 entries removed from blocklist"
    assert sorted(apps.read("Bulk", gone.json)["ids"]) == sorted(ids)
    assert addy.post(f"{LIST}/delete/bulk", {"ids": ids}).status == 404
    assert values(addy) == ["a@x.example"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "email"}, "values"),
        ({"type": "email", "values": []}, "values"),
        ({"type": "email", "values": "x"}, "values"),
        ({"type": "email", "values": ["a@b.example", "x"]}, "values.1"),
        ({"type": "email", "values": [f"a{n}@b.example" for n in range(51)]}, "values"),
        ({"values": ["a@b.example"]}, "type"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_of_many_with_one_that_is_none_none_is_added(addy: Addy, body: Any, field: str):
    answer = addy.post(f"{LIST}/store/bulk", body)
    assert answer.status == 422 and list(answer.json["errors"]) == [field]
    assert values(addy) == []


def test_there_is_an_end_to_it(addy: Addy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blocklist, "MOST", 1)
    add(addy, "a@x.example")
    answer = addy.post(LIST, {"type": "email", "value": "b@x.example"})
    assert answer.status == 403 and "all 1 entries" in answer.json["message"]
    assert values(addy) == ["a@x.example"]


@pytest.mark.parametrize("kind", ["email", "domain"])
def test_mail_from_it_is_refused_counted_and_told(
    pages: Site, jane: Person, addy: Addy, alias: Alias, kind: str
):
    uid = add(addy, {"email": "Bob@shop.example", "domain": "Shop.example"}[kind], kind)
    assert post(pages, alias.address, mail("Bob <BOB@Shop.Example>")) == REFUSED
    assert post(pages, alias.address, mail("bob@other.example")) == "stored"
    assert post(pages, alias.address, mail("bob@sub.shop.example")) == "stored"
    assert counts(pages, alias.id)[:2] == (2, 1)
    (entry,) = addy.get(LIST).json["data"]
    assert (entry["blocked"], entry["last_blocked"] is None) == (1, False)
    kinds = [(name, note.get("why")) for name, note in told(pages, jane) if name == "blocked"]
    assert kinds == [("blocked", "its sender is on your blocklist")]
    assert addy.delete(f"{LIST}/{uid}").status == 204
    assert post(pages, alias.address, mail("bob@shop.example")) == "stored"


def test_it_is_of_one_user_alone(pages: Site, addy: Addy):
    add(addy, "bob@shop.example")
    joe = pages.person()
    assert post(pages, pages.alias(joe, f"joe{joe.id}").address, mail("bob@shop.example")) == "stored"


def test_for_who_is_on_it_no_address_makes_itself(pages: Site, jane: Person, addy: Addy):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        own = domains.add(db, f"jane{jane.id}.example", jane.id)
        domains.set_fly(db, own.id, True, 9)
    add(addy, "shop.example", "domain")
    assert post(pages, f"new@{own.name}", mail("bob@shop.example")) == REFUSED
    assert pages.run("SELECT count(*) FROM aliases WHERE domain_id = :id", id=own.id) == [[0]]
    assert addy.get(LIST).json["data"][0]["blocked"] == 1
    assert post(pages, f"new@{own.name}", mail("bob@other.example")) == "stored"
    assert len(queue(pages, jane)) == 1


@pytest.mark.parametrize(
    ("method", "path", "field"), [("DELETE", "/{}", None), ("POST", "/delete/bulk", "ids")]
)
def test_anothers_is_as_one_that_is_not_there(
    pages: Site, addy: Addy, method: str, path: str, field: str | None
):
    uid = add(addy, "bob@shop.example")
    stranger = Addy(pages, new_key(pages, pages.person()))
    answers = {
        (answer.status, answer.text)
        for answer in (
            stranger.ask(method, LIST + path.format(one), {field: [one]} if field else None)
            for one in (uid, str(uuid4()))
        )
    }
    assert [status for status, _ in answers] == [404]
    assert values(addy) == ["bob@shop.example"] and values(stranger) == []


def test_a_key_that_may_only_look_blocks_nobody(pages: Site, jane: Person):
    reader = Addy(pages, new_key(pages, jane, "read"))
    assert reader.post(LIST, {"type": "email", "value": "a@b.example"}).status == 403
    assert reader.get(LIST).status == 200
