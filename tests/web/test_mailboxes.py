"""Mailboxes: added, proven by the mailed link, made the default, resumed, deleted; and nobody reaches another's."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from postern.base.database import SYSTEM
from postern.base.spool import Holder
from postern.base.stream import open_stream
from postern.store import alias_list, mailboxes, messages
from postern.store.mailboxes import Mailbox
from support.people import SHARED, URL, Browser, Person, Site


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    browser = pages.browser(jane)
    browser.get("/mailboxes")
    return browser


def own(pages: Site, person: Person) -> list[Mailbox]:
    with pages.context.pool.connection() as db, db.transaction(person.id):
        return mailboxes.of_user(db, person.id)


def second(pages: Site, person: Person, verified: bool = True) -> Mailbox:
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        return mailboxes.add(db, pages.context.ring, person.id, f"x{uuid4().hex}@real.example", verified)


def mailed_link(pages: Site, mailbox: Mailbox) -> str:
    """The path of the link in the newest mail that is queued to this mailbox."""
    sql = (
        "SELECT q.message_id, q.urgent FROM deliveries q WHERE q.mailbox_id = :id ORDER BY q.id DESC LIMIT 1"
    )
    ((message_id, urgent),) = pages.run(sql, id=mailbox.id)
    assert urgent is True
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        message = messages.find(db, int(str(message_id)))
        assert message is not None
        holder = Holder(pages.context.spool.tmp)
        messages.read_chunks(db, message.id, holder)
    place = messages.body_place(message.uid)
    content = b"".join(open_stream(pages.context.ring, place, message.stream_header, holder.chunks()))
    holder.close()
    joined = content.replace(b"=\r\n", b"").decode()
    return str(re.findall(rf"{URL}(/mailbox/[a-z2-7]{{52}})", joined)[0])


def add(pages: Site, browser: Browser, jane: Person) -> Mailbox:
    browser.follow(browser.post("/mailboxes/add", address=f"new-{uuid4().hex}@real.example"))
    return own(pages, jane)[-1]


def test_a_mailbox_is_added_and_proven_by_the_link_that_is_mailed_to_it(
    pages: Site, browser: Browser, jane: Person
):
    mailbox = add(pages, browser, jane)
    assert mailbox.verified_at is None
    assert "not confirmed" in browser.get("/mailboxes").text
    link = mailed_link(pages, mailbox)
    stranger = pages.browser()
    for _ in range(2):
        assert stranger.get(link).status == 200
    assert own(pages, jane)[-1].verified_at is None, "opening it changes nothing"
    assert "Confirmed" in stranger.post(link).text
    assert own(pages, jane)[-1].verified_at is not None
    assert stranger.post(link).status == stranger.get(link).status == 404, "once"


def test_another_site_cannot_press_the_button(pages: Site, browser: Browser, jane: Person):
    link = mailed_link(pages, add(pages, browser, jane))
    stranger = pages.browser()
    stranger.sends = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert stranger.post(link).status == 403
    assert own(pages, jane)[-1].verified_at is None


def test_only_the_newest_link_works_and_for_a_day(pages: Site, browser: Browser, jane: Person):
    mailbox = add(pages, browser, jane)
    old = mailed_link(pages, mailbox)
    browser.follow(browser.post(f"/mailboxes/{mailbox.uid}/proof"))
    new = mailed_link(pages, mailbox)
    assert new != old
    assert browser.get(old).status == 404
    pages.run("UPDATE mailboxes SET proof_expires_at = now() WHERE id = :id", id=mailbox.id)
    assert browser.get(new).status == browser.post(new).status == 404


@pytest.mark.parametrize("token", ["x", "a" * 52, "A" * 52, "%00", "a" * 5000])
def test_a_token_that_is_none_proves_nothing(pages: Site, token: str):
    assert pages.browser().get(f"/mailbox/{token}").status in (400, 404)


def test_nobody_is_flooded_by_being_named(pages: Site, browser: Browser, jane: Person):
    mailbox = add(pages, browser, jane)
    answers = [browser.post(f"/mailboxes/{mailbox.uid}/proof").status for _ in range(12)]
    assert answers[:9] == [303] * 9
    assert answers[9:] == [503] * 3


WRONG = {
    "": "no @",
    "jane": "no @",
    "a b@c.example": "not an e-mail address",
    "jane@localhost": "not an e-mail address",
    f"other@{SHARED}": "domain of this server",
}


@pytest.mark.parametrize("typed", WRONG)
def test_an_address_that_cannot_be_is_refused(pages: Site, browser: Browser, jane: Person, typed: str):
    answer = browser.post("/mailboxes/add", address=typed)
    assert answer.status in (400, 409)
    assert WRONG[typed] in answer.text
    assert len(own(pages, jane)) == 1


def test_the_same_one_again_is_told_and_more_than_the_quota_too(pages: Site, browser: Browser, jane: Person):
    answer = browser.post("/mailboxes/add", address=f"{jane.handle.upper()}@real.example")
    assert answer.status == 409 and "already" in answer.text
    pages.run("UPDATE users SET max_mailboxes = 1 WHERE id = :id", id=jane.id)
    assert "all 1 mailboxes" in browser.post("/mailboxes/add", address="more@real.example").text


def test_the_default_moves(pages: Site, browser: Browser, jane: Person):
    other = second(pages, jane)
    browser.follow(browser.post(f"/mailboxes/{other.uid}/default"))
    assert {one.id: one.is_default for one in own(pages, jane)} == {jane.mailbox.id: False, other.id: True}


def test_an_unproven_one_cannot_be_the_default(pages: Site, browser: Browser, jane: Person):
    other = second(pages, jane, verified=False)
    assert browser.post(f"/mailboxes/{other.uid}/default").status == 409
    assert own(pages, jane)[0].is_default


def test_a_paused_one_is_resumed(pages: Site, browser: Browser, jane: Person):
    pages.run("UPDATE mailboxes SET paused_at = now() WHERE id = :id", id=jane.mailbox.id)
    assert "too much bounced" in browser.get("/mailboxes").text
    browser.follow(browser.post(f"/mailboxes/{jane.mailbox.uid}/resume"))
    assert own(pages, jane)[0].paused_at is None


def test_a_deletion_hands_aliases_and_waiting_mail_to_the_default(
    pages: Site, browser: Browser, jane: Person
):
    other = second(pages, jane)
    alias = pages.alias(jane, f"only-{uuid4().hex}")
    pages.run("UPDATE alias_mailboxes SET mailbox_id = :m WHERE alias_id = :a", m=other.id, a=alias.id)
    pages.run(
        "WITH m AS (INSERT INTO messages (uid, user_id, alias_id, source, size, mail_from_sealed, stream_header, chunk_count)"
        " VALUES (gen_random_uuid(), :user, :alias, 'test', 1, '', '', 0) RETURNING id)"
        " INSERT INTO deliveries (uid, user_id, message_id, mailbox_id) SELECT gen_random_uuid(), :user, id, :m FROM m",
        user=jane.id,
        alias=alias.id,
        m=other.id,
    )
    assert "Delete this mailbox?" in browser.get(f"/mailboxes/{other.uid}/delete").text
    browser.follow(browser.post(f"/mailboxes/{other.uid}/delete"))
    assert [one.id for one in own(pages, jane)] == [jane.mailbox.id]
    with pages.context.pool.connection() as db, db.transaction(jane.id):
        assert alias_list.mailboxes_of(db, [alias.id]) == {alias.id: [jane.mailbox.id]}
    sql = (
        "SELECT q.mailbox_id FROM deliveries q JOIN messages m ON m.id = q.message_id WHERE m.alias_id = :id"
    )
    assert pages.run(sql, id=alias.id) == [[jane.mailbox.id]]


def test_the_last_one_stays(pages: Site, browser: Browser, jane: Person):
    second(pages, jane, verified=False)
    answer = browser.post(f"/mailboxes/{jane.mailbox.uid}/delete")
    assert answer.status == 409 and "only mailbox" in answer.text
    assert len(own(pages, jane)) == 2


@pytest.mark.parametrize("action", ["proof", "default", "resume", "delete"])
def test_anothers_mailbox_is_not_there(pages: Site, browser: Browser, action: str):
    joe = pages.person()
    second(pages, joe)
    his = second(pages, joe, verified=False)
    before = own(pages, joe)
    assert browser.post(f"/mailboxes/{his.uid}/{action}").status == 404
    assert browser.get(f"/mailboxes/{his.uid}/delete").status == 404
    assert own(pages, joe) == before
