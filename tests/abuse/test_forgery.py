"""Cross-site request forgery: whatever another site makes a browser send, on no route is anything done.

Each route of the table is sent a form that it would take (support/samples.py), with one thing about it as it is when the form
is not ours; the last test shows that it would have been taken. What a header's value means: tests/web/test_sign_in.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from support.estate import Estate, rows
from support.people import URL, Browser, Site
from support.samples import BY_TOKEN, FORMS, OPEN, POSTS, form, place

EVIL = "https://evil.example"

FROM_ELSEWHERE = {
    "another site": {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
    "another site, in a browser that says nothing else": {"Origin": EVIL},
    "another site without Origin": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour": {"Origin": "https://blog.alias.example", "Sec-Fetch-Site": "same-site"},
    "a neighbour without Origin": {"Sec-Fetch-Site": "same-site"},
    "a sandbox": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "a sandbox, in an old browser": {"Origin": "null"},
    "the site without TLS": {"Origin": "http://alias.example", "Sec-Fetch-Site": "same-site"},
    "another port": {"Origin": f"{URL}:8443"},
    "a name that begins alike": {"Origin": f"{URL}.evil.example"},
    "two origins": {"Origin": f"{URL} {EVIL}"},
    "two sites": {"Origin": URL, "Sec-Fetch-Site": "same-origin, cross-site"},
}

FORGEABLE = [path for path in POSTS if path not in BY_TOKEN]
TIED = [path for path in FORGEABLE if path not in OPEN]


@pytest.fixture(scope="module")
def signed_in(estate: Estate) -> Browser:
    return estate.browser()


def sender(path: str, estate: Estate, signed_in: Browser) -> Browser:
    """Who could send the form with success."""
    return estate.asked() if path in OPEN else signed_in


@pytest.mark.parametrize("path", FORGEABLE)
def test_what_another_site_sends_does_nothing(pages: Site, estate: Estate, signed_in: Browser, path: str):
    fields, chosen = form(path, estate)
    where, victim = place(path, estate), sender(path, estate, signed_in)
    before = rows(pages)
    for who, sends in FROM_ELSEWHERE.items():
        answer = replace(victim, sends=sends).post(where, chosen, **fields)
        assert answer.status == 403, who
        assert "set-cookie" not in answer.headers, who
    assert rows(pages) == before


@pytest.mark.parametrize("path", TIED)
def test_a_form_without_the_tag_of_this_session_does_nothing(
    pages: Site, estate: Estate, signed_in: Browser, path: str
):
    fields, chosen = form(path, estate)
    where, tag = place(path, estate), signed_in._csrf
    others = {"same person": estate.browser()._csrf, "somebody else": _tag_of_a_stranger(pages)}
    assert len({tag, *others.values()}) == 3
    wrong = {"none": "", "short": tag[:-1], "long": tag + "0", "in capitals": tag.upper(), **others}
    before = rows(pages)
    for which, text in wrong.items():
        assert signed_in.post(where, chosen, **{**fields, "csrf": text}).status == 403, which
    assert signed_in.post(f"{where}?csrf={tag}", chosen, **{**fields, "csrf": ""}).status == 403
    for named in ("CSRF", "csrf ", "csrf[]", "csrf\n", "_csrf"):
        assert signed_in.post(where, chosen, **{**fields, "csrf": "", named: tag}).status == 403, named
    assert rows(pages) == before


def _tag_of_a_stranger(pages: Site) -> str:
    browser = pages.browser(pages.person())
    browser.get("/settings")
    return browser._csrf


@pytest.mark.parametrize("path", FORGEABLE)
def test_no_route_takes_its_form_by_get_or_by_a_method_in_disguise(
    pages: Site, estate: Estate, signed_in: Browser, path: str
):
    fields, _ = form(path, estate)
    where, victim = place(path, estate), sender(path, estate, signed_in)
    before = rows(pages)
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "post", "POST "):
        query = "&".join(f"{name}={text}" for name, text in {**fields, "csrf": victim._csrf}.items())
        headers = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
        answer = victim._ask(method, f"{where}?{query}&_method=POST", headers, b"")
        assert answer.status in (200, 303, 404, 405), method
    assert rows(pages) == before


@pytest.mark.parametrize("path", POSTS)
def test_the_same_form_from_our_own_page_is_taken(pages: Site, fresh: Callable[[], Estate], path: str):
    """Or the tests above would prove nothing."""
    mine = fresh()
    fields, chosen = form(path, mine)
    browser = mine.asked() if path in OPEN else mine.browser()
    before = rows(pages)
    answer = browser.post(place(path, mine), chosen, **fields)
    assert answer.status == FORMS[path].status, answer.text
    assert (rows(pages) != before) is FORMS[path].changes
