"""One alias and its contacts: what is set is kept, what is deleted can be brought back, and nobody reaches another's."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from postern.base.database import SYSTEM
from postern.store import aliases, contacts, events, mailboxes
from postern.store.aliases import Alias
from postern.web.event_row import WORDS
from support.hostile import MARKUP
from support.people import SHARED, Browser, Person, Site


@pytest.fixture
def alias(pages: Site, jane: Person) -> Alias:
    return pages.alias(jane, f"shop-{jane.handle}")


@pytest.fixture
def browser(pages: Site, jane: Person, alias: Alias) -> Browser:
    browser = pages.browser(jane)
    assert browser.get(f"/aliases/{alias.uid}").status == 200
    return browser


def reread(pages: Site, alias: Alias) -> Alias:
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        found = aliases.get(db, alias.uid)
    assert found is not None
    return found


def test_what_is_set_is_kept(pages: Site, browser: Browser, jane: Person, alias: Alias):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        second = mailboxes.add(db, pages.context.ring, jane.id, "second@real.example", verified=True)
    answer = browser.post(
        f"/aliases/{alias.uid}/save", (str(second.uid),), note="Bread & butter", name="Jane  Doe", pinned="1"
    )
    page = browser.follow(answer)
    found = reread(pages, alias)
    assert (found.note, found.name(pages.context.ring), found.pinned) == ("Bread & butter", "Jane Doe", True)
    assert "Bread &amp; butter</textarea>" in page.text
    assert f'value="{second.uid}" checked' in page.text
    assert f'value="{jane.mailbox.uid}" checked' not in page.text


WRONG = {
    "no mailbox": ((), {"note": "", "name": ""}, 400, "No mailbox is chosen"),
    "a long note": (None, {"note": "x" * 501, "name": ""}, 400, "longer than 500"),
    "a long name": (None, {"note": "", "name": "x" * 101}, 400, "longer than 100"),
    "a name that is no text": (None, {"note": "", "name": "a\u202eb"}, 400, "no plain text"),
    "a mailbox of nobody": ((str(uuid4()),), {"note": "", "name": ""}, 404, "no such mailbox"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused_and_nothing_changes(
    pages: Site, browser: Browser, jane: Person, alias: Alias, case: str
):
    chosen, fields, status, words = WRONG[case]
    before = reread(pages, alias)
    answer = browser.post(
        f"/aliases/{alias.uid}/save", (str(jane.mailbox.uid),) if chosen is None else chosen, **fields
    )
    assert answer.status == status
    assert words in answer.text
    assert reread(pages, alias) == before


def test_the_switch(pages: Site, browser: Browser, alias: Alias):
    page = browser.follow(browser.post(f"/aliases/{alias.uid}/off"))
    assert not reread(pages, alias).enabled
    assert 'aria-checked="false"' in page.text
    browser.post(f"/aliases/{alias.uid}/on")
    assert reread(pages, alias).enabled


def test_a_deletion_offers_to_be_undone(pages: Site, browser: Browser, alias: Alias):
    page = browser.follow(browser.post(f"/aliases/{alias.uid}/delete"))
    assert f'action="/aliases/{alias.uid}/restore"' in page.text
    assert reread(pages, alias).deleted_at is not None
    assert "Bring it back" in browser.get(f"/aliases/{alias.uid}").text
    browser.post(f"/aliases/{alias.uid}/restore")
    assert reread(pages, alias).deleted_at is None


ACTIONS = ("save", "on", "off", "delete", "restore", "contacts")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("uid", ["another's", "nobody's", "none"])
def test_anothers_alias_is_not_there(pages: Site, browser: Browser, jane: Person, action: str, uid: str):
    his = pages.alias(pages.person(), f"his-{uuid4().hex}")
    before = reread(pages, his)
    path = {"another's": str(his.uid), "nobody's": str(uuid4()), "none": "x"}[uid]
    assert browser.get(f"/aliases/{path}").status == 404
    answer = browser.post(
        f"/aliases/{path}/{action}",
        (str(jane.mailbox.uid),),
        note="x",
        name="x",
        address="bob@friends.example",
    )
    assert answer.status == 404
    assert his.address not in answer.text
    assert reread(pages, his) == before
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        assert contacts.of_alias(db, his.id, 9) == []


# Contacts.


def test_writing_first_gives_a_reverse_address_and_always_the_same(
    pages: Site, browser: Browser, alias: Alias
):
    seen = set()
    for typed in ("bob@friends.example", "Bob@FRIENDS.example"):
        page = browser.follow(browser.post(f"/aliases/{alias.uid}/contacts", address=typed))
        found = re.findall(rf'made-address">(re-[a-z2-7]{{16}}@{SHARED})<', page.text)
        seen.update(found)
        assert len(found) == 1
    assert len(seen) == 1


@pytest.mark.parametrize("typed", ["", "bob", "bob@", f"other@{SHARED}", "a b@c.example", "<x>@y.example"])
def test_an_address_that_cannot_be_written_to_is_refused(browser: Browser, alias: Alias, typed: str):
    answer = browser.post(f"/aliases/{alias.uid}/contacts", address=typed)
    assert answer.status in (400, 409)
    assert "notice-bad" in answer.text


def test_blocking_and_unblocking_a_contact(pages: Site, browser: Browser, alias: Alias):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        contact = contacts.ensure(db, pages.context.ring, alias.id, "bob@friends.example", "Bob B.")
    page = browser.follow(browser.post(f"/contacts/{contact.uid}/block"))
    assert "blocked</span>" in page.text and "Bob B." in page.text
    assert f'action="/contacts/{contact.uid}/unblock"' in page.text
    assert "blocked</span>" not in browser.follow(browser.post(f"/contacts/{contact.uid}/unblock")).text


def test_anothers_contact_is_not_there(pages: Site, browser: Browser, alias: Alias):
    his = pages.alias(pages.person(), f"his-{uuid4().hex}")
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        contact = contacts.ensure(db, pages.context.ring, his.id, "secret@friends.example")
    for act in ("block", "unblock"):
        assert browser.post(f"/contacts/{contact.uid}/{act}").status == 404
    assert "secret@" not in browser.get(f"/aliases/{alias.uid}?contact={contact.uid}").text
    assert pages.run("SELECT blocked_at FROM contacts WHERE id = :id", id=contact.id) == [[None]]


# Activity.


def test_every_kind_of_event_has_its_words():
    assert set(WORDS) == set(events.KINDS)


def test_what_happened_is_told(pages: Site, browser: Browser, jane: Person, alias: Alias):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        for kind in events.KINDS:
            events.add(db, pages.context.ring, jane.id, kind, alias_id=alias.id, note={"said": f"say {kind}"})
    page = browser.get(f"/aliases/{alias.uid}").text
    for kind in events.KINDS:
        assert (f"say {kind}" in page) is (kind != "sent"), "who takes it says nothing that matters"


@pytest.mark.parametrize("text", MARKUP)
def test_what_people_write_is_shown_as_text(
    pages: Site, browser: Browser, jane: Person, alias: Alias, text: str
):
    ring = pages.context.ring
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        aliases.describe(db, ring, alias, text, text)
        contacts.ensure(db, ring, alias.id, "bob@friends.example", text)
        events.add(db, ring, jane.id, "failed", alias_id=alias.id, note={"said": text, "from": text})
    shown = browser.get(f"/aliases/{alias.uid}").text
    assert text not in shown
    assert shown.count("<script") == 1
