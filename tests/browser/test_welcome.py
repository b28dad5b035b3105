"""The first visit, from the mailed link to the first mail through an alias."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import EmailMessage

from support.browser import Look, Visitor, few_looks
from support.people import Site
from support.receipt import post

Visit = Callable[..., Visitor]
MailTo = Callable[[str], EmailMessage]


def link_in(message: EmailMessage, site: Site) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    found = re.search(re.escape(site.context.config.url) + r"(/mailbox/\S+)", str(part.get_content()))
    assert found
    return found[1]


@few_looks
def test_the_tour_leads_to_the_first_mail(visit: Visit, site: Site, mail_to: MailTo, look: Look) -> None:
    jane = site.person(welcomed=False)
    site.run("DELETE FROM mailboxes WHERE user_id = :id", id=jane.id)
    visitor = visit(jane, look)
    visitor.go("/aliases")
    assert visitor.path == "/welcome"
    visitor.shot("welcome-mailbox")
    visitor.fill("Your address", "jane@real.example")
    visitor.press("Send me the link")
    visitor.shot("welcome-unproven")
    reader = visit()
    reader.go(link_in(mail_to("jane@real.example"), site))
    reader.press("Yes, this is mine")
    visitor.press("I opened it")
    visitor.shot("welcome-alias")
    visitor.press("Make my first alias")
    visitor.shot("welcome-write")
    address = visitor.page.inner_text(".made-address")
    assert post(site, address, mail_from="bob@shop.example")
    if look.script:
        visitor.see("Your mail came in.")  # by itself
    else:
        visitor.press("Look again")
    visitor.shot("welcome-came")
    assert mail_to("jane@real.example")["To"]
    if not look.script:
        visitor.press("Look again")
    visitor.see("It was handed on")
    visitor.shot("welcome-arrived")
    visitor.press("Go to my aliases")
    visitor.see(address)
