"""Mail and the pages, in a real browser: what came, what is held, what failed; and the block button of a mail program."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from email.message import EmailMessage

from postern.base.database import SYSTEM
from postern.store import preferences
from postern.store.preferences import Preferences
from support.browser import Look, Visitor, few_looks
from support.mail import message
from support.people import Person, Site
from support.receipt import DMARC_FAIL, post
from support.relay import ScriptedRelay

Visit = Callable[..., Visitor]
MailTo = Callable[[str], EmailMessage]

FORGED = f"Received: from x by cloudflare-email.net; now\r\nAuthentication-Results: {DMARC_FAIL}\r\n".encode()


@few_looks
def test_what_came_is_told_and_what_is_held_is_let_out(
    visit: Visit, site: Site, jane: Person, mail_to: MailTo, look: Look
) -> None:
    alias = site.alias(jane, "shop")
    for subject in ("Your bill", "Win a car"):
        mime = FORGED + message(subject, From="Bob <bob@shop.example>")
        assert post(site, alias.address, mime) == "stored"
    assert post(site, alias.address, message("Hello", From="Bob <bob@shop.example>")) == "stored"
    assert mail_to(f"{jane.handle}@real.example")["Subject"] == "Hello"
    visitor = visit(jane, look)
    visitor.go("/activity")
    visitor.shot("activity")
    visitor.pick("Kind", "Held")
    visitor.press("Show")
    visitor.press("Quarantine")
    visitor.see("claims to be from Bob")
    visitor.shot("quarantine")
    assert b"Subject: Your bill" in visitor.download("Download Your bill")
    visitor.press("Delete Win a car")
    visitor.see_no("Win a car")
    visitor.press("Deliver it Your bill")
    visitor.see("Let out.")
    visitor.see("Nothing is held")
    assert mail_to(f"{jane.handle}@real.example")["Subject"] == "Your bill"


@few_looks
def test_what_failed_is_explained_and_tried_again(
    visit: Visit, site: Site, jane: Person, relay: ScriptedRelay, look: Look
) -> None:
    alias = site.alias(jane, "shop")
    assert post(site, alias.address, message("Lost")) == "stored"
    site.run(
        "UPDATE deliveries SET state = 'failed', finished_at = now(), attempts = 1, said_stage = 'rcpt', said_code = 550"
    )
    visitor = visit(jane, look)
    visitor.go("/failed")
    visitor.see("Lost")
    visitor.see("The other server refused it.")
    visitor.shot("failed")
    assert b"Subject: Lost" in visitor.download("Download")
    visitor.press("Try again")
    visitor.see("It is tried again.")
    site.instance.finish()
    assert [one.rcpt_to for one in relay.messages] == [(f"{jane.handle}@real.example",)]


def test_a_sender_is_blocked_by_one_click_in_a_mail_program_or_on_the_page_behind_it(
    visit: Visit, site: Site, jane: Person, mail_to: MailTo
) -> None:
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        preferences.save(db, jane.id, Preferences(offer_block=True))
    alias = site.alias(jane, "shop")
    for sender in ("bob", "ann"):
        mime = message(f"News of {sender}", From=f"{sender}@shop.example")
        assert post(site, alias.address, mime) == "stored"
        mail = mail_to(f"{jane.handle}@real.example")
        link = str(mail["List-Unsubscribe"]).strip("<>")
        if sender == "bob":  # RFC 8058: the mail program posts, nobody is asked
            assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            with urllib.request.urlopen(link, b"List-Unsubscribe=One-Click") as answer:
                assert answer.status == 200
        else:
            visitor = visit()
            visitor.go(link[len(site.context.config.url) :])
            visitor.shot("block")
            visitor.press("Block")
            visitor.see("Nothing of this sender reaches that alias any more.")
        assert post(site, alias.address, mime).startswith("5.7.1")
