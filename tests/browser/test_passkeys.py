"""Passkeys in a real browser: added, signing in by the button and by autofill, removed; and where there can be none."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import pytest

from support.browser import PHONE, Look, Visitor
from support.people import Person

Visit = Callable[..., Visitor]
MailTo = Callable[[str], EmailMessage]

PAGE = "/settings/sign-in"
IN_LOOKS_WITH_SCRIPT = pytest.mark.parametrize(
    "look", [Look(device, theme) for device in ("desktop", "phone") for theme in ("light", "dark")], ids=str
)


def add(visitor: Visitor, name: str) -> None:
    visitor.go(PAGE)
    visitor.fill("Name of the new passkey", name)
    visitor.press("Add a passkey", leads_to=PAGE)


@IN_LOOKS_WITH_SCRIPT
def test_a_passkey_is_added_signs_in_and_is_removed(
    visit: Visit, jane: Person, mail_to: MailTo, look: Look
) -> None:
    visitor = visit(jane, look)
    device = visitor.authenticator()
    add(visitor, "Jane's laptop")
    visitor.see("Jane's laptop")
    visitor.see("not used yet")
    visitor.shot("passkeys")
    assert "Jane's laptop" in str(mail_to(f"{jane.handle}@real.example").get_body(("plain",)))
    assert len(device.credentials) == 1
    device.touch(on=False)
    visitor.press("Sign out")
    visitor.shot("passkey-sign-in")
    device.touch()
    visitor.press("Sign in with a passkey", leads_to="/aliases")
    visitor.go(PAGE)
    visitor.see("last used")
    visitor.press("Change Jane's laptop")
    visitor.shot("passkey")
    visitor.fill("Name", "The old laptop")
    visitor.press("Save")
    visitor.see("The old laptop")
    visitor.press("Change The old laptop")
    visitor.press("Remove this passkey")
    visitor.see_no("The old laptop")
    device.touch(on=False)
    visitor.press("Sign out")
    device.touch()
    visitor.press("Sign in with a passkey", leads_to="/sign-in/passkey", status=400)
    visitor.see("This passkey opens no account here.")
    visitor.shot("passkey-removed")


def test_the_browser_offers_a_passkey_where_the_address_is_typed(visit: Visit, jane: Person) -> None:
    visitor = visit(jane, PHONE)
    visitor.authenticator()
    add(visitor, "Phone")
    visitor.press("Sign out", leads_to="/aliases")


def test_who_does_not_show_who_he_is_adds_none(visit: Visit, jane: Person) -> None:
    visitor = visit(jane)
    device = visitor.authenticator()
    device.refuse()
    visitor.go(PAGE)
    visitor.press("Add a passkey")
    visitor.see("No passkey was used")
    assert device.credentials == []


def test_without_a_script_the_page_says_what_is_needed(visit: Visit, jane: Person) -> None:
    visitor = visit(jane, Look(script=False))
    visitor.go(PAGE)
    visitor.see("This browser adds none here")
