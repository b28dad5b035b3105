"""API keys in a real browser: made, really copied, revoked; with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import EmailMessage

from postern.flow import api_keys as keeping
from support.browser import Look, Visitor, few_looks
from support.people import Person, Site

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
    visitor.press("Make the key")
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
    visitor.press("Make the key")
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
