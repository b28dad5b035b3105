"""The page of API keys: made by a form, shown once, revoked, and nobody else's business."""

from __future__ import annotations

import json
import re
from html import escape

import pytest

from postern.base import redact
from postern.flow import api_keys as keeping
from postern.flow import app_passwords
from postern.flow.api_keys import MOST
from postern.flow.app_passwords import Device
from support.people import Browser, Person, Site
from support.wsgi import Answer

PAGE = "/settings/api-keys"
KEY = re.compile(r"\bpostern[a-z2-7]{52}\b")
PASSWORD = re.compile(r"\b(?:[0-9A-Z]{5}-){3}[0-9A-Z]{5}\b")
REVOKE = re.compile(r'action="(/settings/api-keys/[0-9a-f-]{36}/revoke)"')
USUAL = {"name": "Password manager", "scope": "aliases", "lifetime": "365"}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No drain is woken, and what the log learns to hide is forgotten."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    monkeypatch.setattr(redact, "_known", redact._known)


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    browser = pages.browser(jane)
    browser.get(PAGE)
    return browser


def made(answer: Answer) -> str:
    """The key on the page."""
    assert answer.status == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found = set(KEY.findall(answer.text))
    assert len(found) == 1
    return str(found.pop())


def test_the_first_visit_teaches(browser: Browser):
    page = browser.get(PAGE).text
    assert "No key yet" in page
    assert 'href="/settings/api-keys" aria-current="page"' in page


def test_a_key_is_made_shown_once_and_works(pages: Site, browser: Browser, jane: Person):
    key = made(browser.post(PAGE, **USUAL))
    found = keeping.use(pages.context, key)
    assert found is not None and (found.user_id, found.scope) == (jane.id, "aliases")
    page = browser.get(PAGE).text
    assert "Password manager" in page and key[:11] in page
    assert key[:12] not in page
    assert "No key yet" not in page and "last used" in page


def test_before_its_first_use_it_says_so(browser: Browser):
    browser.post(PAGE, **USUAL)
    assert "never used" in browser.get(PAGE).text


@pytest.mark.parametrize(
    ("lifetime", "days"), [("30", 30), ("90", 90), ("365", 365), ("never", None)], ids=str
)
@pytest.mark.parametrize("scope", ["read", "aliases", "all"])
def test_what_is_chosen_is_what_it_is(
    pages: Site, browser: Browser, jane: Person, scope: str, lifetime: str, days: int | None
):
    made(browser.post(PAGE, name="x", scope=scope, lifetime=lifetime))
    sql = "SELECT scope, CAST(extract(days FROM expires_at - created_at) AS integer) FROM api_keys WHERE user_id = :id"
    assert pages.run(sql, id=jane.id) == [[scope, days]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "x" * 61},
        {"scope": "admin"},
        {"scope": ""},
        {"lifetime": "1"},
        {"lifetime": ""},
    ],
    ids=str,
)
def test_a_form_that_is_none_of_ours_makes_nothing(
    pages: Site, browser: Browser, jane: Person, wrong: dict[str, str]
):
    answer = browser.post(PAGE, **{**USUAL, **wrong})
    assert answer.status == 400
    assert not KEY.search(answer.text)
    assert pages.run("SELECT count(*) FROM api_keys WHERE user_id = :id", id=jane.id) == [[0]]


def test_what_was_typed_stays_when_it_is_refused(browser: Browser):
    page = browser.post(PAGE, name="é" * 61, scope="all", lifetime="never").text
    assert f'value="{"é" * 61}"' in page
    assert re.search(r'value="all" required checked', page)
    assert '<option value="never" selected>' in page


def test_too_many_is_said_on_the_page(pages: Site, browser: Browser, jane: Person):
    for _ in range(MOST):
        browser.post(PAGE, **USUAL)
        pages.run("DELETE FROM messages WHERE user_id = :id", id=jane.id)
    answer = browser.post(PAGE, **USUAL)
    assert answer.status == 409
    assert f"There are {MOST} API keys and app passwords already." in answer.text


def test_a_revoked_key_is_gone_from_page_and_use(pages: Site, browser: Browser):
    key = made(browser.post(PAGE, **USUAL))
    (revoke,) = REVOKE.findall(browser.get(PAGE).text)
    answer = browser.post(revoke)
    assert "Revoked." in browser.follow(answer).text
    assert "No key yet" in browser.get(PAGE).text
    assert keeping.use(pages.context, key) is None
    assert browser.post(revoke).status == 404


def test_another_user_neither_sees_nor_revokes_it(pages: Site, browser: Browser):
    key = made(browser.post(PAGE, **USUAL))
    (revoke,) = REVOKE.findall(browser.get(PAGE).text)
    his = pages.browser(pages.person())
    assert "No key yet" in his.get(PAGE).text
    assert his.post(revoke).status == 404
    assert keeping.use(pages.context, key)


@pytest.mark.parametrize("uid", ["x", "1", "0" * 36, "../../sign-out"])
def test_an_id_that_is_none_revokes_nothing(browser: Browser, uid: str):
    assert browser.post(f"{PAGE}/{uid}/revoke").status in (400, 404)


def test_keys_are_made_and_revoked_by_a_form_of_the_session_only(pages: Site, browser: Browser):
    key = made(browser.post(PAGE, **USUAL))
    (revoke,) = REVOKE.findall(browser.get(PAGE).text)
    for path in (PAGE, revoke):
        assert browser.post(path, csrf="0" * 32, **USUAL).status == 403
        assert browser.get(revoke).status == 405
    browser.sends = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for path in (PAGE, revoke):
        assert browser.post(path, **USUAL).status == 403
    assert keeping.use(pages.context, key)
    assert len(REVOKE.findall(browser.get(PAGE).text)) == 1


def test_an_expired_key_says_so(pages: Site, browser: Browser, jane: Person):
    browser.post(PAGE, **USUAL)
    pages.run("UPDATE api_keys SET expires_at = now() - interval '1 day' WHERE user_id = :id", id=jane.id)
    page = browser.get(PAGE).text
    assert '<span class="badge badge-warn">expired</span>' in page
    assert REVOKE.search(page), "it can be taken off the list"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '" autofocus onfocus="x', "$key ${csrf} &lt;"])
def test_a_name_is_never_markup(browser: Browser, name: str):
    for page in (browser.post(PAGE, **{**USUAL, "name": name}).text, browser.get(PAGE).text):
        assert escape(name) in page
        assert name not in page.replace(escape(name), "")


def test_the_export_names_keys_and_holds_nothing_of_them(browser: Browser):
    key = made(browser.post(PAGE, **USUAL))
    text = browser.get("/settings/data/everything").text
    (found,) = json.loads(text)["api_keys"]
    assert (found["name"], found["scope"], found["last_used"]) == ("Password manager", "aliases", None)
    assert found["since"] < found["expires"]
    assert key[:11] not in text


def test_an_app_password_is_made_shown_once_and_signs_in(pages: Site, browser: Browser, jane: Person):
    page = browser.post(PAGE, **USUAL, kind="password").text
    (password,) = set(PASSWORD.findall(page))
    assert f"<code>{jane.handle}@real.example</code>" in page and not KEY.search(page)
    entered = app_passwords.sign_in(pages.context, jane.handle, password, Device("Phone", "192.0.2.9"))
    assert keeping.use(pages.context, entered.key)
    listed = browser.get(PAGE).text
    assert not PASSWORD.search(listed)
    assert "App password <code>" in listed and "made with “Password manager” on" in listed


def test_whoever_revokes_an_app_password_locks_out_all_that_signed_in_with_it(
    pages: Site, browser: Browser, jane: Person
):
    (password,) = set(PASSWORD.findall(browser.post(PAGE, **USUAL, kind="password").text))
    entered = app_passwords.sign_in(pages.context, jane.handle, password, Device("Phone", "192.0.2.9"))
    *_, oldest = REVOKE.findall(browser.get(PAGE).text)
    browser.post(oldest)
    assert "No key yet" in browser.get(PAGE).text
    assert keeping.use(pages.context, entered.key) is None


def test_what_is_neither_key_nor_password_is_refused(browser: Browser):
    assert browser.post(PAGE, **USUAL, kind="x").status == 400
