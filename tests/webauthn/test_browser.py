"""static/passkey.js in Chromium: what the browser makes of our options passes our own checks.

Chromium's virtual authenticator stands for the device. The pages are fulfilled in the browser, under the headers of the site.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

import tiers
from postern.web.response import SECURITY_HEADERS
from postern.webauthn import answer, assertion, options, registration
from postern.webauthn.assertion import Known
from postern.webauthn.options import Owner

pytestmark = pytest.mark.tier("browser")

ORIGIN, RP_ID = "http://localhost", "localhost"
CHALLENGE, HANDLE = os.urandom(32), os.urandom(64)
OWNER = Owner(HANDLE, "jane")
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

PAGE = """<!doctype html><title>t</title><script src="/static/passkey.js" defer></script>
<input id="mail" autocomplete="username webauthn">
<p id="too" data-passkey-too hidden>or</p>
<form method="post" action="/answer" data-passkey="{kind}" data-options="{options}" {more} hidden>
<input type="hidden" name="csrf" value="c"><input type="hidden" name="answer">
<button type="submit">Go</button><p role="alert"></p></form>"""


class Tab:
    """A page of the browser, and the answers that it sent."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.sent: list[str] = []
        self.trouble: list[str] = []
        self.body = ""
        page.route("**/*", self._serve)
        page.on("console", lambda message: self.trouble.append(message.text))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")

    def device(self, **more: object) -> str:
        made = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, **more}})
        return str(made["authenticatorId"])

    def open(self, kind: str, asked: dict[str, object], more: str = "") -> None:
        self.body = PAGE.format(kind=kind, options=html.escape(json.dumps(asked)), more=more)
        self.page.goto(ORIGIN + "/")

    def create(self, taken: Any = ()) -> None:
        self.open("create", options.creation(CHALLENGE, RP_ID, OWNER, taken))
        self.page.click("button")

    def answered(self) -> answer.Answer:
        self.page.wait_for_url("**/answer")
        return answer.parse(self.sent[-1])

    def alert(self) -> str:
        self.page.wait_for_selector("[role=alert]:not(:empty)")
        return str(self.page.inner_text("[role=alert]"))

    def _serve(self, route: Any) -> None:
        if route.request.url.endswith("/static/passkey.js"):
            route.fulfill(path=tiers.TOP / "static/passkey.js", content_type="text/javascript")
            return
        if route.request.method == "POST":
            fields = parse_qs(route.request.post_data, strict_parsing=True)
            assert fields["csrf"] == ["c"]
            self.sent += fields["answer"]
        route.fulfill(body=self.body, content_type="text/html", headers=dict(SECURITY_HEADERS))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = tiers.program("chromium-headless-shell")
        made = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield made
        made.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Tab]:
    context = browser.new_context()
    made = Tab(context.new_page())
    yield made
    context.close()
    assert not made.trouble


def register(tab: Tab) -> registration.Credential:
    tab.create()
    return registration.register(tab.answered(), CHALLENGE, ORIGIN, RP_ID)


def test_a_browsers_passkey_registers_and_signs_in(tab: Tab) -> None:
    tab.device()
    made = register(tab)
    assert made.transports == ("internal",)
    tab.open("get", options.request(CHALLENGE, RP_ID))
    assert tab.page.is_visible("#too")
    tab.page.click("button")
    told = tab.answered()
    assert told.credential_id == made.id
    signed = assertion.sign_in(told, CHALLENGE, ORIGIN, RP_ID, Known(made.public_key, made.sign_count))
    assert signed.user_verified and signed.user_handle == HANDLE and signed.sign_count > made.sign_count


def test_a_passkey_is_offered_where_the_name_goes(tab: Tab) -> None:
    tab.device()
    made = register(tab)
    tab.open("get", options.request(CHALLENGE, RP_ID), 'data-autofill="on"')
    signed = assertion.sign_in(
        tab.answered(), CHALLENGE, ORIGIN, RP_ID, Known(made.public_key, made.sign_count)
    )
    assert signed.user_handle == HANDLE


def test_a_second_passkey_on_one_device_is_refused_in_words(tab: Tab) -> None:
    tab.device()
    made = register(tab)
    tab.create([(made.id, made.transports)])
    assert "already" in tab.alert()
    assert len(tab.sent) == 1


def test_a_device_that_does_not_know_its_user_is_told_so(tab: Tab) -> None:
    tab.device(isUserVerified=False)
    tab.create()
    assert "cancelled" in tab.alert()
    assert not tab.sent


def test_a_site_of_another_name_is_told_so(tab: Tab) -> None:
    tab.open("get", options.request(CHALLENGE, "example.org"))
    tab.page.click("button")
    assert "its own name" in tab.alert()


def test_where_there_are_no_passkeys_the_form_stays_hidden(tab: Tab) -> None:
    tab.page.add_init_script("delete window.PublicKeyCredential")
    tab.open("get", options.request(CHALLENGE, RP_ID), 'data-autofill="on"')
    assert not tab.page.is_visible("form")
    assert not tab.page.is_visible("#too")
