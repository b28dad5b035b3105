"""What belongs to one person is not there for anybody else: none of his ids, in a path, a form or a query, shows or changes it.

Every route with a `*` is tried with every kind of id that an estate has, not only its own kind. The answer is the one that an
id of nothing gets: nobody learns what exists. That the ids work for their owner: the last tests here, and test_forgery.py.
"""

from __future__ import annotations

import re

import pytest

from postern.web.routes import ROUTES
from support.estate import MARK, Estate, random_id, rows
from support.people import Browser, Site
from support.samples import (
    BY_SIGNATURE,
    BY_TOKEN,
    FORMS,
    GETS,
    OPEN,
    STARRED,
    STARS,
    form,
    is_of_a_person,
    place,
)
from support.wsgi import Answer

GUARDED = [(method, path) for method, path in STARRED if is_of_a_person(path)]
UNSTARRED = [path for path in GETS if "*" not in path]
CHANCE = re.compile(
    r"\b[a-z2-7]{52}\b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\b[0-9a-f]{12,64}\b|[a-z]+-[a-z]+(?=@)|\buser-\d+"
)
"""What differs from page to page without telling anything: ids, tags, names of users, examples of new aliases."""


@pytest.fixture(scope="module")
def stranger(pages: Site) -> Browser:
    """Signed in, with a tag of his own session in his forms."""
    browser = pages.browser(pages.person())
    browser.get("/settings")
    return browser


def send(browser: Browser, method: str, path: str, estate: Estate, where: str) -> Answer:
    if method == "GET":
        return browser.get(where)
    fields, chosen = form(path, estate)
    return browser.post(where, chosen, **fields)


def told(answer: Answer) -> tuple[object, ...]:
    """All that he learns."""
    headers = {name: text for name, text in answer.headers.items() if name != "x-request-id"}
    return answer.status, headers, CHANCE.sub("", answer.text)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_anothers_id_is_an_id_of_nothing(
    pages: Site, estate: Estate, stranger: Browser, method: str, path: str
):
    assert place(path, estate)
    before = rows(pages)
    nothing = told(send(stranger, method, path, estate, path.replace("*", random_id())))
    assert nothing[0] == 404
    for kind, text in estate.ids.items():
        answer = send(stranger, method, path, estate, path.replace("*", text))
        assert told(answer) == nothing or (text.isdigit() and answer.status == 404), kind
        assert MARK not in answer.text
    assert rows(pages) == before


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_is_sent_to_sign_in_whatever_is_there(pages: Site, estate: Estate, method: str, path: str):
    before = rows(pages)
    for text in (*estate.ids.values(), random_id(), "1", "x"):
        answer = send(pages.browser(), method, path, estate, path.replace("*", text))
        assert (answer.status, answer.headers["location"], answer.body) == (303, "/sign-in", b"")
        assert "set-cookie" not in answer.headers
    assert rows(pages) == before


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_an_id_of_another_kind_or_spelling_is_an_id_of_nothing_for_its_owner_too(
    pages: Site, estate: Estate, method: str, path: str
):
    """A mix-up of two tables, or two spellings of one id, is where walls have holes."""
    browser, own = estate.browser(), place(path, estate).split("/")[path.split("/").index("*")]
    kin = {"alias": "gone", "domain": "claimed", "mailbox": "unproven"}
    near = {text for pair in kin.items() if own in {estate.ids[one] for one in pair} for text in pair}
    foreign = {kind: text for kind, text in estate.ids.items() if kind not in near and text != own}
    spelled = {"capitals": own.upper(), "braces": f"{{{own}}}", "no dashes": own.replace("-", "")}
    spelled.update(
        {"a blank": own + "%20", "a sign": "+" + own, "urn": f"urn:uuid:{own}", "quoted": f"'{own}'"}
    )
    before = rows(pages)
    for kind, text in {**foreign, **spelled}.items():
        answer = send(browser, method, path, estate, path.replace("*", text))
        if not (path == "/mail/*" and kind == "failed"):
            assert answer.status == 404, kind
    assert rows(pages) == before


IN_FORMS = {
    "aliases, many at once": ("/aliases/bulk", {"act": "delete"}, ("{alias}",)),
    "deleted aliases, many at once": ("/aliases/bulk", {"act": "restore"}, ("{gone}",)),
    "a mailbox for a new alias": ("/aliases/custom", {"local": "x", "domain": "{site}"}, ("{mailbox}",)),
    "a domain for a new alias": ("/aliases/custom", {"local": "x", "domain": "{domain_number}"}, ()),
    "a domain to be the default": (
        "/settings",
        {"domain": "{domain_number}", "kind": "uuid", "dmarc_fail": "forward"},
        (),
    ),
    "a domain to take a part of": ("/domains/subdomain", {"label": "abc", "parent": "{domain_number}"}, ()),
}


@pytest.mark.parametrize("case", IN_FORMS)
def test_anothers_id_in_a_form_does_nothing(pages: Site, estate: Estate, stranger: Browser, case: str):
    where, fields, chosen = IN_FORMS[case]
    before = rows(pages)
    answer = stranger.post(
        where,
        tuple(one.format_map(estate.names) for one in chosen),
        **{name: text.format_map(estate.names) for name, text in fields.items()},
    )
    assert MARK not in answer.text
    assert answer.status in (303, 400, 404, 409)
    assert rows(pages) == before


def test_anothers_mailbox_is_no_place_to_forward_to(pages: Site, estate: Estate):
    joe = pages.person()
    his = pages.alias(joe, f"his-{joe.id}")
    browser = pages.browser(joe)
    browser.get("/settings")
    before = rows(pages)
    answer = browser.post(f"/aliases/{his.uid}/save", (estate.ids["mailbox"],), note="x")
    assert (answer.status, MARK in answer.text) == (404, False)
    assert rows(pages) == before


NAMES = ("made", "undo", "contact", "id", "uid", "alias", "user", "before", "page", "q")


@pytest.mark.parametrize("path", UNSTARRED)
def test_anothers_id_in_a_query_shows_nothing(pages: Site, estate: Estate, stranger: Browser, path: str):
    before = rows(pages)
    for kind, text in estate.ids.items():
        answer = stranger.get(f"{path}?" + "&".join(f"{name}={text}" for name in NAMES))
        assert MARK not in answer.text, kind
    assert rows(pages) == before


def test_a_contact_is_shown_on_the_page_of_its_own_alias_alone(pages: Site, estate: Estate):
    joe = pages.person()
    his = pages.alias(joe, f"own-{joe.id}")
    answer = pages.browser(joe).get(f"/aliases/{his.uid}?contact={estate.ids['contact']}")
    assert (answer.status, MARK in answer.text) == (200, False)


@pytest.mark.parametrize("path", UNSTARRED)
def test_no_list_shows_anything_of_another(estate: Estate, stranger: Browser, path: str):
    answer = stranger.get(path)
    assert MARK not in answer.text
    assert not any(text in answer.text for kind, text in estate.ids.items() if not text.isdigit())


@pytest.mark.parametrize("path", [path for method, path in GUARDED if method == "GET"])
def test_its_owner_sees_it(estate: Estate, path: str):
    """Or the tests above would prove nothing."""
    answer = estate.browser().get(place(path, estate))
    assert answer.status == 200
    assert MARK in answer.text


def test_samples_are_of_routes_that_there_are() -> None:
    """What is left over when a route goes."""
    assert {("POST", path) for path in (*FORMS, *OPEN, *BY_TOKEN, *BY_SIGNATURE)} <= set(ROUTES)
    assert set(STARS) == {path for _, path in STARRED}
