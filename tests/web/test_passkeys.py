"""Passkeys on the pages: added, used, renamed, removed; and nothing that is not asked for here, now, of this user, works."""

from __future__ import annotations

import contextlib
import html
import json
import re
import threading
from typing import Any

import pytest

from postern.base import redact
from postern.flow import passkeys as flow
from postern.flow.challenges import DeadChallenge
from postern.flow.mailboxes import NOTICES_AN_HOUR
from postern.store import passkeys
from postern.webauthn.registration import Credential
from support.authenticator import EDDSA, ES256, RS256, UP, Authenticator
from support.hostile import MARKUP
from support.patience import join
from support.people import URL, Browser, Person, Site
from support.wsgi import Answer

SETTINGS, SIGN_IN = "/settings/sign-in", "/sign-in"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No drain is woken, and what the log learns to hide is forgotten."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    monkeypatch.setattr(redact, "_known", redact._known)


def question(answer: Answer) -> tuple[dict[str, Any], str]:
    """What a page has its browser asked, and the challenge that goes back with it."""
    options = re.search(r'data-options="([^"]+)"', answer.text)
    challenge = re.search(r'name="challenge" value="([^"]+)"', answer.text)
    assert options and challenge
    return json.loads(html.unescape(options[1])), challenge[1]


def add(browser: Browser, device: Authenticator, name: str = "Laptop") -> Answer:
    options, challenge = question(browser.get(SETTINGS))
    made = json.dumps(device.create(options, URL))
    return browser.post("/settings/passkeys", challenge=challenge, answer=made, name=name)


def enter(browser: Browser, device: Authenticator, origin: str = URL) -> Answer:
    options, challenge = question(browser.get(SIGN_IN))
    return browser.post(
        "/sign-in/passkey", challenge=challenge, answer=json.dumps(device.get(options, origin))
    )


def own(pages: Site, person: Person) -> list[passkeys.Passkey]:
    with pages.context.pool.connection() as db, db.transaction(person.id):
        return passkeys.of_user(db, person.id)


def notices(pages: Site, person: Person) -> list[str]:
    """Kinds of what waits for the person."""
    return [
        str(row[0])
        for row in pages.run("SELECT kind FROM messages WHERE user_id = :id ORDER BY id", id=person.id)
    ]


@pytest.fixture
def device(pages: Site, jane: Person) -> Authenticator:
    """One with a passkey of hers."""
    made = Authenticator()
    assert add(pages.browser(jane), made).status == 303
    return made


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_a_passkey_is_added_and_signs_in(pages: Site, jane: Person, algorithm: int):
    device = Authenticator(algorithm)
    added = pages.browser(jane)
    assert "Added." in added.follow(add(added, device)).text
    browser = pages.browser()
    answer = enter(browser, device)
    assert (answer.status, answer.headers["location"]) == (303, "/aliases")
    assert f"You are <strong>{jane.handle}</strong>" in browser.get(SETTINGS).text
    (one,) = own(pages, jane)
    assert one.used_at is not None
    assert (one.backed_up, one.transports) == (True, "internal hybrid")
    assert notices(pages, jane) == ["notice"]


def test_the_settings_show_them(pages: Site, jane: Person, device: Authenticator):
    browser = pages.browser(jane)
    assert "not used yet" in browser.get(SETTINGS).text
    enter(pages.browser(), device)
    shown = browser.get(SETTINGS).text
    assert "last used" in shown
    assert "synced" in shown
    options, _ = question(browser.get(SETTINGS))
    assert [one["transports"] for one in options["excludeCredentials"]] == [["internal", "hybrid"]]
    assert options["rp"]["id"] == "alias.example"


def test_a_name_is_changed_and_shown_as_text(pages: Site, jane: Person, device: Authenticator):
    browser = pages.browser(jane)
    path = f"/settings/passkeys/{own(pages, jane)[0].uid}"
    for markup in MARKUP[:6]:
        browser.get(path)
        browser.follow(browser.post(f"{path}/rename", name=markup[:60]))
        assert markup[:60] not in browser.get(SETTINGS).text
        assert markup[:60] not in browser.get(path).text
    assert browser.post(f"{path}/rename", name="x" * 61).status == 400
    assert browser.post(f"{path}/rename", name=" ").status == 400


def test_a_removed_one_signs_in_no_more(pages: Site, jane: Person, device: Authenticator):
    browser = pages.browser(jane)
    path = f"/settings/passkeys/{own(pages, jane)[0].uid}"
    browser.get(path)
    assert "Removed." in browser.follow(browser.post(f"{path}/remove")).text
    answer = enter(pages.browser(), device)
    assert answer.status == 400
    assert "opens no account" in answer.text
    assert browser.post(f"{path}/remove").status == 404
    assert notices(pages, jane) == ["notice"] * 2


def test_an_answer_is_good_once(pages: Site, jane: Person, device: Authenticator):
    browser = pages.browser()
    options, challenge = question(browser.get(SIGN_IN))
    sent = {"challenge": challenge, "answer": json.dumps(device.get(options, URL))}
    assert browser.post("/sign-in/passkey", **sent).status == 303
    again = pages.browser().post("/sign-in/passkey", **sent)
    assert again.status == 400
    assert "used before" in again.text


def test_of_two_who_answer_at_once_one_gets_in(pages: Site, jane: Person, device: Authenticator):
    options, challenge = question(pages.browser().get(SIGN_IN))
    answer, inside = json.dumps(device.get(options, URL)), []

    def go() -> None:
        with contextlib.suppress(DeadChallenge):
            inside.append(flow.enter(pages.context, challenge, answer, "x", None))

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    join(*threads)
    assert len(inside) == 1


@pytest.mark.parametrize(
    "bend",
    [
        {"rp_id": "evil.example"},
        {"client": {"origin": "https://evil.example"}},
        {"client": {"origin": "https://alias.example.evil.example"}},
        {"client": {"type": "webauthn.create"}},
        {"client": {"crossOrigin": True}},
        {"client": {"challenge": "AAAA"}},
        {"flags": UP},
        {"tail": b"x"},
        {"user_handle": b"x" * 16},
    ],
    ids=str,
)
def test_an_answer_for_elsewhere_or_of_nobody_is_refused(
    pages: Site, jane: Person, device: Authenticator, bend: dict[str, Any]
):
    for name, value in bend.items():
        setattr(device, name, value)
    browser = pages.browser()
    answer = enter(browser, device)
    assert answer.status == 400
    assert browser.get("/aliases").headers["location"] == "/sign-in"


def test_a_signature_of_another_key_is_refused(pages: Site, jane: Person, device: Authenticator):
    thief = Authenticator()
    thief.id, thief.user_handle = device.id, device.user_handle
    assert enter(pages.browser(), thief).status == 400


def test_a_passkey_is_of_one_account(pages: Site, jane: Person, device: Authenticator):
    joe = pages.person()
    answer = add(pages.browser(joe), device)
    assert answer.status == 409
    assert "opens an account already" in answer.text
    assert own(pages, joe) == []


def test_who_made_it_for_one_account_cannot_have_it_added_to_another(pages: Site, jane: Person):
    joe, device = pages.person(), Authenticator()
    options, challenge = question(pages.browser(joe).get(SETTINGS))
    browser = pages.browser(jane)
    browser.get(SETTINGS)
    made = json.dumps(device.create(options, URL))
    answer = browser.post("/settings/passkeys", challenge=challenge, answer=made, name="x")
    assert answer.status == 400
    assert own(pages, jane) == own(pages, joe) == []


def test_another_users_passkey_is_not_there(pages: Site, jane: Person, device: Authenticator):
    browser = pages.browser(pages.person())
    path = f"/settings/passkeys/{own(pages, jane)[0].uid}"
    browser.get(SETTINGS)
    assert browser.get(path).status == 404
    assert browser.post(f"{path}/rename", name="mine").status == 404
    assert browser.post(f"{path}/remove").status == 404
    assert len(own(pages, jane)) == 1


def test_a_copy_is_noticed_and_its_user_told(pages: Site, jane: Person):
    device = Authenticator()
    device.count = 5
    assert add(pages.browser(jane), device).status == 303
    assert enter(pages.browser(), device).status == 303
    device.count = 3
    browser = pages.browser()
    answer = enter(browser, device)
    assert answer.status == 400
    assert "there may be a copy" in answer.text
    assert browser.get("/aliases").headers["location"] == "/sign-in"
    assert notices(pages, jane) == ["notice"] * 2


@pytest.mark.parametrize("column", ["disabled_at = now()", "confirmed_at = NULL"])
def test_a_shut_account_is_not_opened(pages: Site, jane: Person, device: Authenticator, column: str):
    pages.run(f"UPDATE users SET {column} WHERE id = :id", id=jane.id)
    assert enter(pages.browser(), device).status == 400


def test_the_session_before_ends(pages: Site, jane: Person, device: Authenticator):
    browser = pages.browser(jane)
    before = dict(browser.cookies)
    browser.get(SETTINGS)
    options, challenge = question(pages.browser().get(SIGN_IN))
    answer = json.dumps(device.get(options, URL))
    assert browser.post("/sign-in/passkey", challenge=challenge, answer=answer).status == 303
    old = pages.browser()
    old.cookies = before
    assert old.get("/aliases").headers["location"] == "/sign-in"


def test_twenty_are_the_most(pages: Site, jane: Person, device: Authenticator):
    with pages.context.pool.connection() as db, db.transaction(jane.id):
        for n in range(19):
            made = Credential(b"%d" % n, b"a key", -7, 0, bytes(16), False, ())
            passkeys.add(db, pages.context.ring, jane.id, f"Laptop {n}", made)
    answer = add(pages.browser(jane), Authenticator())
    assert answer.status == 409
    assert "You have 20 passkeys" in answer.text


def test_who_adds_many_is_not_flooded_with_mail(pages: Site, jane: Person):
    browser = pages.browser(jane)
    assert {add(browser, Authenticator()).status for _ in range(11)} == {303, 503}
    assert len(notices(pages, jane)) == len(own(pages, jane)) == NOTICES_AN_HOUR


@pytest.mark.parametrize("answer", ["", "{}", "[" * 9_000, '{"id": 1}', "null", '"x"'])
@pytest.mark.parametrize("path", ["/sign-in/passkey", "/settings/passkeys"])
def test_hostile_answers_are_refused_in_words(pages: Site, jane: Person, path: str, answer: str):
    browser = pages.browser(jane)
    _, challenge = question(browser.get(SETTINGS) if "settings" in path else pages.browser().get(SIGN_IN))
    given = browser.post(path, challenge=challenge, answer=answer, name="x")
    assert given.status == 400
    assert "notice-bad" in given.text


@pytest.mark.parametrize("challenge", ["", "x", "=", "A" * 43, "A" * 60_000, "é"])
def test_hostile_challenges_are_refused_in_words(pages: Site, jane: Person, challenge: str):
    answer = pages.browser().post("/sign-in/passkey", challenge=challenge, answer="{}")
    assert answer.status == 400
    assert "notice-bad" in answer.text


def test_a_page_that_is_looked_at_writes_nothing(pages: Site):
    before = pages.run("SELECT count(*) FROM passkey_challenges")
    pages.browser().get(SIGN_IN)
    assert pages.run("SELECT count(*) FROM passkey_challenges") == before
