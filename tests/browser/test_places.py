"""Mailboxes and domains in a real browser: added, proven, made the default, taken away."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import EmailMessage

from postern.base.database import SYSTEM
from postern.store import domains
from support.browser import Look, Visitor, few_looks
from support.doh import DohServer
from support.people import SHARED, Person, Site

Visit = Callable[..., Visitor]
MailTo = Callable[[str], EmailMessage]


@few_looks
def test_a_mailbox_is_added_proven_and_taken_away(
    visit: Visit, site: Site, jane: Person, mail_to: MailTo, look: Look
) -> None:
    visitor = visit(jane, look)
    visitor.go("/mailboxes")
    visitor.fill("Address", f"me@{SHARED}")
    visitor.press("Add", status=409)
    visitor.fill("Address", "second@real.example")
    visitor.press("Add")
    visitor.see("A mail is on its way.")
    visitor.shot("mailboxes")
    part = mail_to("second@real.example").get_body(("plain",))
    assert part is not None
    found = re.search(r"(/mailbox/\S+)", str(part.get_content()))
    assert found
    reader = visit(look=look)
    reader.go(found[1])
    reader.shot("mailbox-proof")
    reader.press("Yes, this is mine")
    visitor.go("/mailboxes")
    visitor.press("Make it the default", within="second@real.example")
    visitor.see("This is the default now.")
    visitor.press(f"Delete {jane.handle}@real.example")
    visitor.see("Delete this mailbox?")
    visitor.shot("mailbox-delete")
    visitor.press("Delete")
    visitor.see("Its aliases forward to your default mailbox.")
    visitor.see_no(f"{jane.handle}@real.example")


@few_looks
def test_a_domain_is_claimed_shown_to_be_ones_own_and_deleted(
    visit: Visit, jane: Person, resolver: DohServer, look: Look
) -> None:
    visitor = visit(jane, look)
    visitor.go("/domains")
    visitor.see("No domain of your own")
    visitor.fill("Domain", "jane.example")
    visitor.press("Add")
    record, value = visitor.page.locator(".pairs code").all_inner_texts()
    visitor.shot("domain-claimed")
    visitor.press("Check now", status=409)
    visitor.see("no such TXT record")
    resolver.zone[record] = [f'TXT "{value}"']
    visitor.press("Check now")
    visitor.see("It is yours.")
    visitor.tick(
        "Any address of this domain becomes an alias with its first mail "
        "Make up anything@jane.example on the spot, and give it away."
    )
    visitor.fill("At most so many a day", "5")
    visitor.press("Save")
    visitor.see("Saved.")
    visitor.fill("Note", "For the club")
    visitor.press("Save these")
    visitor.see("Saved.")
    visitor.shot("domain")
    visitor.fill("Type jane.example to delete it", "jane.example")
    visitor.press("Delete this domain")
    visitor.see("Its aliases are gone with it.")


@few_looks
def test_a_subdomain_is_taken(visit: Visit, site: Site, jane: Person, look: Look) -> None:
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.offer_subdomains(db, site.shared.id, True)
    visitor = visit(jane, look)
    visitor.go("/domains")
    visitor.fill("Name", "jane")
    visitor.shot("domains")
    visitor.press("Take it")
    visitor.see(f"jane.{SHARED}")
    visitor.see("verified")
