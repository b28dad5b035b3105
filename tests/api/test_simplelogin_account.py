"""SimpleLogin's dialect: who the user is, what asks for a password, keys that make keys, taking everything along, and what
Postern has not."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from postern.base import redact
from postern.base.database import SYSTEM
from postern.flow import api_keys
from postern.flow.api_keys import MOST, Wanted
from postern.store import domains
from postern.store.api_keys import ALIASES, ALL, READ
from support.api import SimpleLogin, new_key
from support.people import Person, Site

USER = {
    "name": str,
    "email": str,
    "is_premium": bool,
    "in_trial": bool,
    "trial_end_timestamp": type(None),
    "max_alias_free_plan": int,
    "connected_proton_address": type(None),
    "can_create_reverse_alias": bool,
    "profile_picture_url": type(None),
}


@pytest.fixture(autouse=True)
def _quiet(pages: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.run("DELETE FROM sign_in_codes")
    monkeypatch.setattr(redact, "_known", redact._known)


def works(site: Site, key: str) -> bool:
    return api_keys.use(site.context, key) is not None


def test_the_user_has_every_plan_there_is(jane: Person, simple: SimpleLogin):
    """Anything else makes clients show banners, or lock what is free here."""
    user = simple.get("/api/user_info").json
    assert set(user) == set(USER) and all(type(user[name]) is kind for name, kind in USER.items())
    assert (user["name"], user["email"]) == (jane.handle, f"{jane.handle}@real.example")
    assert (user["is_premium"], user["in_trial"], user["can_create_reverse_alias"]) == (True, False, True)
    assert user["max_alias_free_plan"] < 1 << 31


@pytest.mark.parametrize(
    "sent", [{}, None, {"name": None}, {"profile_picture": None}, {"profile_picture": "aGk="}]
)
def test_a_picture_is_passed_over(simple: SimpleLogin, sent: Any):
    answer = simple.patch("/api/user_info", sent)
    assert answer.status == 200 and answer.json == simple.get("/api/user_info").json


def test_a_name_is_for_good(jane: Person, simple: SimpleLogin):
    assert simple.patch("/api/user_info", {"name": jane.handle}).status == 200
    answer = simple.patch("/api/user_info", {"name": "Somebody Else"})
    assert answer.status == 400 and jane.handle in answer.json["error"]


def test_what_happened_is_counted(pages: Site, jane: Person, simple: SimpleLogin):
    assert simple.get("/api/stats").json == {"nb_alias": 0, "nb_block": 0, "nb_forward": 0, "nb_reply": 0}
    first, second = pages.alias(jane, f"a{jane.id}"), pages.alias(jane, f"b{jane.id}")
    pages.run("UPDATE aliases SET forwarded = 5, blocked = 3, replied = 1 WHERE user_id = :id", id=jane.id)
    pages.alias(pages.person(), f"c{jane.id}")
    simple.delete(f"/api/aliases/{second.id}")
    assert simple.get("/api/stats").json == {"nb_alias": 1, "nb_block": 6, "nb_forward": 10, "nb_reply": 2}
    assert first.id


# What asks for a password.


@pytest.mark.parametrize("wrong", [None, "", "x", "AAAAA-AAAAA-AAAAA-AAAAA", "x" * 100_000, "💌"], ids=repr)
def test_a_wrong_password_opens_nothing(simple: SimpleLogin, password: str, wrong: str | None):
    answer = simple.patch("/api/sudo", {"password": wrong})
    assert (answer.status, answer.json) == (403, {"error": "Invalid password"})
    for refused in (simple.post("/api/api_key", {"device": "x"}), simple.delete("/api/user")):
        assert (refused.status, refused.json) == (440, {"error": "Need sudo"})


def test_somebody_elses_password_opens_nothing(pages: Site, password: str):
    stranger = SimpleLogin(pages, new_key(pages, pages.person()))
    assert stranger.patch("/api/sudo", {"password": password}).status == 403


def test_the_right_one_opens_for_five_minutes_and_for_this_key_alone(
    pages: Site, jane: Person, simple: SimpleLogin, password: str
):
    other = SimpleLogin(pages, new_key(pages, jane))
    assert simple.patch("/api/sudo", {"password": password.lower()}).json == {"ok": True}
    assert simple.post("/api/api_key", {"device": "Laptop"}).status == 201
    assert other.post("/api/api_key", {"device": "Laptop"}).status == 440
    left = pages.run(
        "SELECT sudo_until - now() < interval '5 minutes' FROM api_keys WHERE head = :head",
        head=simple.key[:11],
    )
    assert left == [[True]]
    pages.run(
        "UPDATE api_keys SET sudo_until = now() - interval '1 second' WHERE head = :head",
        head=simple.key[:11],
    )
    assert simple.post("/api/api_key", {"device": "Laptop"}).status == 440
    assert simple.delete("/api/user").status == 440


def test_a_password_is_tried_no_faster_than_keys_may_ask(simple: SimpleLogin, password: str):
    tried = [simple.patch("/api/sudo", {"password": "x"}).status for _ in range(25)]
    assert tried[0] == 403 and tried[-1] == 429


@pytest.mark.parametrize(
    ("device", "name"),
    [("Laptop", "Laptop"), (None, "An app"), ("", "An app"), ("a\nb\u202e" + "x" * 999, None)],
)
@pytest.mark.parametrize("scope", [READ, ALIASES])
def test_a_key_makes_a_key_that_may_no_more(
    pages: Site, jane: Person, password: str, scope: str, device: str | None, name: str | None
):
    maker = SimpleLogin(pages, new_key(pages, jane, scope))
    maker.patch("/api/sudo", {"password": password})
    made = maker.post("/api/api_key", {"device": device}).json["api_key"]
    found = api_keys.use(pages.context, made)
    assert found is not None and not found.sudo
    assert (found.scope, found.user_id) == (scope, jane.id)
    assert found.name(pages.context.ring) == name or name is None
    assert len(found.name(pages.context.ring)) <= 60
    told = pages.run("SELECT count(*) FROM messages WHERE user_id = :id AND kind = 'notice'", id=jane.id)
    assert told == [[1]], "its user is told by mail"


def test_it_lasts_no_longer_than_the_key_that_made_it(pages: Site, jane: Person, password: str):
    short = api_keys.make(pages.context, jane.id, Wanted("short", ALL, 7))
    simple = SimpleLogin(pages, short)
    simple.patch("/api/sudo", {"password": password})
    made = api_keys.use(pages.context, simple.post("/api/api_key", {"device": "x"}).json["api_key"])
    maker = api_keys.use(pages.context, short)
    assert made is not None and maker is not None
    assert made.expires_at == maker.expires_at is not None


def test_it_ends_with_the_password_of_the_key_that_made_it(pages: Site, jane: Person, password: str):
    login = {"email": jane.handle, "password": password, "device": "x"}
    simple = SimpleLogin(pages, SimpleLogin(pages, "").post("/api/auth/login", login).json["api_key"])
    simple.patch("/api/sudo", {"password": password})
    made = simple.post("/api/api_key", {"device": "x"}).json["api_key"]
    assert works(pages, made)
    pages.run("DELETE FROM api_keys WHERE kind = 'password' AND user_id = :id", id=jane.id)
    assert not works(pages, made)


def test_who_has_all_his_keys_is_told(pages: Site, jane: Person, simple: SimpleLogin, password: str):
    for _ in range(MOST - 2):
        new_key(pages, jane)
    simple.patch("/api/sudo", {"password": password})
    answer = simple.post("/api/api_key", {"device": "x"})
    assert answer.status == 400 and "Revoke one" in answer.json["error"]


def test_an_account_is_deleted_by_who_gave_the_password(
    pages: Site, jane: Person, simple: SimpleLogin, password: str
):
    weak = SimpleLogin(pages, new_key(pages, jane, ALIASES))
    weak.patch("/api/sudo", {"password": password})
    assert weak.delete("/api/user").status == 403
    simple.patch("/api/sudo", {"password": password})
    assert simple.delete("/api/user").json == {"ok": True}
    assert pages.run("SELECT count(*) FROM users WHERE id = :id", id=jane.id) == [[0]]
    assert simple.get("/api/user_info").status == 401


def test_logging_out_leaves_the_key_alone(simple: SimpleLogin):
    assert simple.get("/api/logout").json == {"msg": "User is logged out"}
    assert simple.get("/api/user_info").status == 200


def test_a_token_for_a_page_opens_nothing(pages: Site, simple: SimpleLogin):
    token = simple.get("/api/user/cookie_token").json["token"]
    assert token and token != simple.get("/api/user/cookie_token").json["token"]
    browser = pages.browser()
    answer = browser.get(f"/auth/api_to_cookie?token={token}&next=%2F%2Felse.example")
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in")
    assert not browser.cookies


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/onboarding", "/aliases"),
        ("/onboarding/final", "/aliases"),
        ("/dashboard/", "/aliases"),
        ("/dashboard/api_key", "/settings/api-keys"),
        ("/dashboard/pricing", "/settings"),
        ("/auth/register?next=%2Fdashboard%2Fsetup_done", "/register"),
        ("/auth/proton/login?next=/onboarding/setup_done", "/sign-in"),
    ],
)
def test_a_page_that_clients_open_leads_to_ours(pages: Site, path: str, place: str):
    answer = pages.browser().get(path)
    assert (answer.status, answer.headers["location"]) == (303, place)


# Taking everything along.


def test_everything_is_taken_along(pages: Site, jane: Person, simple: SimpleLogin):
    kept, off, gone = (pages.alias(jane, f"{name}{jane.id}") for name in ("kept", "off", "gone"))
    simple.put(f"/api/aliases/{kept.id}", {"note": 'Bröd, "2"\nfür'})
    simple.post(f"/api/aliases/{off.id}/toggle")
    simple.delete(f"/api/aliases/{gone.id}")
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.add(db, f"jane{jane.id}.example", jane.id)
    assert simple.get("/api/export/data").json == {
        "email": f"{jane.handle}@real.example",
        "name": jane.handle,
        "aliases": [{"email": kept.address, "enabled": True}, {"email": off.address, "enabled": False}],
        "apps": [],
        "custom_domains": [f"jane{jane.id}.example"],
    }
    answer = simple.get("/api/export/aliases")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    box = f"{jane.handle}@real.example"
    assert list(csv.DictReader(io.StringIO(answer.text))) == [
        {"alias": kept.address, "note": 'Bröd, "2"\nfür', "enabled": "True", "mailboxes": box},
        {"alias": off.address, "note": "", "enabled": "False", "mailboxes": box},
    ]


# What Postern has not.


@pytest.mark.parametrize("page", ["0", "7", "1000000"])
def test_there_are_no_notifications(simple: SimpleLogin, page: str):
    assert simple.get(f"/api/notifications?page={page}").json == {"more": False, "notifications": []}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/notifications", 400),
        ("GET", "/api/notifications?page=-1", 400),
        ("POST", "/api/notifications/1/read", 403),
        ("DELETE", "/api/setting/unlink_proton_account", 400),
        ("POST", "/api/apple/process_payment", 400),
        ("GET", "/api/phone/reservations/1", 400),
        ("POST", "/api/phone/reservations/1", 400),
    ],
)
def test_what_is_not_here_says_so(simple: SimpleLogin, method: str, path: str, status: int):
    answer = simple.ask(method, path)
    assert answer.status == status and list(answer.json) == ["error"]
