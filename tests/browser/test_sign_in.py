"""Signing in by a mailed link, by its code on another device, and by the operator's link; sessions; signing out."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import EmailMessage

from postern.base.database import SYSTEM
from postern.flow import sign_in
from support.browser import PHONE, Look, Visitor, few_looks
from support.people import Person, Site

Visit = Callable[..., Visitor]
MailTo = Callable[[str], EmailMessage]


def ask(visitor: Visitor, address: str) -> None:
    visitor.go("/sign-in")
    visitor.fill("Your mailbox", address)
    visitor.press("Mail me a link")


def words(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(message: EmailMessage, site: Site) -> str:
    found = re.search(re.escape(site.context.config.url) + r"(/sign-in/mail/\S+)", words(message))
    assert found, words(message)
    return found[1]


def code_in(message: EmailMessage) -> str:
    found = re.search(r"^([0-9A-Z]{4}-[0-9A-Z]{4})\s*$", words(message), re.MULTILINE)
    assert found, words(message)
    return found[1]


def operators_link(site: Site, person: Person) -> str:
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        return sign_in.make_link(site.context, db, person.user)[len(site.context.config.url) :]


@few_looks
def test_a_mailed_link_signs_in_and_the_button_signs_out(
    visit: Visit, site: Site, jane: Person, mail_to: MailTo, look: Look
) -> None:
    visitor = visit(look=look)
    visitor.go("/")
    visitor.shot("front")
    visitor.go("/aliases")
    assert visitor.path == "/sign-in"
    visitor.shot("sign-in")
    ask(visitor, f"{jane.handle}@real.example")
    visitor.see("Look at your mail")
    visitor.shot("sign-in-code")
    visitor.go(link_in(mail_to(f"{jane.handle}@real.example"), site))
    visitor.shot("sign-in-link")
    visitor.press(f"Sign in as {jane.handle}")
    assert visitor.path == "/aliases"
    visitor.go("/settings/sign-in")
    visitor.see("this browser")
    visitor.shot("settings-sign-in")
    visitor.press("Sign out")
    assert visitor.path == "/sign-in"
    visitor.go("/aliases")
    assert visitor.path == "/sign-in"


def test_the_code_signs_in_where_it_was_asked_for_and_the_link_nowhere_else(
    visit: Visit, site: Site, jane: Person, mail_to: MailTo
) -> None:
    desktop, phone = visit(), visit(look=PHONE)
    ask(desktop, f"{jane.handle}@real.example")
    mail = mail_to(f"{jane.handle}@real.example")
    phone.go(link_in(mail, site))
    phone.see("Go back to the other device")
    phone.shot("sign-in-elsewhere")
    desktop.fill("Code", "AAAA-AAAA")
    desktop.press("Sign in", status=400)
    desktop.see("This code does not work.")
    desktop.fill("Code", code_in(mail).lower())
    desktop.press("Sign in")
    assert desktop.path == "/aliases"
    phone.go("/aliases")
    assert phone.path == "/sign-in"


def test_the_operators_link_works_once(visit: Visit, site: Site, jane: Person) -> None:
    visitor, thief = visit(look=PHONE), visit()
    link = operators_link(site, jane)
    visitor.go(link)
    visitor.press(f"Sign in as {jane.handle}")
    thief.go(link, status=404)
    thief.see("This sign-in link does not work any more.")
    thief.shot("dead-link")


def test_two_people_see_what_is_theirs(visit: Visit, site: Site, jane: Person, other: Person) -> None:
    site.alias(jane, "shop")
    site.alias(other, "bank")
    for person, own, foreign in (
        (jane, "shop@alias.example", "bank@"),
        (other, "bank@alias.example", "shop@"),
    ):
        visitor = visit(person)
        visitor.go("/aliases")
        visitor.see(own)
        visitor.see_no(foreign)


def test_a_session_is_ended_from_another_browser(visit: Visit, jane: Person) -> None:
    desktop, phone = visit(jane), visit(jane, PHONE)
    desktop.go("/settings/sign-in")
    desktop.press("Sign out all others")
    desktop.see("this browser")
    phone.go("/aliases")
    assert phone.path == "/sign-in"
    desktop.press("Sign out everywhere")
    assert desktop.path == "/sign-in"
