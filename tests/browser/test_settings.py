"""Settings in a real browser: what new aliases are like, taking everything along, and going away for good."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from support.browser import Look, Visitor, few_looks
from support.people import SHARED, Person, Site

Visit = Callable[..., Visitor]


@few_looks
def test_new_aliases_are_as_was_chosen(visit: Visit, jane: Person, look: Look) -> None:
    visitor = visit(jane, look)
    visitor.go("/settings")
    visitor.page.get_by_role("radio", name=re.compile("^A UUID")).check()
    visitor.shot("settings")
    visitor.press("Save")
    visitor.see("Saved.")
    visitor.go("/aliases")
    visitor.press("New alias")
    assert re.fullmatch(rf"[0-9a-f-]{{36}}@{SHARED}", visitor.page.inner_text(".made-address"))


@few_looks
def test_everything_is_taken_along_and_the_account_deleted(
    visit: Visit, site: Site, jane: Person, look: Look
) -> None:
    site.alias(jane, "shop")
    visitor = visit(jane, look)
    visitor.go("/settings/data")
    found = json.loads(visitor.download("Download everything (JSON)"))
    assert [one["address"] for one in found["aliases"]] == [f"shop@{SHARED}"]
    assert visitor.download("For SimpleLogin (CSV)").startswith(b"alias,note,enabled,mailboxes")
    assert visitor.download("For addy.io (CSV)").startswith(b"alias,description,recipients")
    visitor.fill(f"Type {jane.handle} to delete your account", "somebody")
    visitor.press("Delete my account", status=400)
    visitor.see("nothing was deleted")
    visitor.fill(f"Type {jane.handle} to delete your account", jane.handle)
    visitor.press("Delete my account")
    visitor.see("Your account is deleted")
    visitor.shot("account-deleted")
    visitor.go("/aliases")
    assert visitor.path == "/sign-in"
    assert site.run("SELECT count(*) FROM aliases") == [[0]]
