"""SimpleLogin's dialect: making aliases. Options, suffixes and their signatures, site names, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies

from postern.base import clock
from postern.base.database import SYSTEM
from postern.store import domains
from postern.web.api.simplelogin import suffix
from postern.web.api.simplelogin.hostname import site_name
from support.api import SimpleLogin, new_key
from support.people import SHARED, Person, Site

V2, V3 = "/api/v2/alias/custom/new", "/api/v3/alias/custom/new"


def offered(simple: SimpleLogin, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = simple.get("/api/v5/alias/options" + query).json["suffixes"]
    return found


def body(simple: SimpleLogin, prefix: str, mailbox: int, **more: Any) -> dict[str, Any]:
    signed = offered(simple)[0]["signed_suffix"]
    return {"alias_prefix": prefix, "signed_suffix": signed, "mailbox_ids": [mailbox], **more}


def test_both_versions_of_the_options_offer_the_same(simple: SimpleLogin):
    fourth = simple.get("/api/v4/alias/options?hostname=www.groupon.com").json
    fifth = simple.get("/api/v5/alias/options?hostname=www.groupon.com").json
    for options in (fourth, fifth):
        assert options["can_create"] is True
        assert options["prefix_suggestion"] == "groupon"
        assert "recommendation" not in options
    assert [len(pair) for pair in fourth["suffixes"]] == [2, 2]
    assert [set(one) for one in fifth["suffixes"]] == [
        {"suffix", "signed_suffix", "is_custom", "is_premium"}
    ] * 2
    guessless, plain = fifth["suffixes"]
    assert guessless["suffix"].endswith(f"@{SHARED}") and guessless["suffix"].startswith(".")
    assert plain["suffix"] == f"@{SHARED}"


def test_a_users_own_domain_comes_first(pages: Site, jane: Person, simple: SimpleLogin):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.add(db, f"jane{jane.id}.example", jane.id)
    first = offered(simple)[0]
    assert (first["suffix"], first["is_custom"]) == (f"@jane{jane.id}.example", True)
    stranger = SimpleLogin(pages, new_key(pages, pages.person()))
    assert not any(one["is_custom"] for one in offered(stranger))


@pytest.mark.parametrize("path", [V2, V3])
def test_a_prefix_with_a_suffix_is_an_alias(simple: SimpleLogin, jane: Person, path: str):
    sent = body(simple, f" Shop {jane.id}", jane.mailbox.id, note="für Bücher", name="Jane")
    answer = simple.post(path + "?hostname=shop.test", sent)
    assert answer.status == 201, answer.text
    wanted = f"shop{jane.id}" + sent["signed_suffix"].rsplit(".", 2)[0]
    assert answer.json["alias"] == answer.json["email"] == wanted
    assert (answer.json["note"], answer.json["name"]) == ("für Bücher", "Jane")
    assert [one["id"] for one in answer.json["mailboxes"]] == [jane.mailbox.id]


@pytest.mark.parametrize("path", [V2, V3])
def test_what_somebody_has_is_told_as_taken(pages: Site, simple: SimpleLogin, jane: Person, path: str):
    pages.alias(pages.person(), f"shop{jane.id}")
    plain = offered(simple)[1]["signed_suffix"]
    sent = {"alias_prefix": f"shop{jane.id}", "signed_suffix": plain, "mailbox_ids": [jane.mailbox.id]}
    answer = simple.post(path, sent)
    assert answer.status == 409 and "taken" in answer.json["error"]


def test_a_suffix_is_good_for_ten_minutes(simple: SimpleLogin, jane: Person, monkeypatch: pytest.MonkeyPatch):
    sent = body(simple, "late", jane.mailbox.id)
    later = clock.now() + suffix.SECONDS + 5
    monkeypatch.setattr(clock, "now", lambda: later)
    answer = simple.post(V3, sent)
    assert answer.status == 412 and "expired" in answer.json["error"]


def test_a_suffix_is_of_the_user_to_whom_it_was_offered(pages: Site, simple: SimpleLogin, jane: Person):
    stranger = SimpleLogin(pages, new_key(pages, pages.person()))
    sent = body(stranger, "mine", jane.mailbox.id)
    assert simple.post(V3, sent).status == 400


@pytest.mark.parametrize(
    "signed",
    [
        *(
            "",
            None,
            1,
            "x",
            f"@{SHARED}",
            f"@{SHARED}.",
            f"@{SHARED}.99999999999.",
            f"@{SHARED}.99999999999.00",
        ),
        *(f"@{SHARED}.-1.aa", f"@{SHARED}.\uff19\uff19.aa", "." * 1000, f"@{SHARED}.99999999999.é"),
    ],
    ids=str,
)
def test_a_suffix_that_was_not_offered_makes_nothing(
    pages: Site, simple: SimpleLogin, jane: Person, signed: Any
):
    answer = simple.post(V2, {"alias_prefix": "mine", "signed_suffix": signed})
    assert answer.status == 400 and answer.json["error"]
    assert pages.run("SELECT count(*) FROM aliases WHERE user_id = :id", id=jane.id) == [[0]]


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            {"alias_prefix": prefix}
            for prefix in ("", " ", None, 7, "a..b", "é", "x" * 65, "a@b", "a\nb\0", "postmaster@")
        ),
        *({"mailbox_ids": ids} for ids in (None, [], [0], [-1], "1", [1 << 62], [{}], list(range(2000)))),
        *({"note": note} for note in ("x" * 501, 5, ["x"])),
        {"name": "x" * 200},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_what_cannot_be_meant_makes_nothing(
    pages: Site, simple: SimpleLogin, jane: Person, wrong: dict[str, Any]
):
    answer = simple.post(V3, {**body(simple, "fine", jane.mailbox.id), **wrong})
    assert answer.status == 400 and answer.json["error"]
    assert pages.run("SELECT count(*) FROM aliases WHERE user_id = :id", id=jane.id) == [[0]]


def test_somebody_elses_mailbox_is_none(pages: Site, simple: SimpleLogin, jane: Person):
    assert simple.post(V3, body(simple, "mine", pages.person().mailbox.id)).status == 400


def test_who_has_all_he_may_is_told(pages: Site, simple: SimpleLogin, jane: Person):
    pages.run("UPDATE users SET max_aliases = 0 WHERE id = :id", id=jane.id)
    for answer in (
        simple.post(V3, body(simple, "more", jane.mailbox.id)),
        simple.post("/api/alias/random/new"),
    ):
        assert answer.status == 400 and "that you may have" in answer.json["error"]


@pytest.mark.parametrize(("mode", "length"), [("word", None), ("uuid", 36)])
def test_a_random_one_is_of_the_mode_asked_for(simple: SimpleLogin, mode: str, length: int | None):
    answer = simple.post(f"/api/alias/random/new?mode={mode}", {"note": "n"})
    assert answer.status == 201
    local = answer.json["alias"].partition("@")[0]
    assert len(local) == length if length else "." in local


@pytest.mark.parametrize("mode", ["x", "words", "WORD", "1"])
def test_another_mode_there_is_not(simple: SimpleLogin, mode: str):
    assert simple.post(f"/api/alias/random/new?mode={mode}").status == 400


HOSTNAMES = {
    "www.groupon.com": "groupon",
    "https://host.tld": "host",
    "https://www.shop.co.uk/a?b=c": "shop",
    "https%3A%2F%2Fwww.shop.co.uk%2F": "shop",
    "shop.test:8443": "shop",
    "user:word@shop.test": "shop",
    "localhost": "localhost",
    "co.uk": "co",
    "127.0.0.1": "",
    "[::1]:80": "",
    "": "",
    "...": "",
    "bücher.example": "bucher",
    "xn--bcher-kva.example": "bucher",
    "xn--.example": "xn",
    "日本.example": "",
    "a_b.example": "ab",
    "-x-.example": "x",
    f"{'x' * 100}.example": "x" * 30,
}


@pytest.mark.parametrize(("hostname", "prefix"), HOSTNAMES.items(), ids=[repr(name) for name in HOSTNAMES])
def test_a_site_gives_a_prefix_and_never_a_refusal(simple: SimpleLogin, hostname: str, prefix: str):
    answer = simple.get(f"/api/v5/alias/options?hostname={hostname}")
    assert answer.status == 200
    assert answer.json["prefix_suggestion"] == prefix
    assert simple.post(f"/api/alias/random/new?hostname={hostname}").status == 201


@given(strategies.text())
def test_whatever_stands_there_the_prefix_may_stand_before_an_at(text: str):
    name = site_name(text)
    assert len(name) <= 30
    assert name == "" or (name.isascii() and name.replace("-", "").isalnum())
    assert name == name.strip("-")
