"""Sessions that are fixed, stolen, or over: each way in makes a new one, each end of one holds on every route, at once.

The cookie of a browser that asked for a mail is no session; with another's code or link it opens nothing, and without both
neither. Not here: what is no session at all (tests/web/test_sign_in.py).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from postern.base.database import SYSTEM
from postern.flow import tokens
from postern.store import users
from postern.web.routes import ROUTES
from support.estate import MARK, Estate, furnish, random_id, rows
from support.people import COOKIE, Browser, Site
from support.samples import BY_SIGNATURE, BY_TOKEN, FORMS, GETS, OPEN, POSTS, form, place
from support.wsgi import Answer, ask

WAYS_IN = sorted(
    path
    for path in OPEN
    if FORMS[path].status == 303 and path not in ("/sign-in", "/register", "/invitation/*")
)
CLOSED_POSTS = sorted(set(POSTS) - OPEN - BY_TOKEN)


def enter(estate: Estate, path: str, browser: Browser) -> Answer:
    fields, _ = form(path, estate)
    return browser.post(place(path, estate), **fields)


@pytest.mark.parametrize("path", WAYS_IN)
def test_every_way_in_makes_a_new_session_and_ends_the_one_before(
    pages: Site, fresh: Callable[[], Estate], path: str
):
    mine = fresh()
    before = pages.browser(pages.person()).cookies[COOKIE]
    planted = tokens.new()
    seen = {before, planted}
    for held in (planted, before):
        mine = fresh()
        browser = mine.asked()
        browser.cookies[COOKIE] = held
        answer = enter(mine, path, browser)
        assert (answer.status, answer.headers["location"]) == (303, "/aliases")
        assert browser.cookies[COOKIE] not in seen
        seen.add(browser.cookies[COOKIE])
        assert MARK in browser.get("/aliases").text
        assert Browser(pages.app, {COOKIE: held}).get("/aliases").status == 303


@pytest.mark.parametrize("path", WAYS_IN)
def test_a_session_cookie_that_is_there_twice_is_none(fresh: Callable[[], Estate], path: str):
    """A neighbour on another name of the domain can plant one beside ours."""
    mine = fresh()
    browser = mine.asked()
    enter(mine, path, browser)
    good = browser.cookies[COOKIE]
    for cookies in (f"{COOKIE}={tokens.new()}; {COOKIE}={good}", f"{COOKIE}={good}; {COOKIE}={good}"):
        assert ask(browser.app, "GET", "/aliases", {"Cookie": cookies}).status == 303


ENDS: dict[str, Callable[[Estate, Browser], object]] = {
    "signed out": lambda estate, browser: browser.post("/sign-out"),
    "signed out everywhere": lambda estate, browser: _again(estate).post("/sign-out/everywhere"),
    "signed out from another browser": lambda estate, browser: _again(estate).post(
        "/settings/sessions/end-others"
    ),
    "the account deleted": lambda estate, browser: _again(estate).post(
        "/settings/data/delete", handle=estate.person.handle
    ),
    "the user disabled": lambda estate, browser: _as_operator(
        estate, lambda db: users.disable(db, estate.person.id, True)
    ),
    "the user deleted": lambda estate, browser: _as_operator(
        estate, lambda db: users.delete(db, estate.person.id)
    ),
}


def _again(estate: Estate) -> Browser:
    return estate.browser()


def _as_operator(estate: Estate, act: Callable[..., object]) -> None:
    with estate.site.context.pool.connection() as db, db.transaction(SYSTEM):
        act(db)


@pytest.mark.parametrize("end", ENDS)
def test_a_session_that_is_over_opens_no_route(pages: Site, fresh: Callable[[], Estate], end: str):
    mine = fresh()
    browser = mine.browser()
    cookie, tag = browser.cookies[COOKIE], browser._csrf
    ENDS[end](mine, browser)
    before = rows(pages)
    for path in CLOSED_POSTS:
        fields, chosen = form(path, mine)
        stolen = Browser(pages.app, {COOKIE: cookie})
        answer = stolen.post(place(path, mine), chosen, **{"csrf": tag, **fields})
        assert (answer.status, answer.headers["location"]) == (303, "/sign-in"), path
    for path in GETS:
        answer = Browser(pages.app, {COOKIE: cookie}).get(path.replace("*", random_id()))
        assert MARK not in answer.text, path
        assert mine.person.handle not in answer.text, path
    assert rows(pages) == before


@pytest.mark.parametrize("end", ["the user disabled", "the user deleted", "the account deleted"])
@pytest.mark.parametrize("path", [path for path in sorted(OPEN) if FORMS[path].status == 303])
def test_who_is_out_for_good_gets_in_by_nothing_that_was_made_before(
    pages: Site, fresh: Callable[[], Estate], end: str, path: str
):
    mine = fresh()
    ENDS[end](mine, mine.browser())
    browser = mine.asked()
    enter(mine, path, browser)
    assert COOKIE not in browser.cookies
    assert browser.get("/aliases").status == 303


def answers(pages: Site, mine: Estate) -> dict[str, Answer]:
    """One of every route, sent as its page sends it, and one as nobody sends it."""
    found = {}
    for method, path in sorted(ROUTES):
        if path in BY_SIGNATURE:
            found[f"{method} {path}"] = ask(pages.app, method, path)
            continue
        estate = furnish(pages) if method == "POST" else mine
        for kind, browser in (("asked", estate.asked()), ("signed in", estate.browser())):
            fields, chosen = form(path, estate) if method == "POST" else ({}, ())
            where = place(path, estate)
            answer = browser.get(where) if method == "GET" else browser.post(where, chosen, **fields)
            found[f"{method} {path}, {kind}"] = answer
    return found


def test_every_cookie_is_of_this_host_alone_and_no_script_gets_it(pages: Site, estate: Estate):
    seen = set()
    for where, answer in answers(pages, estate).items():
        if "set-cookie" not in answer.headers:
            continue
        first, *attributes = answer.headers["set-cookie"].split("; ")
        name, _, value = first.partition("=")
        seen.add(name)
        assert name in (COOKIE, f"{COOKIE}-browser"), where
        assert value == "" or tokens.is_one(value), where
        age = next(one for one in attributes if one.startswith("Max-Age="))
        assert sorted(attributes) == sorted([age, "Path=/", "HttpOnly", "SameSite=Lax", "Secure"]), where
        assert int(age[8:]) <= 90 * 86400, where
        assert (int(age[8:]) == 0) is (value == ""), where
        assert answer.headers["cache-control"] == "no-store", where
    assert seen == {COOKIE, f"{COOKIE}-browser"}


BROWSERS = {
    "of another who asked": lambda mine, other: other.asked(),
    "of nobody": lambda mine, other: Browser(mine.site.app),
    "with a made-up cookie": lambda mine, other: Browser(mine.site.app, {f"{COOKIE}-browser": tokens.new()}),
    "with an empty cookie": lambda mine, other: Browser(mine.site.app, {f"{COOKIE}-browser": ""}),
    "with the session's cookie in its place": lambda mine, other: Browser(
        mine.site.app, {f"{COOKIE}-browser": other.browser().cookies[COOKIE]}
    ),
    "with both": lambda mine, other: Browser(
        mine.site.app,
        {f"{COOKIE}-browser": f"{mine.tokens['browser']}; {COOKIE}-browser={other.tokens['browser']}"},
    ),
}


@pytest.mark.parametrize("kind", BROWSERS)
@pytest.mark.parametrize("path", ["/sign-in/code", "/sign-in/mail/*"])
def test_anothers_code_or_link_opens_nothing_in_this_browser(
    fresh: Callable[[], Estate], kind: str, path: str
):
    """Who reads the mail, over a shoulder or in a leaked mailbox, still lacks the browser that asked."""
    mine, other = fresh(), fresh()
    with mine.site.context.pool.connection() as db, db.transaction(SYSTEM):
        # The two would have the same code; only this person's shall be tried.
        db.run("UPDATE sign_in_codes SET code_index = '\\x00' WHERE user_id = :id", id=other.person.id)
    browser = BROWSERS[kind](mine, other)
    assert enter(mine, path, browser).status in (400, 404)
    assert COOKIE not in browser.cookies
    assert enter(mine, path, mine.asked()).status == 303, "and it is not used up"


def test_the_cookie_of_a_browser_that_asked_opens_nothing_by_itself(fresh: Callable[[], Estate]):
    mine = fresh()
    for path in ("/aliases", "/settings", "/sign-in/code", "/sign-in"):
        browser = mine.asked()
        assert mine.person.handle not in browser.get(path).text
        assert COOKIE not in browser.cookies
    stolen = Browser(mine.site.app, {COOKIE: mine.tokens["browser"]})
    assert stolen.get("/aliases").status == 303
