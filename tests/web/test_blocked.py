"""/blocked: senders who are shut out by hand; and what is set for a whole domain. What that does to mail: tests/api."""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM
from postern.store import domains, mailboxes
from support.people import Browser, Person, Site


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    browser = pages.browser(jane)
    browser.get("/blocked")
    return browser


def entries(pages: Site, person: Person) -> list[list[object]]:
    return pages.run("SELECT kind, uid FROM blocked_senders WHERE user_id = :id ORDER BY id", id=person.id)


def test_an_address_or_a_domain_is_blocked_and_let_in_again(pages: Site, browser: Browser, jane: Person):
    assert "Nobody is blocked" in browser.get("/blocked").text
    for typed in ("Bob@Shop.example", "@casino.example", "spam.example"):
        assert (
            "No alias of yours takes mail from there"
            in browser.follow(browser.post("/blocked", sender=typed)).text
        )
    page = browser.get("/blocked").text.replace("<wbr>", "")
    assert "bob@shop.example" in page and "@casino.example" in page and "nothing refused yet" in page
    assert [kind for kind, _ in entries(pages, jane)] == ["email", "domain", "domain"]
    uid = entries(pages, jane)[0][1]
    browser.follow(browser.post(f"/blocked/{uid}/remove"))
    assert "bob@shop.example" not in browser.get("/blocked").text.replace("<wbr>", "")
    assert browser.post(f"/blocked/{uid}/remove").status == 404


@pytest.mark.parametrize("typed", ["", "x", "a b@c.example", "localhost", "<script>"])
def test_what_is_neither_is_told_and_kept_in_the_field(
    pages: Site, browser: Browser, jane: Person, typed: str
):
    answer = browser.post("/blocked", sender=typed)
    assert answer.status == 400 and "<script>" not in answer.text.replace("<script src", "")
    assert entries(pages, jane) == []


def test_how_much_was_refused_is_told(pages: Site, browser: Browser, jane: Person):
    browser.post("/blocked", sender="bob@shop.example")
    pages.run("UPDATE blocked_senders SET blocked = 1200, blocked_at = now() WHERE user_id = :id", id=jane.id)
    assert "refused 1,200 times" in browser.get("/blocked").text


def test_a_domain_is_switched_off_described_and_given_a_mailbox(pages: Site, browser: Browser, jane: Person):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        own = domains.add(db, f"jane{jane.id}.example", jane.id)
        second = mailboxes.add(db, pages.context.ring, jane.id, "second@real.example", verified=True)
    path = f"/domains/{own.uid}"
    browser.follow(browser.post(path + "/describe", on="", note="For the <club>", mailbox=str(second.uid)))
    page = browser.get(path).text
    assert 'value="For the &lt;club&gt;"' in page
    assert f'<option value="{second.uid}" selected>' in page
    assert "off: its aliases refuse mail" in browser.get("/domains").text
    browser.follow(browser.post(path + "/describe", on="1", note="", mailbox=""))
    assert "selected>second@real.example" not in browser.get(path).text
    assert "off: its aliases" not in browser.get("/domains").text
    assert browser.post(path + "/describe", on="1", note="x" * 501).status == 400
    pages.run("UPDATE mailboxes SET verified_at = NULL WHERE id = :id", id=second.id)
    assert browser.post(path + "/describe", on="1", mailbox=str(second.uid)).status == 400
    other = pages.person().mailbox.uid
    assert browser.post(path + "/describe", on="1", mailbox=str(other)).status == 404
