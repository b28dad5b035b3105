"""Opening an account: by an invitation once, by oneself where that is allowed; the mail proves the address."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from postern.base import redact
from postern.base.database import SYSTEM
from postern.base.errors import PosternError
from postern.base.spool import Holder
from postern.base.stop import Stop
from postern.base.stream import open_stream
from postern.flow import prune, registration, sign_in_mail
from postern.flow.registration import Applicant
from postern.ops.local.superuser import Superuser
from postern.store import invitations, messages
from support.people import URL, Browser, Site, open_site


@pytest.fixture(scope="module")
def open_pages(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(cluster, tmp_path_factory.mktemp("open"), POSTERN_REGISTRATION="open") as made:
        yield made


@pytest.fixture(autouse=True)
def _quiet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drain is woken, earlier wishes do not count, and what the log learns to hide is forgotten."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    monkeypatch.setattr(redact, "_known", redact._known)
    for name in {"pages", "open_pages"} & set(request.fixturenames):
        request.getfixturevalue(name).run("DELETE FROM sign_in_codes")


def new_name() -> str:
    return f"new-{uuid4().hex[:12]}"


def address(name: str) -> str:
    return f"{name}@real.example"


def invite(pages: Site, role: str = "user", days: int = 7) -> str:
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        link = registration.invite(pages.context, db, "operator", role, "for a test", days)
    return link[len(URL) :]


def newest_mail(pages: Site) -> str:
    """The drain's part, and the mail that it queued."""
    sign_in_mail.post_asked(pages.context)
    ((message_id,),) = pages.run("SELECT message_id FROM deliveries WHERE urgent ORDER BY id DESC LIMIT 1")
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
    return str(re.findall(r"^([0-9A-Z]{4}-[0-9A-Z]{4})\r$", text, re.MULTILINE)[0])


def confirm(pages: Site, browser: Browser) -> None:
    answer = browser.post("/sign-in/code", code=code_in(newest_mail(pages)))
    assert (answer.status, answer.headers["location"]) == (303, "/aliases")


def user(pages: Site, name: str) -> list[object]:
    """Role, and whether the address was proven; empty: no such user."""
    found = pages.run("SELECT role, confirmed_at IS NOT NULL FROM users WHERE handle = :name", name=name)
    return found[0] if found else []


@pytest.mark.parametrize("role", ["user", "admin"])
def test_an_invitation_opens_an_account_of_its_role(pages: Site, role: str):
    link, name, browser = invite(pages, role), new_name(), pages.browser()
    assert "Open an account" in browser.get(link).text
    answer = browser.post(link, handle=name.upper(), address=address(name))
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in/code")
    assert user(pages, name) == [role, False]
    assert browser.get("/settings/sign-in").status == 303, "not in before the address is proven"
    confirm(pages, browser)
    assert user(pages, name) == [role, True]
    assert name in browser.get("/settings/sign-in").text
    sql = "SELECT is_default, verified_at IS NOT NULL FROM mailboxes m JOIN users u ON u.id = user_id WHERE handle = :name"
    assert pages.run(sql, name=name) == [[True, True]]


def test_it_works_once(pages: Site):
    link, name, browser = invite(pages), new_name(), pages.browser()
    browser.post(link, handle=name, address=address(name))
    confirm(pages, browser)
    other = new_name()
    assert pages.browser().get(link).status == 404
    assert pages.browser().post(link, handle=other, address=address(other)).status == 404
    assert user(pages, other) == []
    pages.run("DELETE FROM users WHERE handle = :name", name=name)
    assert pages.browser().get(link).status == 404, "also when that account is gone"


def test_who_mistyped_the_address_sends_the_form_again(pages: Site):
    link, name, browser = invite(pages), new_name(), pages.browser()
    browser.post(link, handle=name, address="mistyped@real.example")
    assert browser.post(link, handle=name, address=address(name)).status == 303
    assert pages.run("SELECT count(*) FROM users WHERE handle = :name", name=name) == [[1]]
    confirm(pages, browser)
    assert user(pages, name) == ["user", True]


def test_two_who_take_it_at_once_make_one_account(pages: Site):
    link, names = invite(pages), [new_name() for _ in range(4)]
    token = link.rpartition("/")[2]

    def take(name: str) -> None:
        applicant = Applicant(name, address(name), "", uuid4().hex, "x")
        with contextlib.suppress(PosternError):
            registration.open_account(pages.context, applicant, token)

    threads = [threading.Thread(target=take, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([name for name in names if user(pages, name)]) == 1


DEAD = {
    "expired": "UPDATE invitations SET expires_at = now()",
    "used": "UPDATE invitations SET used_at = now()",
    "revoked": "DELETE FROM invitations",
}


@pytest.mark.parametrize("case", DEAD)
def test_a_dead_invitation_says_only_that(pages: Site, case: str):
    link, name = invite(pages), new_name()
    pages.run(DEAD[case])
    for answer in (pages.browser().get(link), pages.browser().post(link, handle=name, address=address(name))):
        assert answer.status == 404
        assert "does not work any more" in answer.text
    assert user(pages, name) == []


@pytest.mark.parametrize("token", ["x", "a" * 52, "A" * 52, "a" * 10_000])
def test_what_is_no_token_is_a_dead_one(pages: Site, token: str):
    assert pages.browser().get("/invitation/" + token).status == 404


def test_revoking_takes_the_account_that_waits_along(pages: Site):
    link, name, browser = invite(pages), new_name(), pages.browser()
    browser.post(link, handle=name, address=address(name))
    text = newest_mail(pages)
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        assert registration.revoke(db, invitations.all_invitations(db)[0].uid) is not None
    assert user(pages, name) == []
    assert browser.post("/sign-in/code", code=code_in(text)).status == 400


def test_revoking_does_not_touch_what_was_used(pages: Site):
    link, name, browser = invite(pages), new_name(), pages.browser()
    browser.post(link, handle=name, address=address(name))
    confirm(pages, browser)
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        assert registration.revoke(db, invitations.all_invitations(db)[0].uid) is None
    assert user(pages, name) == ["user", True]


WRONG = {
    "no name": ("", "x@real.example", 400),
    "a name with blanks": ("a b", "x@real.example", 400),
    "a name of another alphabet": ("jäne", "x@real.example", 400),
    "a name that is a path": ("../x", "x@real.example", 400),
    "the operator's": ("operator", "x@real.example", 400),
    "a long name": ("a" * 64, "x@real.example", 400),
    "markup": ("<script>alert(1)</script>", "x@real.example", 400),
    "no address": ("fine", "x", 400),
    "an address of this server": ("fine", "x@alias.example", 409),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_and_the_form_stays(pages: Site, case: str):
    name, typed, status = WRONG[case]
    answer = pages.browser().post(invite(pages), handle=name, address=typed)
    assert answer.status == status
    assert "notice-bad" in answer.text and 'name="handle"' in answer.text
    assert "<script>alert" not in answer.text
    assert user(pages, "fine") == []


def test_a_name_that_is_taken_is_said(pages: Site):
    link, taken = invite(pages), pages.person().handle
    answer = pages.browser().post(link, handle=taken, address=address(new_name()))
    assert answer.status == 409 and "taken" in answer.text
    assert pages.browser().get(link).status == 200


def test_an_address_with_an_account_is_answered_alike_and_signs_in_to_that_one(pages: Site):
    jane, name, browser = pages.person(), new_name(), pages.browser()
    answers = [
        browser.post(invite(pages), handle=handle, address=typed)
        for handle, typed in ((name, address(jane.handle)), (new_name(), address(new_name())))
    ]
    assert answers[0].body == answers[1].body and answers[0].status == answers[1].status
    sign_in_mail.post_asked(pages.context)
    sql = "SELECT count(*) FROM deliveries WHERE mailbox_id = :id AND urgent"
    assert pages.run(sql, id=jane.mailbox.id) == [[1]]
    assert user(pages, name) == ["user", False]


def test_the_newest_of_two_registrations_with_an_address_is_the_one_that_counts(open_pages: Site):
    theirs, mine = new_name(), new_name()
    open_pages.browser().post("/register", handle=theirs, address=address(mine))
    browser = open_pages.browser()
    browser.post("/register", handle=mine, address=address(mine))
    sign_in_mail.post_asked(open_pages.context)
    confirm(open_pages, browser)
    assert user(open_pages, mine) == ["user", True] and user(open_pages, theirs) == ["user", False]


def test_anybody_registers_where_it_is_open(open_pages: Site):
    name, browser = new_name(), open_pages.browser()
    assert "/register" in browser.get("/sign-in").text
    assert browser.get("/register").status == 200
    assert browser.post("/register", handle=name, address=address(name)).status == 303
    confirm(open_pages, browser)
    assert user(open_pages, name) == ["user", True]


def test_nobody_registers_where_it_is_not(pages: Site):
    name = new_name()
    assert "/register" not in pages.browser().get("/sign-in").text
    assert pages.browser().get("/register").status == 404
    assert pages.browser().post("/register", handle=name, address=address(name)).status == 404
    assert user(pages, name) == []


def test_who_asks_too_often_is_answered_alike_and_makes_no_account(open_pages: Site):
    names = [new_name() for _ in range(8)]
    answers = {
        open_pages.browser().post("/register", handle=name, address="one@real.example").status
        for name in names
    }
    assert answers == {303}
    assert len([name for name in names if user(open_pages, name)]) == 5


def test_who_does_not_prove_the_address_is_forgotten_after_a_day(open_pages: Site):
    late, early = new_name(), new_name()
    for name in (late, early):
        open_pages.browser().post("/register", handle=name, address=address(name))
    sql = "UPDATE users SET created_at = now() - interval '25 hours' WHERE handle = :name"
    open_pages.run(sql, name=late)
    keeper = open_pages.person()
    open_pages.run(sql, name=keeper.handle)
    open_pages.run("DELETE FROM jobs")
    prune.work(open_pages.context, Stop())
    assert user(open_pages, late) == [] and user(open_pages, early) == ["user", False]
    assert user(open_pages, keeper.handle) == ["user", True]


def test_another_site_cannot_send_the_form(open_pages: Site):
    name, browser = new_name(), open_pages.browser()
    browser.sends = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert browser.post("/register", handle=name, address=address(name)).status == 403
    assert user(open_pages, name) == []


def test_the_token_is_neither_stored_nor_logged(pages: Site):
    link = invite(pages)
    pages.browser().get(link)
    token = link.rpartition("/")[2]
    assert token not in str(pages.run("SELECT i::text FROM invitations i"))
    assert token not in pages.instance.log()
