"""The guide in a real browser: from the contents to a page, a command is copied, and on along the way."""

from __future__ import annotations

from collections.abc import Callable

from postern.store import users
from support.browser import Look, Visitor, few_looks
from support.people import Site


@few_looks
def test_an_admin_reads_the_guide(visit: Callable[..., Visitor], site: Site, look: Look) -> None:
    visitor = visit(site.person(users.ADMIN), look)
    visitor.go("/admin")
    visitor.press("Help")
    visitor.press("The checklist", within="from an empty account to mail")
    visitor.see("python.version")
    visitor.go("/admin/help")
    visitor.press("Install", within="one script")
    visitor.see("From an empty account on a shared host")
    if look.script:
        visitor.page.get_by_role("button", name="Copy").first.click()
        visitor.see("Copied")
        assert (
            visitor.page.evaluate("navigator.clipboard.readText()") == "cd ~/public_html\nunzip ~/postern.zip"
        )
    visitor.press("When it does not work", within="When it does not work")
    assert visitor.page.url.endswith("/admin/help/install#when-it-does-not-work")
    visitor.page.locator("[rel=next]").click()
    visitor.see("The redirect")
    assert visitor.path == "/admin/help/https"
