"""Cross-site scripting: no word that mail or people bring along becomes more than text on any page.

Two people have the same, but one has harmless words and the other has hundreds that mean something in HTML. Their pages must
have the same elements and attributes (support/structure.py), and Chromium must run and refuse nothing on them. Which words go
where: support/planted.py. Chromium asks the application of this process, through no server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from postern.web import assets
from postern.web.aliases import MAX_WORDS
from support.browser import DESKTOP, Visitor, open_chromium
from support.estate import Estate
from support.forms import Form, forms
from support.markup import payloads, plain
from support.people import URL, Browser, Site
from support.planted import pack, plant, showing
from support.samples import GETS, place
from support.structure import strays, structure

PAYLOADS = payloads()
PLAIN = plain(PAYLOADS)
NO_PAGES = {
    "/health",
    "/health/ready",
    "/metrics",
    "/mail/*",
    "/settings/data/everything",
    "/settings/data/aliases/*",
}
HARMLESS = ("a plain text", "a plain\ttext", "", "a plain text " * 30)
"""Between them they are taken and refused by every form that asks for words."""
Pages = list[tuple[str, str]]

_DOM = """(html) => [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("*")].map(
  (one) => [one.namespaceURI, one.tagName, ...[...one.attributes].map((a) => a.name)].join(" "))"""


@pytest.fixture(scope="module")
def planted(pages: Site) -> Estate:
    return plant(pages, PAYLOADS)


@pytest.fixture(scope="module")
def both(pages: Site, planted: Estate) -> tuple[Pages, Pages]:
    """Path and text of every page: with harmless words, and with the others."""
    return shown(plant(pages, PLAIN)), shown(planted)


@pytest.fixture(scope="module")
def hostile(planted: Estate, both: tuple[Pages, Pages]) -> Estate:
    """Who has the others; whatever is done to him here, his pages were looked at before."""
    return planted


def shown(estate: Estate) -> Pages:
    browser = estate.browser()
    found = [(path, browser.get(path)) for path in showing(estate)]
    assert all(
        answer.headers["content-type"] == "text/html; charset=utf-8" for _, answer in found if answer.body
    )
    return [(path, answer.text) for path, answer in found if answer.body]


def test_there_are_hundreds_and_each_is_shown_somewhere(both: tuple[Pages, Pages]) -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) > 300
    text = " ".join(unescape(re.sub(r"<[^>]*>", "", page)) for _, page in both[1])
    line = " ".join(text.split())
    assert [one for one in PAYLOADS if " ".join(one.split()) not in line] == []


def test_every_page_has_the_same_elements_whatever_the_words(both: tuple[Pages, Pages]) -> None:
    assert len(both[0]) == len(both[1]) > len(GETS) / 2
    for (path, harmless), (_, hostile) in zip(*both):
        assert structure(hostile) == structure(harmless), path
        assert strays(hostile) == [], path
        assert hostile.count("<!") == hostile.count("<!doctype html>") == 1, path


def typed_into(browser: Browser, form: Form, path: str, text: str) -> tuple[int, list[str]]:
    """What comes of the form with this text in all its fields: the status, and what the page is made of."""
    fields = form.filled(text)
    where = form.action or path
    if form.method == "get":  # a query with control characters is as if it were not there
        query = "&".join(f"{name}={quote(_printable(value))}" for name, value in fields.items())
        answer = browser.get(f"{where}?{query}")
    else:
        answer = browser.post(where, **fields)
    page = browser.follow(answer) if answer.status == 303 else answer
    assert strays(page.text) == [], text
    return answer.status, structure(page.text)


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


@pytest.mark.parametrize("path", [path for path in GETS if path not in NO_PAGES])
def test_what_is_typed_into_a_form_comes_back_as_text(pages: Site, estate: Estate, path: str) -> None:
    """Every field of every form of every page at once, those of new pages too."""
    where = place(path, estate)
    for who in (estate.asked, estate.browser):
        browser = who()
        answer = browser.get(where)
        for form in forms(answer.text) if "text/html" in answer.headers["content-type"] else []:
            expected = dict(typed_into(browser, form, where, text) for text in HARMLESS)
            for text in pack(PAYLOADS, 450):
                status, page = typed_into(browser, form, where, text)
                assert page == expected.get(status), (form, text)


def test_what_is_searched_for_comes_back_as_text(estate: Estate) -> None:
    browser = estate.browser()
    expected = structure(browser.get("/aliases?q=a+plain+text&state=off").text)
    for text in pack(PAYLOADS, MAX_WORDS):
        if len(text) <= MAX_WORDS and text.isprintable():
            page = browser.get(f"/aliases?q={quote(text)}&state=off").text
            assert structure(page) == expected, text
            assert text in unescape(page)


@pytest.mark.parametrize("path", [path for path in GETS if "*" not in path and path not in NO_PAGES])
def test_no_query_gets_into_a_page(estate: Estate, path: str) -> None:
    browser = estate.browser()
    names = (
        "said",
        "made",
        "undo",
        "contact",
        "page",
        "state",
        "sort",
        "kind",
        "before",
        "error",
        "title",
        "next",
        "x",
    )
    expected = structure(browser.get(path).text)
    for text in pack(PAYLOADS, 100):
        page = browser.get(f"{path}?" + "&".join(f"{name}={quote(text)}" for name in names)).text
        assert structure(page) == expected, text


def test_no_path_gets_into_a_page(pages: Site) -> None:
    for who in (pages.browser(), pages.browser(pages.person())):
        expected = structure(who.get("/nothing").text)
        for text in PAYLOADS:
            answer = who.get("/" + quote(text, safe=""))
            if answer.status == 400:  # what is no path at all is answered by a line of text
                assert (answer.headers["content-type"], answer.text.count("<")) == (
                    "text/plain; charset=utf-8",
                    0,
                )
            else:
                assert (answer.status, structure(answer.text)) == (404, expected), text


@pytest.fixture
def visitor(pages: Site, hostile: Estate) -> Iterator[Visitor]:
    """Chromium, signed in as the one with the hostile words; what it asks for is answered by the application here."""
    browser = hostile.browser()

    def answer(route: Any) -> None:
        parts = urlsplit(route.request.url)
        if parts.path.startswith("/static/"):
            route.fulfill(path=f"{assets.FOLDER}/{parts.path.rpartition('/')[2]}")
            return
        found = browser.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        route.fulfill(status=found.status, headers=found.headers, body=found.body)

    with open_chromium() as chromium:
        visitor = Visitor(chromium, pages, DESKTOP)
        visitor.page.route("**/*", answer)
        visitor.page.on("dialog", lambda dialog: on_dialog(visitor, dialog))
        yield visitor


def on_dialog(visitor: Visitor, dialog: Any) -> None:
    visitor.judge.faults.append(f"dialog: {dialog.message}")
    dialog.dismiss()


@pytest.mark.tier("browser")
def test_chromium_runs_nothing_and_has_nothing_to_refuse(visitor: Visitor, both: tuple[Pages, Pages]) -> None:
    for (path, harmless), (where, hostile) in zip(*both):
        visitor.page.goto(URL + where)
        parsed = [visitor.page.evaluate(_DOM, html) for html in (harmless, hostile)]
        assert parsed[0] == parsed[1], path
    assert visitor.judge.faults == []


@pytest.mark.tier("browser")
def test_the_look_of_chromium_is_not_blind(visitor: Visitor) -> None:
    """Or the test above would prove nothing."""
    bad = "<title>x</title><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>"
    policy = {"Content-Security-Policy": "default-src 'none'"}
    for path, headers in (("/refused", policy), ("/ran", {})):
        visitor.page.route(
            f"**{path}",
            lambda route, _request, sent=headers: route.fulfill(
                status=200, headers={"Content-Type": "text/html", **sent}, body=bad
            ),
        )
        visitor.page.goto(URL + path)
    faults = "\n".join(visitor.judge.faults)
    assert "Content" in faults and "dialog: 1" in faults, faults
