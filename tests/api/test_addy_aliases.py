"""addy.io's dialect: aliases listed, made, switched, deleted, one by one and many at once, by the rules its clients read."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest

from postern.base.database import SYSTEM
from postern.store import domains, mailboxes
from postern.store.aliases import Alias
from postern.web.api.addy.page import Page, _labels
from support.api import Addy, new_key
from support.people import SHARED, URL, Person, Site

LIST = "/api/v1/aliases"
NEVER_NULL = {
    **dict.fromkeys(("id", "user_id", "local_part", "domain", "email", "created_at", "updated_at"), str),
    **dict.fromkeys(("active", "pinned", "attached_recipients_only"), bool),
    **dict.fromkeys(("emails_forwarded", "emails_blocked", "emails_replied", "emails_sent"), int),
    "recipients": list,
}
"""What Android's model takes no null for."""

MAYBE = {
    *("aliasable_id", "aliasable_type", "extension", "description", "from_name"),
    *("last_forwarded", "last_blocked", "last_replied", "last_sent", "deleted_at"),
}


def is_alias(shape: dict[str, Any]) -> bool:
    assert set(shape) == set(NEVER_NULL) | MAYBE
    assert all(isinstance(shape[name], kind) for name, kind in NEVER_NULL.items()), shape
    uuid.UUID(shape["id"])
    return True


@pytest.fixture
def alias(pages: Site, jane: Person) -> Alias:
    return pages.alias(jane, f"shop{jane.id}")


def shown(addy: Addy, alias: Alias) -> dict[str, Any]:
    answer = addy.get(f"{LIST}/{alias.uid}")
    assert answer.status == 200, answer.text
    shape: dict[str, Any] = answer.json["data"]
    assert is_alias(shape)
    return shape


def names(addy: Addy, query: str) -> list[str]:
    answer = addy.get(f"{LIST}?{query}")
    assert answer.status == 200, answer.text
    return [one["local_part"] for one in answer.json["data"]]


# The list.


def test_a_list_has_pages_with_links(pages: Site, jane: Person, addy: Addy):
    for number in range(5):
        pages.alias(jane, f"a{number}-{jane.id}")
    found = addy.get(f"{LIST}?page[number]=2&page[size]=2&sort=email").json
    assert [one["local_part"] for one in found["data"]] == [f"a2-{jane.id}", f"a3-{jane.id}"]
    assert all(is_alias(one) for one in found["data"])
    meta = found["meta"]
    assert (meta["current_page"], meta["from"], meta["to"], meta["last_page"]) == (2, 3, 4, 3)
    assert (meta["per_page"], meta["total"], meta["path"]) == (2, 5, URL + LIST)
    assert [one["label"] for one in meta["links"]] == ["&laquo; Previous", "1", "2", "3", "Next &raquo;"]
    assert [one["label"] for one in meta["links"] if one["active"]] == ["2"]
    last = addy.get(found["links"]["next"][len(URL) :]).json
    assert [one["local_part"] for one in last["data"]] == [f"a4-{jane.id}"]
    assert last["links"]["next"] is None
    assert urlsplit(found["links"]["first"]).query == "page%5Bnumber%5D=1&page%5Bsize%5D=2&sort=email"


def test_past_the_end_there_is_nothing(alias: Alias, addy: Addy):
    found = addy.get(f"{LIST}?page[number]=9").json
    assert found["data"] == [] and found["links"]["next"] is None
    assert (found["meta"]["from"], found["meta"]["to"], found["meta"]["total"]) == (None, None, 1)


def test_who_has_none_has_a_first_page(addy: Addy):
    meta = addy.get(LIST).json["meta"]
    assert (meta["current_page"], meta["last_page"], meta["total"], meta["per_page"]) == (1, 1, 0, 100)


@pytest.mark.parametrize(
    ("current", "last", "labels"),
    [
        (1, 1, "1"),
        (1, 5, "1 2 3 4 5"),
        (9, 20, "1 2 ... 6 7 8 9 10 11 12 ... 19 20"),
        (1, 20, "1 2 3 4 ... 19 20"),
        (99, 3, "1 2 3"),
    ],
)
def test_far_pages_are_dots(current: int, last: int, labels: str):
    assert " ".join(_labels(current, last)) == labels
    assert Page(current, 10).skip == (current - 1) * 10


def test_what_is_empty_is_as_if_it_were_not_there(alias: Alias, addy: Addy):
    query = "filter[search]=&filter[active]=&filter%5Bdeleted%5D=&sort=&page[size]=&recipient="
    assert names(addy, query) == [alias.local]


def test_filters_choose(pages: Site, jane: Person, addy: Addy):
    on, off, gone, pinned = (
        pages.alias(jane, f"{name}{jane.id}") for name in ("on", "off", "gone", "pinned")
    )
    addy.delete(f"/api/v1/active-aliases/{off.uid}")
    addy.delete(f"{LIST}/{gone.uid}")
    addy.post("/api/v1/pinned-aliases", {"id": str(pinned.uid)})
    addy.patch(f"{LIST}/{on.uid}", {"description": "Café 100%"})
    usual = [pinned.local, off.local, on.local]
    for query, expected in {
        "": usual,
        "filter[deleted]=without": usual,
        "filter[deleted]=only": [gone.local],
        "deleted=only": [gone.local],
        "deleted=with": [pinned.local, gone.local, off.local, on.local],
        "filter[active]=true": [pinned.local, on.local],
        "filter[active]=false": [off.local],
        "filter[pinned]=true": [pinned.local],
        "filter%5Bpinned%5D=false": [off.local, on.local],
        "filter[search]=CAF%C3%89": [on.local],
        "filter[search]==off": [off.local],
        "filter[search]=100%25": [on.local],
        "filter[search]=___": [],
    }.items():
        assert names(addy, query) == expected, query


@pytest.mark.parametrize(
    "key",
    ["local_part", "domain", "email", "emails_forwarded", "last_used", "active", "created_at", "deleted_at"],
)
def test_it_is_sorted_up_and_down(pages: Site, jane: Person, addy: Addy, key: str):
    first, second = pages.alias(jane, f"a{jane.id}"), pages.alias(jane, f"b{jane.id}")
    seen = "now() + make_interval(days => CAST(:days AS integer))"
    change = f"UPDATE aliases SET forwarded = :many, seen_at = {seen} WHERE id = :id"
    pages.run(change, id=first.id, many=1, days=1)
    pages.run(change, id=second.id, many=2, days=2)
    addy.delete(f"/api/v1/active-aliases/{first.uid}")
    differs = key not in ("domain", "deleted_at")
    rising = [first.local, second.local] if differs else [second.local, first.local]
    assert names(addy, f"sort={key}") == rising
    assert names(addy, f"sort=-{key}") == [second.local, first.local]


def test_a_list_may_be_of_one_domain_or_of_one_recipient(pages: Site, jane: Person, addy: Addy):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        own = domains.add(db, f"jane{jane.id}.example", jane.id)
    here = pages.alias(jane, "here", own)
    pages.alias(jane, f"there{jane.id}")
    assert names(addy, f"domain={own.uid}") == ["here"]
    assert names(addy, f"recipient={jane.mailbox.uid}") == [f"there{jane.id}", "here"]
    assert names(addy, f"recipient={uuid.uuid4()}") == []
    shape = shown(addy, here)
    assert (shape["aliasable_id"], shape["aliasable_type"]) == (str(own.uid), "App\\Models\\Domain")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page[size]=101", "page[size]"),
        ("page[size]=0", "page[size]"),
        ("page[number]=x", "page[number]"),
        ("page[number]=-1", "page[number]"),
        ("page[number]=99999999999", "page[number]"),
        ("filter[search]=ab", "filter.search"),
        ("filter[search]=" + "a" * 51, "filter.search"),
        ("filter[active]=yes", "filter[active]"),
        ("filter[deleted]=all", "filter[deleted]"),
        ("sort=id;drop", "sort"),
        ("domain=1", "domain"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_by_name(addy: Addy, query: str, field: str):
    answer = addy.get(f"{LIST}?{query}")
    assert answer.status == 422
    assert list(answer.json["errors"]) == [field]


# Making.


@pytest.mark.parametrize(
    ("chosen", "length"),
    [
        ("random_characters", 10),
        ("uuid", 36),
        ("random_words", None),
        ("random_noun", None),
        ("", None),
        (None, None),
    ],
)
def test_each_format_makes_an_alias(addy: Addy, chosen: str | None, length: int | None):
    answer = addy.post(LIST, {"domain": SHARED.upper(), "format": chosen, "description": "für dich"})
    assert answer.status == 201, answer.text
    shape = answer.json["data"]
    assert is_alias(shape) and shape["description"] == "für dich"
    assert length is None or len(shape["local_part"]) == length


def test_a_name_of_ones_own_with_recipients(pages: Site, jane: Person, addy: Addy):
    body = {
        "domain": SHARED,
        "format": "custom",
        "local_part": f"Shop{jane.id}",
        "recipient_ids": [str(jane.mailbox.uid)],
    }
    answer = addy.post(LIST, body)
    assert answer.status == 201, answer.text
    shape = answer.json["data"]
    assert shape["email"] == f"shop{jane.id}@{SHARED}"
    assert [one["id"] for one in shape["recipients"]] == [str(jane.mailbox.uid)]
    again = addy.post(LIST, body)
    assert again.status == 422
    assert again.json["errors"] == {"local_part_without_extension": [again.json["message"]]}


def test_what_follows_a_plus_is_shown_apart(jane: Person, addy: Addy):
    shape = addy.post(LIST, {"domain": SHARED, "format": "custom", "local_part": f"shop{jane.id}+x"}).json[
        "data"
    ]
    assert (shape["local_part"], shape["extension"]) == (f"shop{jane.id}", "x")
    assert shape["email"] == f"shop{jane.id}+x@{SHARED}"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        *(
            ({"local_part": local}, "local_part_without_extension")
            for local in ("", "a b", "ä", "x" * 65, "postmaster")
        ),
        ({"local_part": 1}, "local_part"),
        ({"domain": None}, "domain"),
        ({"format": "mine"}, "format"),
        ({"recipient_ids": ["x"]}, "recipient_ids"),
        ({"recipient_ids": [str(uuid.UUID(int=7))]}, "recipient_ids"),
        ({"recipient_ids": "x"}, "recipient_ids"),
        ({"description": "x" * 501}, "request"),
    ],
    ids=lambda wrong: str(wrong)[:50],
)
def test_what_cannot_be_meant_makes_nothing(
    pages: Site, jane: Person, addy: Addy, wrong: dict[str, Any], field: str
):
    body = {"domain": SHARED, "format": "custom", "local_part": f"fine{jane.id}", **wrong}
    answer = addy.post(LIST, body)
    assert answer.status == 422 and list(answer.json["errors"]) == [field]
    assert pages.run("SELECT count(*) FROM aliases WHERE user_id = :id", id=jane.id) == [[0]]


def test_who_has_all_he_may_is_told(pages: Site, jane: Person, addy: Addy):
    pages.run("UPDATE users SET max_aliases = 0 WHERE id = :id", id=jane.id)
    answer = addy.post(LIST, {"domain": SHARED})
    assert answer.status == 403 and "that you may have" in answer.json["message"]


# One of them.


def test_it_is_described(alias: Alias, addy: Addy):
    path = f"{LIST}/{alias.uid}"
    assert addy.patch(path, {"description": "a", "from_name": "Jane"}).json["data"]["from_name"] == "Jane"
    assert addy.patch(path, {"description": None}).json["data"]["description"] is None
    assert shown(addy, alias)["from_name"] == "Jane"
    assert addy.patch(path, {"description": 5}).status == 422
    assert addy.patch(path, {"from_name": "x" * 101}).status == 422


def test_it_is_switched(alias: Alias, addy: Addy):
    body = {"id": str(alias.uid)}
    off = addy.delete(f"/api/v1/active-aliases/{alias.uid}")
    assert (off.status, off.body) == (204, b"")
    assert shown(addy, alias)["active"] is False
    assert addy.post("/api/v1/active-aliases", body).json["data"]["active"] is True
    assert addy.post("/api/v1/pinned-aliases", body).json["data"]["pinned"] is True
    assert addy.delete(f"/api/v1/pinned-aliases/{alias.uid}").status == 204
    assert shown(addy, alias)["pinned"] is False
    assert addy.post("/api/v1/attached-recipients-only", body).status == 422
    assert addy.delete(f"/api/v1/attached-recipients-only/{alias.uid}").status == 204


def test_it_is_deleted_restored_and_forgotten(pages: Site, alias: Alias, addy: Addy):
    path = f"{LIST}/{alias.uid}"
    assert addy.delete(path).status == 204
    assert shown(addy, alias)["deleted_at"]
    assert addy.delete(path).status == 404
    refused = addy.post("/api/v1/active-aliases", {"id": str(alias.uid)})
    assert refused.status == 422 and "restore" in refused.json["message"]
    back = addy.patch(path + "/restore").json["data"]
    assert (back["deleted_at"], back["active"]) == (None, True)
    assert addy.delete(path + "/forget").status == 204
    assert addy.get(path).status == 404
    taken = addy.post(LIST, {"domain": SHARED, "format": "custom", "local_part": alias.local})
    assert taken.status == 422, "nobody gets it again"


def test_it_goes_to_the_recipients_named_or_to_the_default_one(
    pages: Site, alias: Alias, jane: Person, addy: Addy
):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        other = mailboxes.add(db, pages.context.ring, jane.id, f"other{jane.id}@real.example", verified=True)

    def chosen(*ids: object) -> list[str]:
        body = {"alias_id": str(alias.uid), "recipient_ids": [str(one) for one in ids]}
        found = addy.post("/api/v1/alias-recipients", body).json["data"]["recipients"]
        return [one["id"] for one in found]

    assert chosen(other.uid) == [str(other.uid)]
    assert chosen(jane.mailbox.uid, other.uid) == [str(jane.mailbox.uid), str(other.uid)]
    assert chosen() == [str(jane.mailbox.uid)]


WAYS_IN = [
    *((method, LIST + "/{}", None) for method in ("GET", "PATCH", "DELETE")),
    ("PATCH", LIST + "/{}/restore", None),
    ("DELETE", LIST + "/{}/forget", None),
    *(
        ("DELETE", f"/api/v1/{name}/{{}}", None)
        for name in ("active-aliases", "pinned-aliases", "attached-recipients-only")
    ),
    *(
        ("POST", f"/api/v1/{name}", "id")
        for name in ("active-aliases", "pinned-aliases", "attached-recipients-only")
    ),
    ("POST", "/api/v1/alias-recipients", "alias_id"),
    *(
        ("POST", f"{LIST}/{name}/bulk", "ids")
        for name in (
            "get",
            "activate",
            "deactivate",
            "pin",
            "unpin",
            "delete",
            "restore",
            "forget",
            "recipients",
        )
    ),
]


@pytest.mark.parametrize(("method", "path", "field"), WAYS_IN, ids=str)
def test_somebody_elses_is_as_one_that_is_not_there(
    pages: Site, alias: Alias, method: str, path: str, field: str | None
):
    stranger = Addy(pages, new_key(pages, pages.person()))
    before = pages.run("SELECT a::text FROM aliases a WHERE id = :id", id=alias.id)
    answers = []
    for uid in (str(alias.uid), str(uuid.uuid4())):
        body = {field: [uid] if field == "ids" else uid} if field else None
        answers.append(stranger.ask(method, path.format(uid), body))
    assert {(one.status, one.text) for one in answers} == {(404, answers[0].text)}
    assert pages.run("SELECT a::text FROM aliases a WHERE id = :id", id=alias.id) == before


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [way for way in WAYS_IN if way[0] != "GET" and "/get/" not in way[1]],
    ids=str,
)
def test_a_key_that_may_only_look_changes_nothing(
    pages: Site, jane: Person, alias: Alias, method: str, path: str, field: str | None
):
    reader = Addy(pages, new_key(pages, jane, "read"))
    before = shown(reader, alias)
    uid = str(alias.uid)
    body = {field: [uid] if field == "ids" else uid} if field else None
    assert reader.ask(method, path.format(uid), body).status == 403
    assert shown(reader, alias) == before


# Many at once.


@pytest.fixture
def three(pages: Site, jane: Person) -> list[Alias]:
    return [pages.alias(jane, f"{name}{jane.id}") for name in ("a", "b", "c")]


def test_many_are_changed_at_once(pages: Site, addy: Addy, three: list[Alias]):
    first, second, third = (str(one.uid) for one in three)

    def bulk(name: str, *ids: str) -> tuple[int, str, list[str]]:
        answer = addy.post(f"{LIST}/{name}/bulk", {"ids": ids})
        pages.run("UPDATE api_keys SET due_at = NULL")
        return answer.status, answer.json["message"], answer.json.get("ids", [])

    assert bulk("deactivate", first, second) == (200, "2 aliases deactivated successfully", [first, second])
    assert bulk("deactivate", first, third) == (200, "1 alias deactivated successfully", [third])
    assert bulk("activate", first, second, third)[0::2] == (200, [first, second, third])
    assert bulk("activate", first)[0] == 404
    assert bulk("pin", first, str(uuid.uuid4()))[0::2] == (200, [first])
    assert bulk("unpin", first, second)[0::2] == (200, [first])
    assert bulk("delete", first, second) == (200, "2 aliases deleted successfully", [first, second])
    assert bulk("activate", first)[0] == 422
    assert bulk("restore", first, third)[0::2] == (200, [first])
    assert bulk("forget", first, second)[0::2] == (200, [first, second])
    assert bulk("recipients", third)[:2] == (200, "recipients updated for 1 alias successfully")
    found = addy.post(f"{LIST}/get/bulk", {"ids": [first, third]}).json["data"]
    assert [one["id"] for one in found] == [third]


@pytest.mark.parametrize(
    "ids",
    [None, [], "x", ["x"], [1], [str(uuid.UUID(int=1))] * 2, [str(uuid.UUID(int=n)) for n in range(26)]],
    ids=str,
)
def test_a_bulk_call_names_one_to_25(addy: Addy, ids: Any):
    answer = addy.post(f"{LIST}/pin/bulk", {"ids": ids})
    assert answer.status == 422 and list(answer.json["errors"]) == ["ids"]


# Where they can be made.


def test_the_options_are_the_domains_that_may_be_used(pages: Site, jane: Person, addy: Addy):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.add(db, f"jane{jane.id}.example", jane.id)
    assert addy.get("/api/v1/domain-options").json == {
        "data": [SHARED, f"jane{jane.id}.example"],
        "sharedDomains": [SHARED],
        "defaultAliasDomain": SHARED,
        "defaultAliasFormat": "random_words",
    }


def test_a_body_may_be_large_and_odd(addy: Addy):
    body = json.dumps({"domain": SHARED, "unknown": ["x" * 100_000], "Ω": {}}).encode()
    assert addy.post(LIST, body, Content_Type="text/plain").status == 201
