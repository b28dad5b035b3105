"""Signing in by an app, in both dialects: with an app password, at one path; what is closed says so as the real servers do."""

from __future__ import annotations

from typing import Any

import pytest

from postern.base import redact
from postern.flow import api_keys, app_passwords
from postern.flow.api_keys import MOST
from postern.store.api_keys import ALIASES, ALL, READ
from postern.store.sign_in_codes import ADDRESS_AN_HOUR
from support.api import Addy, SimpleLogin, new_key, new_password
from support.people import Person, Site
from support.wsgi import Answer, ask

LOGIN = "/api/auth/login"


@pytest.fixture(autouse=True)
def _quiet(pages: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others tried does not count, and what the log learns to hide is forgotten."""
    pages.run("DELETE FROM sign_in_codes")
    monkeypatch.setattr(redact, "_known", redact._known)


def by_simplelogin(site: Site, **body: Any) -> Answer:
    """As its apps and its extension ask."""
    return SimpleLogin(site, "").post(LOGIN, body)


def by_addy(site: Site, **body: Any) -> Answer:
    """As its apps and its extension ask."""
    return Addy(site, "").post(LOGIN, body)


def works(site: Site, key: str) -> bool:
    return api_keys.use(site.context, key) is not None


# SimpleLogin.


@pytest.mark.parametrize("login", ["{handle}", "{handle}@real.example", "{handle}@Real.Example "])
def test_a_simplelogin_app_gets_a_key(pages: Site, jane: Person, password: str, login: str):
    answer = by_simplelogin(
        pages, email=login.format(handle=jane.handle), password=password.lower(), device="Pixel"
    )
    assert answer.status == 200, answer.text
    key = answer.json["api_key"]
    assert answer.json == {
        "name": jane.handle,
        "email": f"{jane.handle}@real.example",
        "mfa_enabled": False,
        "mfa_key": None,
        "api_key": key,
    }
    assert answer.headers["access-control-allow-origin"] == "*"
    found = api_keys.use(pages.context, key)
    assert found is not None and found.name(pages.context.ring) == "Pixel"


WRONG: list[dict[str, Any]] = [
    {},
    {"email": "jane"},
    {"password": "x"},
    {"email": "nobody@real.example", "password": "x", "device": "x"},
    {"email": "nobody", "password": "0" * 20},
    {"email": "x" * 100_000, "password": "y" * 100_000, "device": "z" * 100_000},
    {"email": "é@💌", "password": "💌", "device": "💌", "unknown": [1]},
    {"email": None, "password": None, "device": None},
]


@pytest.mark.parametrize("body", WRONG, ids=lambda body: repr(body)[:30])
def test_what_is_wrong_is_told_to_a_simplelogin_app_in_one_way(
    pages: Site, jane: Person, password: str, body: dict[str, Any]
):
    known = by_simplelogin(pages, email=jane.handle, password="wrong", device="x")
    answer = by_simplelogin(pages, **body)
    assert (answer.status, answer.json) == (known.status, known.json)
    assert answer.status == 400 and list(answer.json) == ["error"]


@pytest.mark.parametrize("body", [{"email": 1}, {"password": []}, {"device": {}}, {"email": "\0"}], ids=str)
def test_a_field_of_a_wrong_kind_is_refused(pages: Site, body: dict[str, Any]):
    answer = by_simplelogin(pages, **{"email": "x", "password": "x", **body})
    assert answer.status == 400 and list(answer.json) == ["error"]


# addy.io.


@pytest.mark.parametrize(
    ("expiration", "days"), [(None, None), ("", None), ("day", 1), ("week", 7), ("month", 30), ("year", 365)]
)
def test_an_addy_app_gets_a_key_for_as_long_as_it_wants(
    pages: Site, jane: Person, password: str, expiration: str | None, days: int | None
):
    answer = by_addy(
        pages,
        username=jane.handle,
        password=password,
        device_name="addy.io for Android",
        expiration=expiration,
    )
    assert answer.status == 200, answer.text
    assert set(answer.json) == {"api_key", "name", "created_at", "expires_at"}
    assert answer.json["name"] == "addy.io for Android"
    found = api_keys.use(pages.context, answer.json["api_key"])
    assert found is not None
    ends = None if found.expires_at is None else (found.expires_at - found.created_at).days
    assert ends == days
    assert (answer.json["expires_at"] is None) is (days is None)
    assert answer.json["created_at"] == found.created_at.strftime("%Y-%m-%d %H:%M:%S")


def test_what_is_wrong_is_told_to_an_addy_app_in_one_way(pages: Site, jane: Person, password: str):
    told = set()
    for username, typed in ((jane.handle, "wrong"), ("nobody", password), ("x" * 100_000, "💌")):
        answer = by_addy(pages, username=username, password=typed, device_name="x")
        assert answer.status == 401 and list(answer.json) == ["message"]
        told.add(answer.text)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": 1}, "username"),
        ({"password": None}, "password"),
        ({"device_name": []}, "device_name"),
        ({"device_name": ""}, "device_name"),
        ({"expiration": "never"}, "expiration"),
        ({"expiration": 7}, "expiration"),
    ],
    ids=str,
)
def test_an_addy_app_learns_which_field_is_wrong(pages: Site, wrong: dict[str, Any], field: str):
    answer = by_addy(pages, **{"username": "x", "password": "x", "device_name": "x", **wrong})
    assert answer.status == 422
    assert answer.json["errors"] == {field: [answer.json["message"]]}
    assert "mfa_key" not in answer.json, "which would ask for a code"


# Both.


def test_the_body_tells_whose_app_asks(pages: Site, jane: Person, password: str):
    """Also where the header that addy.io's apps send is missing, or comes from another."""
    first = SimpleLogin(pages, "").post(
        LOGIN, {"username": jane.handle, "password": password, "device_name": "x"}
    )
    second = Addy(pages, "").post(LOGIN, {"email": jane.handle, "password": password, "device": "x"})
    assert "expires_at" in first.json and "mfa_enabled" in second.json


@pytest.mark.parametrize("scope", [READ, ALIASES, ALL])
def test_a_key_may_do_what_its_password_may(pages: Site, jane: Person, scope: str):
    typed = new_password(pages, jane, scope)
    key = by_simplelogin(pages, email=jane.handle, password=typed, device="x").json["api_key"]
    assert (SimpleLogin(pages, key).post("/api/alias/random/new").status == 201) is (scope != READ)


def test_after_five_tries_everybody_waits_in_his_dialect(pages: Site, password: str):
    for _ in range(ADDRESS_AN_HOUR):
        assert by_simplelogin(pages, email="nobody", password=password).status == 400
    first = by_simplelogin(pages, email="nobody", password=password)
    second = by_addy(pages, username="nobody", password=password, device_name="x")
    assert (first.status, second.status) == (429, 429)
    assert list(first.json) == ["error"] and list(second.json) == ["message"]
    assert first.headers["retry-after"] == second.headers["retry-after"] == "3600"


def test_who_has_all_his_keys_is_told(pages: Site, jane: Person, password: str):
    for _ in range(MOST - 1):
        new_key(pages, jane)
    first = by_simplelogin(pages, email=jane.handle, password=password)
    second = by_addy(pages, username=jane.handle, password=password, device_name="x")
    assert first.status == 400 and "Revoke one" in first.json["error"]
    assert second.status == 403 and "Revoke one" in second.json["message"]


def test_there_is_no_second_step(pages: Site):
    first = SimpleLogin(pages, "").post(
        "/api/auth/mfa", {"mfa_token": "123456", "mfa_key": "x", "device": "x"}
    )
    second = Addy(pages, "").post("/api/auth/mfa", {"otp": "123456", "mfa_key": "x", "device_name": "x"})
    assert (first.status, list(first.json)) == (400, ["error"])
    assert (second.status, list(second.json)) == (401, ["message"])


def test_no_password_is_ever_logged(pages: Site, jane: Person, password: str):
    by_simplelogin(pages, email=jane.handle, password=password, device="x")
    by_addy(pages, username="nobody", password=password, device_name="x")
    by_simplelogin(pages, email=[], password=password)
    log = pages.instance.log()
    assert password not in log and password.replace("-", "") not in log


# Out again.


def test_logging_out_revokes_the_key_and_no_other(pages: Site, jane: Person, password: str):
    key = by_addy(pages, username=jane.handle, password=password, device_name="x").json["api_key"]
    other = new_key(pages, jane, READ)
    answer = Addy(pages, key).post("/api/auth/logout")
    assert (answer.status, answer.body) == (204, b"")
    assert not works(pages, key) and works(pages, other)
    again = Addy(pages, key).post("/api/auth/logout")
    assert (again.status, again.json) == (401, {"message": "Unauthenticated."})
    assert app_passwords.belongs(pages.context, jane.id, password), "the password goes on"


def test_an_account_is_deleted_by_a_key_for_everything_and_a_password(
    pages: Site, jane: Person, password: str
):
    addy = Addy(pages, new_key(pages, jane))
    his = new_password(pages, pages.person())
    for wrong in ("", "x", his, None, addy.key):
        answer = addy.post("/api/auth/delete-account", {"password": wrong})
        assert answer.status == 422 and list(answer.json["errors"]) == ["password"]
    weak = Addy(pages, new_key(pages, jane, ALIASES))
    assert weak.post("/api/auth/delete-account", {"password": password}).status == 403
    assert pages.run("SELECT count(*) FROM users WHERE id = :id", id=jane.id) == [[1]]
    answer = addy.post("/api/auth/delete-account", {"password": password})
    assert (answer.status, answer.body) == (204, b"")
    assert pages.run("SELECT count(*) FROM users WHERE id = :id", id=jane.id) == [[0]]


# What is closed.


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("register", {"email": "new@real.example", "password": "x" * 12}, 400),
        ("register", {}, 400),
        ("activate", {"email": "new@real.example", "code": "123456"}, 400),
        ("reactivate", {"email": "new@real.example"}, 400),
        ("forgot_password", {}, 400),
        ("forgot_password", {"email": 1}, 400),
        ("forgot_password", {"email": "new@real.example"}, 200),
    ],
)
def test_what_is_closed_says_so(pages: Site, path: str, body: dict[str, Any], status: int):
    answer = SimpleLogin(pages, "").post(f"/api/auth/{path}", body)
    assert answer.status == status
    assert answer.json == {"ok": True} if status == 200 else list(answer.json) == ["error"]
    assert pages.run("SELECT count(*) FROM users WHERE handle = 'new'") == [[0]]


def test_who_may_register_is_shown_where(pages: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("postern.web.api.auth.registration.OPEN", pages.context.config.registration)
    answer = SimpleLogin(pages, "").post("/api/auth/register", {})
    assert "https://alias.example/register" in answer.json["error"]


@pytest.mark.parametrize("path", ["google", "facebook", "apple"])
def test_nobody_else_vouches_for_users(pages: Site, path: str):
    answer = SimpleLogin(pages, "").post(f"/api/auth/{path}", {"google_token": "x", "device": "x"})
    assert answer.status == 400 and "app password" in answer.json["error"]


def test_what_was_never_here_is_no_endpoint(pages: Site):
    assert ask(pages.app, "POST", "/api/auth/none", {}, b"{}").status == 404
