"""The list of aliases: made, found, changed together; and that nobody reaches another's."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest

from postern.base.database import SYSTEM
from postern.store import alias_list, aliases, domains, mailboxes
from postern.store.alias_list import Wanted
from postern.store.aliases import Alias
from support.hostile import MARKUP
from support.people import SHARED, Browser, Person, Site


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    browser = pages.browser(jane)
    browser.get("/aliases")
    return browser


def own(pages: Site, person: Person) -> list[Alias]:
    with pages.context.pool.connection() as db, db.transaction(person.id):
        return aliases.of_user(db, person.id)


def reread(pages: Site, alias: Alias) -> Alias:
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        found = aliases.get(db, alias.uid)
    assert found is not None
    return found


def listed(text: str) -> list[str]:
    """The addresses in the list, in order."""
    return re.findall(r'data-copy="([^"]+)" hidden>Copy<span', text)


def test_who_is_not_signed_in_is_sent_to_the_sign_in(pages: Site):
    assert pages.browser().get("/aliases").headers["location"] == "/sign-in"


def test_the_front_page_leads_on_to_the_aliases(browser: Browser):
    assert browser.get("/").headers["location"] == "/aliases"


def test_an_empty_list_teaches(browser: Browser):
    assert "No alias yet" in browser.get("/aliases").text


def test_one_click_makes_an_alias_to_the_default_mailbox(pages: Site, browser: Browser, jane: Person):
    page = browser.follow(browser.post("/aliases/random"))
    (alias,) = own(pages, jane)
    assert (alias.origin, alias.domain, alias.enabled) == ("random", SHARED, True)
    assert f'data-copy="{alias.address}" data-copy-now' in page.text
    assert listed(page.text) == [alias.address]
    with pages.context.pool.connection() as db, db.transaction(jane.id):
        assert alias_list.mailboxes_of(db, [alias.id]) == {alias.id: [jane.mailbox.id]}


def test_a_name_of_ones_own(pages: Site, browser: Browser, jane: Person):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        other = mailboxes.add(db, pages.context.ring, jane.id, f"second@{jane.handle}.example", verified=True)
    local = f"Bakery.{jane.handle}"
    answer = browser.post(
        "/aliases/custom", (str(other.uid),), local=local, domain=str(pages.shared.id), note=" Fresh bread "
    )
    page = browser.follow(answer)
    (alias,) = own(pages, jane)
    assert (alias.local, alias.note, alias.origin) == (local.lower(), "Fresh bread", "custom")
    assert f"to second@{jane.handle}.example" in page.text.replace("<wbr>", "")


WRONG = {
    "postmaster": "reserved",
    "re-a2a2a2a2a2a2a2a2": "reserved",
    "": "not an e-mail address",
    "two words": "not an e-mail address",
    "a@b": "not an e-mail address",
    "x" * 65: "not an e-mail address",
    "<script>alert(1)</script>": "not an e-mail address",
}


@pytest.mark.parametrize("local", WRONG)
def test_a_name_that_cannot_be_says_why_and_is_not_lost(pages: Site, browser: Browser, local: str):
    answer = browser.post("/aliases/custom", local=local, domain=str(pages.shared.id), note="keep <b>me</b>")
    assert answer.status == 400
    assert WRONG[local] in answer.text
    assert 'value="keep &lt;b&gt;me&lt;/b&gt;"' in answer.text
    assert "<script>alert" not in answer.text


def test_a_name_that_somebody_has_is_taken_and_whose_it_is_stays_unsaid(
    pages: Site, browser: Browser, jane: Person
):
    joe = pages.person()
    pages.alias(joe, f"taken-{joe.handle}")
    answer = browser.post("/aliases/custom", local=f"taken-{joe.handle}", domain=str(pages.shared.id))
    assert answer.status == 409
    assert "is taken" in answer.text
    assert f"user {joe.handle}" not in answer.text
    assert own(pages, jane) == []


def test_ones_own_deleted_name_is_offered_back(pages: Site, browser: Browser, jane: Person):
    alias = pages.alias(jane, f"gone-{jane.handle}")
    browser.post(f"/aliases/{alias.uid}/delete")
    answer = browser.post("/aliases/custom", local=f"gone-{jane.handle}", domain=str(pages.shared.id))
    assert "Bring it back" in answer.text


def test_anothers_domain_is_not_to_be_used(pages: Site, browser: Browser):
    joe = pages.person()
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        his = domains.add(db, f"{joe.handle}.example", joe.id)
    for domain in (str(his.id), "999999", "x", ""):
        assert browser.post("/aliases/custom", local="new", domain=domain).status == 404


def test_anothers_mailbox_is_not_to_be_used(pages: Site, browser: Browser, jane: Person):
    joe = pages.person()
    answer = browser.post(
        "/aliases/custom", (str(joe.mailbox.uid),), local=f"x-{jane.handle}", domain=str(pages.shared.id)
    )
    assert answer.status == 404
    assert own(pages, jane) == []


def test_more_than_the_quota_is_refused_with_the_number(pages: Site, browser: Browser, jane: Person):
    pages.run("UPDATE users SET max_aliases = 1 WHERE id = :id", id=jane.id)
    assert browser.post("/aliases/random").status == 303
    answer = browser.post("/aliases/random")
    assert answer.status == 409
    assert "all 1 aliases" in answer.text
    assert len(own(pages, jane)) == 1


def test_without_a_mailbox_it_is_said_what_is_missing(pages: Site, browser: Browser, jane: Person):
    pages.run("DELETE FROM mailboxes WHERE user_id = :id", id=jane.id)
    assert "No mailbox yet" in browser.get("/aliases").text
    assert "no mailbox to forward to" in browser.post("/aliases/random").text


# Finding.


@pytest.fixture
def many(pages: Site, jane: Person) -> dict[str, Alias]:
    made = {name: pages.alias(jane, f"{name}.{jane.handle}") for name in ("a_1", "ab1", "c%d", "off", "gone")}
    pages.run("UPDATE aliases SET note = 'Bäckerei', pinned = true WHERE id = :id", id=made["c%d"].id)
    pages.run("UPDATE aliases SET forwarded = 9, seen_at = now() WHERE id = :id", id=made["a_1"].id)
    pages.run("UPDATE aliases SET enabled = false WHERE id = :id", id=made["off"].id)
    pages.run("UPDATE aliases SET deleted_at = now() WHERE id = :id", id=made["gone"].id)
    return made


FOUND = {
    "": ["c%d", "off", "ab1", "a_1"],
    "?q=AB1": ["ab1"],
    "?q=_1": ["a_1"],
    "?q=%25": ["c%d"],
    "?q=b%C3%A4ck": ["c%d"],
    "?q=nothing": [],
    "?state=on": ["c%d", "ab1", "a_1"],
    "?state=off": ["off"],
    "?state=pinned": ["c%d"],
    "?state=deleted": ["gone"],
    "?sort=name": ["c%d", "a_1", "ab1", "off"],
    "?sort=forwarded": ["c%d", "a_1", "off", "ab1"],
    "?sort=seen": ["c%d", "a_1", "off", "ab1"],
    "?state=DROP&sort=1;--&page=-5": ["c%d", "off", "ab1", "a_1"],
    "?page=7": [],
    "?q=%00&q=x": ["c%d", "off", "ab1", "a_1"],
}


@pytest.mark.parametrize("query", FOUND)
def test_what_is_looked_for_is_found(browser: Browser, many: dict[str, Alias], query: str):
    page = browser.get("/aliases" + query)
    assert page.status == 200
    assert listed(page.text) == [many[name].address for name in FOUND[query]]


def test_a_page_holds_fifty_and_the_next_the_rest(pages: Site, browser: Browser, jane: Person):
    pages.run(
        "INSERT INTO aliases (user_id, domain_id, local) SELECT :id, :domain, :name || n FROM generate_series(1, 51) n",
        id=jane.id,
        domain=pages.shared.id,
        name=f"many-{jane.handle}-",
    )
    first, second = browser.get("/aliases?q=many").text, browser.get("/aliases?q=many&page=2").text
    assert (len(listed(first)), len(listed(second))) == (50, 1)
    assert "51 aliases" in first
    assert 'href="/aliases?q=many&amp;page=2"' in first
    assert 'href="/aliases?q=many"' in second


def test_a_listing_asks_as_often_for_fifty_as_for_one(pages: Site, jane: Person):
    """No statement a row: the aliases' mailboxes come in one."""
    with pages.context.pool.connection() as db, db.transaction(jane.id):
        assert alias_list.mailboxes_of(db, []) == {}
        assert alias_list.count(db, jane.id, Wanted()) == 0


# Several at once.

ACTS = {
    "on": ("off", "enabled", True),
    "off": ("ab1", "enabled", False),
    "pin": ("ab1", "pinned", True),
    "unpin": ("c%d", "pinned", False),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_is_chosen_is_changed(pages: Site, browser: Browser, many: dict[str, Alias], act: str):
    name, column, value = ACTS[act]
    page = browser.follow(browser.post("/aliases/bulk", (str(many[name].uid),), act=act))
    assert 'role="status"' in page.text
    assert getattr(reread(pages, many[name]), column) is value


def test_deleting_and_bringing_back(pages: Site, browser: Browser, many: dict[str, Alias]):
    chosen = (str(many["ab1"].uid), str(many["c%d"].uid))
    browser.post("/aliases/bulk", chosen, act="delete")
    assert all(reread(pages, many[name]).deleted_at for name in ("ab1", "c%d"))
    browser.post("/aliases/bulk", chosen, act="restore")
    assert not any(reread(pages, many[name]).deleted_at for name in ("ab1", "c%d"))


def test_what_was_deleted_longer_ago_is_not_brought_back(
    pages: Site, browser: Browser, many: dict[str, Alias]
):
    gone = many["gone"]
    pages.run("UPDATE aliases SET deleted_at = now() - interval '31 days' WHERE id = :id", id=gone.id)
    browser.post("/aliases/bulk", (str(gone.uid),), act="restore")
    assert reread(pages, gone).deleted_at is not None


@pytest.mark.parametrize("act", ["on", "off", "pin", "unpin", "delete", "restore"])
def test_anothers_alias_among_those_chosen_stays_as_it_is(
    pages: Site, browser: Browser, many: dict[str, Alias], act: str
):
    his = pages.alias(pages.person(), f"his-{uuid4().hex}")
    before = reread(pages, his)
    browser.post("/aliases/bulk", (str(his.uid), str(many["ab1"].uid)), act=act)
    assert reread(pages, his) == before


@pytest.mark.parametrize("fields", [{"act": "destroy"}, {"act": ""}, {}])
def test_an_act_that_is_none_is_refused(browser: Browser, many: dict[str, Alias], fields: dict[str, str]):
    assert browser.post("/aliases/bulk", (str(many["ab1"].uid),), **fields).status == 400


def test_nothing_chosen_says_so(browser: Browser):
    assert "Nothing was chosen" in browser.follow(browser.post("/aliases/bulk", act="on")).text


@pytest.mark.parametrize(
    "text", ["1", "x", str(UUID(int=0)).upper().replace("0", "A"), "' OR 1=1", "../admin"]
)
def test_a_uid_that_is_none_is_not_found(browser: Browser, text: str):
    assert browser.post("/aliases/bulk", (text,), act="on").status == 404


def test_a_form_of_another_session_is_refused(pages: Site, browser: Browser):
    assert browser.post("/aliases/random", csrf="0" * 32).status == 403
    other = pages.browser(pages.person())
    other.get("/aliases")
    assert browser.post("/aliases/random", csrf=other._csrf).status == 403


@pytest.mark.parametrize("text", MARKUP)
def test_what_people_write_is_shown_as_text(pages: Site, browser: Browser, jane: Person, text: str):
    alias = pages.alias(jane, f"safe-{uuid4().hex}")
    pages.run("UPDATE aliases SET note = :note WHERE id = :id", note=text, id=alias.id)
    shown = browser.get("/aliases").text
    assert text not in shown
    assert shown.count("<script") == 1
