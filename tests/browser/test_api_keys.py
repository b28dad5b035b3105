"""API keys, app passwords and apps in a real browser: made, really copied, scanned, revoked; with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import EmailMessage

from postern.flow import api_keys as keeping
from postern.flow import app_passwords
from postern.flow.app_passwords import Device
from support.browser import Look, Visitor, few_looks
from support.people import Person, Site
from support.scan import scan

Visit = Callable[..., Visitor]
MailTo = Callable[[str], EmailMessage]

PAGE = "/settings/api-keys"


@few_looks
def test_a_key_is_made_copied_and_revoked(
    visit: Visit, site: Site, jane: Person, mail_to: MailTo, look: Look
) -> None:
    visitor = visit(jane, look)
    visitor.go(PAGE)
    visitor.see("No key yet")
    visitor.shot("api-keys-none")
    visitor.fill("Name", "Password manager on my phone")
    visitor.tick("Everything It can do everything, even delete the account.")
    visitor.pick("How long it works", "90 days")
    visitor.press("Make it")
    visitor.shot("api-key-made")
    key = visitor.page.inner_text(".made code")
    assert re.fullmatch(r"postern[a-z2-7]{52}", key)
    if look.script:
        visitor.press("Copy the key")
        visitor.see("Copied")
        assert visitor.page.evaluate("navigator.clipboard.readText()") == key
    found = keeping.use(site.context, key)
    assert found is not None and (found.user_id, found.scope) == (jane.id, "all")
    assert "Password manager" in str(mail_to(f"{jane.handle}@real.example").get_body(("plain",)))
    visitor.press("I have it")
    assert visitor.path == PAGE
    visitor.fill("Name", "An old script")
    visitor.press("Make it")
    visitor.go(PAGE)
    site.run("UPDATE api_keys SET expires_at = now() WHERE scope = 'aliases'")
    visitor.go(PAGE)
    visitor.see("expired")
    visitor.see_no(key)
    visitor.shot("api-keys")
    visitor.press("Revoke Password manager on my phone")
    visitor.see("Revoked.")
    visitor.see_no("Password manager on my phone")
    assert keeping.use(site.context, key) is None


def scanned(visitor: Visitor) -> str:
    """What a camera reads off the code on the page."""
    return scan(visitor.page.locator(".qr").screenshot())


@few_looks
def test_an_app_is_set_up_by_its_steps(visit: Visit, site: Site, jane: Person, look: Look) -> None:
    visitor = visit(jane, look)
    visitor.go("/settings")
    visitor.press("Apps")
    url = site.context.config.url.rstrip("/")
    assert scanned(visitor) == url
    visitor.press("addy.io, for Android and iOS")
    visitor.see("scan the code that is shown beside it")
    visitor.shot("apps")
    visitor.press("Make a key for addy.io, for Android and iOS")
    assert visitor.page.input_value("#name") == "addy.io, for Android and iOS"
    visitor.press("Make it")
    key = visitor.page.inner_text(".made code")
    assert scanned(visitor) == f"{url}|{key}"
    found = keeping.use(site.context, key)
    assert found is not None and (found.user_id, found.scope) == (jane.id, "all")


@few_looks
def test_an_app_password_is_made_and_signs_an_app_in(
    visit: Visit, site: Site, jane: Person, look: Look
) -> None:
    visitor = visit(jane, look)
    visitor.go("/settings/apps?app=simplelogin-phone")
    visitor.press("Make an app password for SimpleLogin, for Android and iOS")
    visitor.press("Make it")
    visitor.shot("app-password-made")
    password, login = (
        visitor.page.inner_text(".made code"),
        visitor.page.inner_text(".pairs dd:nth-of-type(2) code"),
    )
    assert login == f"{jane.handle}@real.example"
    entered = app_passwords.sign_in(site.context, login, password, Device("Pixel 9", "192.0.2.1"))
    visitor.press("I have it")
    visitor.see("made with “SimpleLogin, for Android and iOS” on")
    visitor.see_no(password)
    visitor.shot("app-passwords")
    visitor.press("Revoke SimpleLogin, for Android and iOS")
    visitor.see_no("Pixel 9")
    assert keeping.use(site.context, entered.key) is None
