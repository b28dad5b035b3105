"""Signing in by mail: the code and the link get in, in the browser that asked and once; nothing else opens anything."""

from __future__ import annotations

import re
import threading
from uuid import uuid4

import pytest

from postern.base import redact
from postern.base.database import SYSTEM
from postern.base.spool import Holder
from postern.base.stream import open_stream
from postern.flow import codes, sign_in_mail
from postern.store import mailboxes, messages, users
from support.patience import join
from support.people import URL, Browser, Person, Site


@pytest.fixture(autouse=True)
def _quiet(pages: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drain is woken, earlier wishes do not count, and what the log learns to hide is forgotten."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    monkeypatch.setattr(redact, "_known", redact._known)
    pages.run("DELETE FROM sign_in_codes")


def address(person: Person) -> str:
    return f"{person.handle}@real.example"


def ask(pages: Site, typed: str) -> Browser:
    """A new browser that asked, and the drain's part done."""
    browser = pages.browser()
    answer = browser.post("/sign-in", address=typed)
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in/code")
    sign_in_mail.post_asked(pages.context)
    return browser


def mail(pages: Site, person: Person) -> str:
    """The newest mail to that person's mailbox, as text."""
    sql = "SELECT message_id, urgent FROM deliveries WHERE mailbox_id = :id ORDER BY id DESC LIMIT 1"
    ((message_id, urgent),) = pages.run(sql, id=person.mailbox.id)
    assert urgent is True
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        message = messages.find(db, int(str(message_id)))
        assert message is not None
        holder = Holder(pages.context.spool.tmp)
        messages.read_chunks(db, message.id, holder)
    place = messages.body_place(message.uid)
    raw = b"".join(open_stream(pages.context.ring, place, message.stream_header, holder.chunks()))
    holder.close()
    return raw.replace(b"=\r\n", b"").decode()


def code_in(text: str) -> str:
    return re.findall(r"^([0-9A-Z]{4}-[0-9A-Z]{4})\r$", text, re.MULTILINE)[0]


def link_in(text: str) -> str:
    return str(re.findall(rf"{URL}(/sign-in/mail/[a-z2-7]{{52}})", text)[0])


def is_in(browser: Browser, person: Person) -> bool:
    answer = browser.get("/settings/sign-in")
    return answer.status == 200 and person.handle in answer.text


SPELLINGS = (str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} ".replace("-", " "))


@pytest.mark.parametrize("spell", SPELLINGS)
def test_the_code_that_is_mailed_signs_in(pages: Site, jane: Person, spell):
    browser = ask(pages, address(jane).upper())
    text = mail(pages, jane)
    assert f"You are {jane.handle}" in text and "Firefox on Linux" in text
    answer = browser.post("/sign-in/code", code=spell(code_in(text)))
    assert (answer.status, answer.headers["location"]) == (303, "/aliases")
    assert is_in(browser, jane)


def test_letters_that_look_alike_are_meant_alike(pages: Site, jane: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(codes, "_ALPHABET", "01")
    browser = ask(pages, address(jane))
    typed = code_in(mail(pages, jane)).replace("0", "o").replace("1", "l")
    assert browser.post("/sign-in/code", code=typed).status == 303


def test_the_link_signs_in_where_it_was_asked_for(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    link = link_in(mail(pages, jane))
    assert f"Sign in as {jane.handle}" in browser.get(link).text
    assert not is_in(browser, jane), "opening it changes nothing"
    assert browser.post(link).headers["location"] == "/aliases"
    assert is_in(browser, jane)


def test_in_another_browser_the_link_signs_nobody_in_and_says_where_to_go(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    text = mail(pages, jane)
    for other in (pages.browser(), ask(pages, "nobody@nowhere.example")):
        assert "other device" in other.get(link_in(text)).text
        assert other.post(link_in(text)).status == 404
        assert other.post("/sign-in/code", code=code_in(text)).status == 400
        assert not is_in(other, jane)
    assert browser.post("/sign-in/code", code=code_in(text)).status == 303


def test_it_works_once(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    text = mail(pages, jane)
    browser.post("/sign-in/code", code=code_in(text))
    for _ in range(2):
        assert browser.post("/sign-in/code", code=code_in(text)).status == 400
        assert browser.get(link_in(text)).status == browser.post(link_in(text)).status == 404


def test_it_works_for_ten_minutes(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    text = mail(pages, jane)
    ((left,),) = pages.run("SELECT extract(epoch FROM expires_at - created_at) FROM sign_in_codes")
    assert int(str(left).partition(".")[0]) == 600
    pages.run("UPDATE sign_in_codes SET expires_at = now()")
    assert browser.post("/sign-in/code", code=code_in(text)).status == 400
    assert browser.get(link_in(text)).status == 404


def test_five_wrong_codes_make_the_right_one_void(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    text = mail(pages, jane)
    for _ in range(4):
        assert browser.post("/sign-in/code", code="0000-0000").status == 400
    assert "does not work" in browser.post("/sign-in/code", code="").text
    assert browser.post("/sign-in/code", code=code_in(text)).status == 400
    assert browser.post(link_in(text)).status == 404


def test_guessing_in_parallel_gets_five_tries_and_no_more(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    token = browser.cookies["__Host-postern-browser"]
    tried = []

    def guess(n: int) -> None:
        try:
            sign_in_mail.use_code(pages.context, f"0000000{n % 10}", token, "x", None)
        except sign_in_mail.WrongCode:
            tried.append(n)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    join(*threads)
    assert len(tried) == 12
    assert browser.post("/sign-in/code", code=code_in(mail(pages, jane))).status == 400


def test_two_tabs_get_in_with_either_mail(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    first = code_in(mail(pages, jane))
    browser.post("/sign-in", address=address(jane))
    sign_in_mail.post_asked(pages.context)
    second = code_in(mail(pages, jane))
    assert first != second
    assert browser.post("/sign-in/code", code=first).status == 303
    assert browser.post("/sign-in/code", code=second).status == 400, "all that it asked for is used up"


# What a stranger learns.


def told(browser: Browser, typed: str) -> tuple[object, ...]:
    answer = browser.post("/sign-in", address=typed)
    names = {
        name: value for name, value in answer.headers.items() if name not in ("x-request-id", "set-cookie")
    }
    cookie = re.sub(r"=[a-z2-7]{52};", "=…;", answer.headers["set-cookie"])
    return answer.status, names, cookie, answer.body


CLOSED = {
    "disabled": "UPDATE users SET disabled_at = now() WHERE id = :id",
    "not verified": "UPDATE mailboxes SET verified_at = NULL WHERE user_id = :id",
}


@pytest.mark.parametrize("case", CLOSED)
def test_who_may_not_sign_in_gets_no_mail(pages: Site, jane: Person, case: str):
    pages.run(CLOSED[case], id=jane.id)
    ask(pages, address(jane))
    assert pages.run("SELECT count(*) FROM deliveries WHERE mailbox_id = :id", id=jane.mailbox.id) == [[0]]


def test_disabling_a_user_voids_what_was_mailed(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    text = mail(pages, jane)
    pages.run("UPDATE users SET disabled_at = now() WHERE id = :id", id=jane.id)
    assert browser.post("/sign-in/code", code=code_in(text)).status == 400
    assert browser.post(link_in(text)).status == 404


def test_a_registration_is_confirmed_by_its_first_sign_in(pages: Site):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        user = users.add(db, f"new-{uuid4().hex[:12]}")
        db.run("UPDATE users SET confirmed_at = NULL WHERE id = :id", id=user.id)
        mailbox = mailboxes.add(
            db, pages.context.ring, user.id, f"{user.handle}@real.example", verified=False
        )
    person = Person(user, mailbox)
    browser = ask(pages, address(person))
    assert "Welcome to" in mail(pages, person)
    browser.post("/sign-in/code", code=code_in(mail(pages, person)))
    sql = "SELECT confirmed_at IS NOT NULL FROM users WHERE id = :id"
    assert pages.run(sql, id=user.id) == [[True]]
    sql = "SELECT verified_at IS NOT NULL, is_default FROM mailboxes WHERE id = :id"
    assert pages.run(sql, id=mailbox.id) == [[True, True]]


def test_an_address_is_mailed_five_times_an_hour_and_the_answer_stays_the_same(pages: Site, jane: Person):
    answers = {told(pages.browser(), address(jane))[0] for _ in range(8)}
    sign_in_mail.post_asked(pages.context)
    assert answers == {303}
    assert pages.run("SELECT count(*) FROM deliveries WHERE mailbox_id = :id", id=jane.mailbox.id) == [[5]]


def test_a_network_asks_thirty_times_an_hour(pages: Site):
    for n in range(35):
        pages.browser().post("/sign-in", address=f"n{n}-{uuid4().hex}@real.example")
    assert pages.run("SELECT count(*) FROM sign_in_codes") == [[30]]


@pytest.mark.parametrize("typed", ["", "jane", "a b@c.example", "<script>alert(1)</script>"])
def test_what_is_no_address_is_said_and_kept(pages: Site, typed: str):
    answer = pages.browser().post("/sign-in", address=typed)
    assert answer.status == 400
    assert "notice-bad" in answer.text
    assert "<script>alert" not in answer.text


def test_another_site_can_neither_ask_nor_sign_in(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    text = mail(pages, jane)
    browser.sends = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert browser.post("/sign-in", address=address(jane)).status == 403
    assert browser.post("/sign-in/code", code=code_in(text)).status == 403
    assert browser.post(link_in(text)).status == 403


def test_the_cookie_of_the_browser_is_of_this_host_alone_and_no_script_reads_it(pages: Site):
    cookie = pages.browser().post("/sign-in", address="x@y.example").headers["set-cookie"].split("; ")
    assert cookie[0].startswith("__Host-postern-browser=")
    assert sorted(cookie[1:]) == ["HttpOnly", "Max-Age=1800", "Path=/", "SameSite=Lax", "Secure"]


def test_neither_code_nor_token_is_stored_or_logged(pages: Site, jane: Person):
    browser = ask(pages, address(jane))
    text = mail(pages, jane)
    browser.post("/sign-in/code", code=code_in(text))
    rows = str(pages.run("SELECT c::text FROM sign_in_codes c"))
    for secret in (
        code_in(text),
        code_in(text).replace("-", ""),
        link_in(text)[-52:],
        *browser.cookies.values(),
    ):
        assert secret not in rows
        assert secret not in pages.instance.log()
    assert address(jane) not in pages.instance.log()


# Sessions in the list.


def test_another_browser_is_signed_out_and_another_users_is_not_there(pages: Site, jane: Person):
    here, there, joe = pages.browser(jane), pages.browser(jane), pages.person()
    his = pages.browser(joe)
    page = here.get("/settings/sign-in").text
    assert "this browser" in page
    (uid,) = re.findall(r'action="/settings/sessions/([0-9a-f-]{36})/end"', page)
    ((his_uid,),) = pages.run("SELECT uid FROM sessions WHERE user_id = :id", id=joe.id)
    assert here.post(f"/settings/sessions/{his_uid}/end").status == 404
    assert here.post(f"/settings/sessions/{uid}/end").status == 303
    assert here.post(f"/settings/sessions/{uid}/end").status == 404
    assert is_in(here, jane) and not is_in(there, jane) and is_in(his, joe)


def test_all_others_are_signed_out(pages: Site, jane: Person):
    here, *others = [pages.browser(jane) for _ in range(3)]
    here.get("/settings/sign-in")
    here.post("/settings/sessions/end-others")
    assert is_in(here, jane)
    assert not any(is_in(one, jane) for one in others)
