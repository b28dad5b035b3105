"""The first user signs in: a command prints a link, a browser opens it, presses the button, looks around, signs out."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest

from support.instance import ALIAS, MAILBOX, Instance
from support.patience import PATIENCE


class Browser:
    """The standard library's: it keeps cookies and follows redirects."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def open(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, path and text of the page on which it ends."""
        headers = {"Accept": "text/html"}
        data = None
        if form is not None:
            headers["Origin"] = self.site
            data = urllib.parse.urlencode(form).encode()
        try:
            answer = self._opener.open(urllib.request.Request(url, data, headers), timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            # <wbr>: where a long address may be broken.
            page = answer.read().decode().replace("<wbr>", "")
            return answer.status, urllib.parse.urlsplit(answer.url).path, page

    def press(self, page_url: str, page: str, button: str) -> tuple[int, str, str]:
        """Send the form that has this button, with its hidden fields, where it says."""
        forms = re.findall(r"<form([^>]*)>(.*?)</form>", page, re.DOTALL)
        ((attributes, content),) = [one for one in forms if f">{button}</button>" in one[1]]
        assert 'method="post"' in attributes
        action = re.search(r'action="([^"]*)"', attributes)
        fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', content))
        return self.open(urllib.parse.urljoin(page_url, action[1] if action else ""), fields)


def made_link(instance: Instance) -> str:
    link, note = instance.cli("user", "link", "jane").splitlines()
    assert "once, within 24 hours" in note
    return link


@pytest.fixture
def address(instance: Instance, site: str) -> str:
    """Where the site is, which it learns before its first request."""
    instance.write_env(POSTERN_URL=site)
    return site


def test_the_first_user_signs_in_looks_around_and_signs_out(instance: Instance, address: str):
    link = made_link(instance)
    assert re.fullmatch(rf"{re.escape(address)}/sign-in/link/[a-z2-7]{{52}}", link)
    browser = Browser(address)
    assert browser.open(f"{address}/settings/sign-in")[:2] == (200, "/sign-in")

    status, _, page = browser.open(link)
    assert status == 200
    assert list(browser.jar) == []
    status, path, account = browser.press(link, page, "Sign in as jane")
    assert (status, path) == (200, "/aliases")
    assert ALIAS in account.replace("<wbr>", "")
    for page_of, text in (("mailboxes", MAILBOX), ("settings/sign-in", "this browser")):
        assert text in browser.open(f"{address}/{page_of}")[2].replace("<wbr>", "")
    assert [cookie.name for cookie in browser.jar] == ["postern"]

    assert browser.open(link)[0] == 404
    other = Browser(address)
    assert "does not work any more" in other.open(link)[2]
    link = made_link(instance)
    assert other.press(link, other.open(link)[2], "Sign in as jane")[:2] == (200, "/aliases")

    assert browser.press(address, account, "Sign out")[:2] == (200, "/sign-in")
    assert list(browser.jar) == []
    assert browser.open(f"{address}/aliases")[1] == "/sign-in"
    status, path, account = other.open(f"{address}/settings/sign-in")
    assert path == "/settings/sign-in"
    assert other.press(address, account, "Sign out everywhere")[1] == "/sign-in"
    assert instance.query("SELECT count(*) FROM sessions") == [[0]]


def test_who_gets_a_link_from_the_command_line(instance: Instance, address: str):
    first, second = made_link(instance), made_link(instance)
    browser = Browser(address)
    assert browser.open(first)[0] == 404
    assert browser.open(second)[0] == 200
    assert "postern user list" in instance.cli("user", "link", "nobody", code=66)
    instance.query("UPDATE users SET disabled_at = now() RETURNING id")
    assert "disabled" in instance.cli("user", "link", "jane", code=73)
    assert browser.open(second)[0] == 404
    for link in (first, second):
        assert link.rpartition("/")[2] not in instance.log()
