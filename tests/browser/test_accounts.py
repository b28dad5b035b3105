"""Opening an account by an invitation, and getting in with a recovery code."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import EmailMessage

from postern.base.database import SYSTEM
from postern.flow import registration
from support.browser import Look, Visitor, few_looks
from support.people import Person, Site

Visit = Callable[..., Visitor]
MailTo = Callable[[str], EmailMessage]

CODE = r"(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}"


def code_in(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    found = re.search(r"^([0-9A-Z]{4}-[0-9A-Z]{4})\s*$", str(part.get_content()), re.MULTILINE)
    assert found
    return found[1]


@few_looks
def test_an_invitation_leads_to_an_account(visit: Visit, site: Site, mail_to: MailTo, look: Look) -> None:
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        link = registration.invite(site.context, db, "operator", "user", "", 7)
    visitor = visit(look=look)
    visitor.go(link[len(site.context.config.url) :])
    visitor.shot("registration")
    visitor.fill("Your name here", "operator")
    visitor.fill("Your mailbox", "zoe@real.example")
    visitor.press("Mail me a link", status=400)
    visitor.see("is reserved")
    visitor.shot("registration-wrong")
    visitor.fill("Your name here", "zoe")
    visitor.press("Mail me a link")
    visitor.fill("Code", code_in(mail_to("zoe@real.example")))
    visitor.press("Sign in")
    assert visitor.path == "/welcome"
    visitor.see("Welcome, zoe")


@few_looks
def test_a_recovery_code_opens_the_door_without_mail(
    visit: Visit, site: Site, jane: Person, look: Look
) -> None:
    visitor = visit(jane, look)
    visitor.go("/settings/sign-in")
    visitor.see("You have none")
    visitor.shot("settings-sign-in")
    visitor.press("Make ten new codes")
    visitor.shot("recovery-codes")
    made = re.findall(CODE, visitor.page.inner_text("main ul"))
    assert len(set(made)) == 10
    assert re.findall(CODE, visitor.download("Download as text").decode()) == made
    visitor.press("I have them")
    visitor.see("You have 10 left")
    stranger = visit(look=look)
    stranger.go("/sign-in")
    stranger.press("Use a recovery code")
    stranger.shot("recovery")
    stranger.fill("Your name here", jane.handle)
    stranger.fill("Recovery code", "0000-0000-0000-0000")
    stranger.press("Sign in", status=400)
    stranger.see("do not fit")
    stranger.fill("Recovery code", made[0].lower())
    stranger.press("Sign in")
    assert stranger.path == "/aliases"
    stranger.go("/settings/sign-in")
    stranger.see("You have 9 left")
