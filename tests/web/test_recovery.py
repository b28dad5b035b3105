"""Recovery codes: shown once, each opens once, for its user alone; what is wrong is never said to a stranger."""

from __future__ import annotations

import contextlib
import re
import threading

import pytest

from postern.base import redact
from postern.flow import recovery
from support.people import Browser, Person, Site
from support.wsgi import Answer

CODE = re.compile(r"<code[^>]*>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</code>")


@pytest.fixture(autouse=True)
def _quiet(pages: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drain is woken, earlier tries do not count, and what the log learns to hide is forgotten."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    monkeypatch.setattr(redact, "_known", redact._known)
    pages.run("DELETE FROM sign_in_codes")


def make(pages: Site, person: Person) -> list[str]:
    browser = pages.browser(person)
    browser.get("/settings/sign-in")
    answer = browser.post("/settings/recovery-codes")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    return [str(one) for one in CODE.findall(answer.text)]


def use(browser: Browser, person: Person, code: str) -> Answer:
    return browser.post("/sign-in/recovery", handle=person.handle, code=code)


def is_in(browser: Browser, person: Person) -> bool:
    answer = browser.get("/settings/sign-in")
    return answer.status == 200 and person.handle in answer.text


def notices(pages: Site, person: Person) -> int:
    sql = "SELECT count(*) FROM messages WHERE user_id = :id AND kind = 'notice'"
    return int(str(pages.run(sql, id=person.id)[0][0]))


def test_ten_different_codes_are_made_and_counted(pages: Site, jane: Person):
    browser = pages.browser(jane)
    assert "You have none" in browser.get("/settings/sign-in").text
    assert len(set(make(pages, jane))) == 10
    assert "You have 10 left" in browser.get("/settings/sign-in").text
    assert notices(pages, jane) == 1, "its user is told"


SPELLINGS = (str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} ".replace("-", " "))


@pytest.mark.parametrize("spell", SPELLINGS)
def test_a_code_signs_its_user_in_once_and_tells_him(pages: Site, jane: Person, spell):
    code = make(pages, jane)[3]
    browser = pages.browser()
    answer = use(browser, jane, spell(code))
    assert (answer.status, answer.headers["location"]) == (303, "/aliases")
    assert is_in(browser, jane)
    assert "You have 9 left" in browser.get("/settings/sign-in").text
    assert notices(pages, jane) == 2
    assert use(pages.browser(), jane, code).status == 400


def test_new_codes_void_the_old(pages: Site, jane: Person):
    old, new = make(pages, jane), make(pages, jane)
    assert use(pages.browser(), jane, old[0]).status == 400
    assert use(pages.browser(), jane, new[0]).status == 303


def test_a_code_is_of_one_user(pages: Site, jane: Person):
    code, joe = make(pages, jane)[0], pages.person()
    assert use(pages.browser(), joe, code).status == 400
    assert use(pages.browser(), jane, code).status == 303


def test_of_two_who_use_it_at_once_one_gets_in(pages: Site, jane: Person):
    code = make(pages, jane)[0]
    inside = []

    def enter() -> None:
        with contextlib.suppress(recovery.WrongRecovery):
            inside.append(recovery.use(pages.context, jane.handle, code, "", "x", None))

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inside) == 1


def test_who_makes_codes_twice_at_once_has_ten(pages: Site, jane: Person):
    threads = [threading.Thread(target=recovery.make, args=(pages.context, jane.id)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pages.run("SELECT count(*) FROM recovery_codes WHERE user_id = :id", id=jane.id) == [[10]]


CLOSED = {
    "disabled": "UPDATE users SET disabled_at = now() WHERE id = :id",
    "unconfirmed": "UPDATE users SET confirmed_at = NULL WHERE id = :id",
}


@pytest.mark.parametrize("case", CLOSED)
def test_who_may_not_sign_in_is_not_let_in(pages: Site, jane: Person, case: str):
    code = make(pages, jane)[0]
    pages.run(CLOSED[case], id=jane.id)
    assert use(pages.browser(), jane, code).status == 400


def test_a_stranger_learns_no_names(pages: Site, jane: Person):
    make(pages, jane)

    def told(handle: str) -> str:
        answer = pages.browser().post("/sign-in/recovery", handle=handle, code="0000")
        assert answer.status == 400
        return answer.text.replace(handle, "HANDLE")

    assert told(jane.handle) == told("nobody-at-all")


def test_after_five_tries_the_right_one_waits_in_that_network_alone(pages: Site, jane: Person):
    code = make(pages, jane)[0]
    for _ in range(5):
        assert use(pages.browser(), jane, "0000").status == 400
    assert use(pages.browser(), jane, code).status == 400
    assert recovery.use(pages.context, jane.handle, code, "192.0.2.0/24", "x", None)


def test_the_file_holds_codes_and_nothing_else_that_is_sent(pages: Site, jane: Person):
    browser = pages.browser(jane)
    browser.get("/settings/sign-in")
    made = CODE.findall(browser.post("/settings/recovery-codes").text)
    answer = browser.post("/settings/recovery-codes/file", codes=" ".join(made))
    assert answer.headers["content-disposition"] == 'attachment; filename="postern-recovery-codes.txt"'
    assert answer.text.split("\r\n")[3:] == [*made, ""]
    for forged in (
        "",
        "<script>",
        made[0] + "\n",
        f"{made[0]} http://evil.example",
        " ".join(made + made[:1]),
    ):
        assert browser.post("/settings/recovery-codes/file", codes=forged).status == 400


def test_codes_are_made_by_a_form_of_the_session_only(pages: Site, jane: Person):
    browser = pages.browser(jane)
    assert browser.post("/settings/recovery-codes", csrf="0" * 32).status == 403
    assert pages.browser().post("/settings/recovery-codes").headers["location"] == "/sign-in"
    other = pages.browser()
    other.sends = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert use(other, jane, "0000").status == 403


def test_no_code_is_stored_or_logged(pages: Site, jane: Person):
    made = make(pages, jane)
    use(pages.browser(), jane, made[0])
    use(pages.browser(), jane, made[0])
    rows = str(pages.run("SELECT c::text FROM recovery_codes c"))
    for code in made:
        for text in (code, code.replace("-", "")):
            assert text not in rows
            assert text not in pages.instance.log()


def test_the_session_before_ends(pages: Site, jane: Person):
    code, joe = make(pages, jane)[0], pages.person()
    browser = pages.browser(joe)
    before = dict(browser.cookies)
    use(browser, jane, code)
    assert is_in(browser, jane)
    browser.cookies = before
    assert not is_in(browser, joe)
