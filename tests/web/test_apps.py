"""The page of apps: each is told with the server's own address, and leads to the form that makes what it asks for."""

from __future__ import annotations

import re

import pytest

from postern.flow.apps import APPS, SITE, App
from postern.web import qr
from support.people import URL, Browser, Person, Site

PAGE = "/settings/apps"


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    return pages.browser(jane)


def test_each_app_is_told_with_this_servers_address(browser: Browser):
    page = browser.get(PAGE).text
    for app in APPS:
        told = page.partition(f'id="{app.key}"')[2].partition("</details>")[0]
        assert app.name in told
        assert told.count("<li>") == len(app.steps)
        assert told.count(f"<code>{URL}") + told.count(f" {URL}") >= sum(SITE in step for step in app.steps)
    assert SITE not in page
    assert qr.draw(URL)[1] in page


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.key)
def test_the_form_is_filled_in_for_an_app(browser: Browser, app: App):
    opened = browser.get(f"{PAGE}?app={app.key}").text
    assert re.findall(r'<details class="app" id="([\w-]+)" open>', opened) == [app.key]
    assert f'href="/settings/api-keys?app={app.key}#make"' in opened
    form = browser.get(f"/settings/api-keys?app={app.key}").text
    assert f'id="name" name="name" value="{app.name}"' in form
    assert re.findall(r'name="(?:kind|scope)" value="(\w+)" required checked', form) == [app.kind, app.scope]


def test_what_is_no_app_fills_nothing_in(browser: Browser):
    assert " open>" not in browser.get(f"{PAGE}?app=x").text
    assert 'name="name" value=""' in browser.get("/settings/api-keys?app=%22x").text


def test_addys_apps_find_the_keys_where_they_look(browser: Browser):
    answer = browser.get("/settings/api")
    assert (answer.status, answer.headers["location"]) == (303, "/settings/api-keys")
