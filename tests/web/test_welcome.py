"""The tour of the first visit: each step by what is there, and nobody kept in it."""

from __future__ import annotations

import re

import pytest

from postern.base.database import SYSTEM
from postern.store import events
from support.hostile import MARKUP
from support.people import SHARED, Person, Site
from support.receipt import post
from support.wsgi import Answer


@pytest.fixture
def new(pages: Site) -> Person:
    return pages.person(welcomed=False)


def without_mailbox(pages: Site, person: Person) -> None:
    pages.run("DELETE FROM mailboxes WHERE user_id = :id", id=person.id)


def happened(pages: Site, person: Person, alias_id: int, kind: str) -> None:
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        events.add(db, pages.context.ring, person.id, kind, alias_id=alias_id)


def now(answer: Answer) -> str:
    """The title of the step that is next."""
    found = re.findall(r'aria-current="step"><h2>([^<]+)</h2>', answer.text)
    assert len(found) == 1, found
    return str(found[0])


def waits(answer: Answer) -> bool:
    return "data-wait=" in answer.text


def test_a_new_user_comes_into_the_tour_by_himself(pages: Site, new: Person):
    browser = pages.browser(new)
    assert browser.get("/aliases").headers["location"] == "/welcome"
    assert now(browser.get("/welcome")) == "Your first alias"


def test_who_left_it_is_not_led_back(pages: Site, new: Person):
    browser = pages.browser(new)
    browser.get("/welcome")
    assert "That is all there is to it." in browser.follow(browser.post("/welcome/done")).text
    assert browser.get("/aliases").status == 200
    assert "/welcome" not in browser.get("/aliases").text


def test_who_has_aliases_is_only_reminded(pages: Site, new: Person):
    pages.alias(new, "reminded")
    answer = pages.browser(new).get("/aliases")
    assert answer.status == 200
    assert 'href="/welcome"' in answer.text


def test_who_deleted_the_only_alias_can_still_bring_it_back(pages: Site, new: Person):
    alias = pages.alias(new, "regretted")
    pages.run("UPDATE aliases SET deleted_at = now() WHERE id = :id", id=alias.id)
    assert pages.browser(new).get("/aliases?state=deleted").status == 200


def test_a_click_makes_the_first_alias_and_leads_on(pages: Site, new: Person):
    browser = pages.browser(new)
    browser.get("/welcome")
    answer = browser.follow(browser.post("/welcome/alias"))
    assert now(answer) == "A test mail"
    assert re.search(rf'data-copy="[^"]+@{re.escape(SHARED)}"', answer.text)
    assert f"{new.handle}@" in re.sub("<[^>]+>", "", answer.text)
    assert waits(answer)


def test_without_a_mailbox_the_address_is_asked_for_and_has_to_be_proven(pages: Site, new: Person):
    without_mailbox(pages, new)
    browser = pages.browser(new)
    assert now(browser.get("/welcome")) == "Your mailbox"
    wrong = browser.post("/welcome/mailbox", address="no address")
    assert wrong.status == 400
    assert 'value="no address"' in wrong.text
    answer = browser.follow(browser.post("/welcome/mailbox", address="zoe@real.example"))
    assert now(answer) == "Your mailbox"
    assert "A mail is on its way to" in answer.text
    assert waits(answer)


def test_no_alias_is_made_before_there_is_a_mailbox(pages: Site, new: Person):
    without_mailbox(pages, new)
    browser = pages.browser(new)
    browser.get("/welcome")
    answer = browser.post("/welcome/alias")
    assert answer.status == 409
    assert "no mailbox to forward to" in answer.text


def test_without_a_domain_the_tour_says_what_is_missing(pages: Site, new: Person):
    pages.run("UPDATE domains SET verified_at = NULL WHERE user_id IS NULL")
    try:
        assert "No domain yet" in pages.browser(new).get("/welcome").text
    finally:
        pages.run("UPDATE domains SET verified_at = now() WHERE user_id IS NULL")


def test_mail_that_came_in_is_shown(pages: Site, new: Person):
    pages.alias(new, "tested")
    browser = pages.browser(new)
    before = browser.get("/welcome")
    assert post(pages, f"tested@{SHARED}")
    answer = browser.get("/welcome")
    assert (now(before), now(answer)) == ("A test mail", "See it arrive")
    assert "within a minute or two" in answer.text
    assert re.findall("data-wait=[^>]+", before.text) != re.findall("data-wait=[^>]+", answer.text)


@pytest.mark.parametrize(
    ("kinds", "told", "waiting"),
    [
        (("received", "sent"), "It was handed on", False),
        (("received", "failed"), "It did not go on by itself", True),
        (("received", "held"), "It did not go on by itself", True),
        (("received", "held", "released"), "within a minute or two", True),
    ],
)
def test_what_became_of_it_is_told(
    pages: Site, new: Person, kinds: tuple[str, ...], told: str, waiting: bool
):
    alias = pages.alias(new, f"became-{'-'.join(kinds)}")
    for kind in kinds:
        happened(pages, new, alias.id, kind)
    answer = pages.browser(new).get("/welcome")
    assert told in answer.text
    assert waits(answer) is waiting


def test_the_tour_shows_its_own_users_things_only(pages: Site, new: Person):
    alias = pages.alias(pages.person(), "not-hers")
    happened(pages, new, alias.id, "received")
    assert now(pages.browser(new).get("/welcome")) == "Your first alias"


@pytest.mark.parametrize("markup", MARKUP[:6])
def test_what_was_typed_comes_back_escaped(pages: Site, new: Person, markup: str):
    without_mailbox(pages, new)
    browser = pages.browser(new)
    browser.get("/welcome")
    assert markup not in browser.post("/welcome/mailbox", address=markup).text


def test_strangers_are_sent_to_the_sign_in(pages: Site):
    assert pages.browser().get("/welcome").headers["location"] == "/sign-in"
