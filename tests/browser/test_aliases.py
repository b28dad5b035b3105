"""Aliases in a real browser: made in one click, found, changed together, deleted and brought back; and one in detail."""

from __future__ import annotations

from collections.abc import Callable

from support.browser import DESKTOP, Look, Visitor, every_look, few_looks
from support.people import SHARED, Person, Site
from support.receipt import post

Visit = Callable[..., Visitor]


@every_look
def test_an_alias_is_made_in_one_click_and_copied(visit: Visit, jane: Person, look: Look) -> None:
    visitor = visit(jane, look)
    visitor.go("/aliases")
    visitor.see("No alias yet")
    visitor.shot("aliases-none")
    visitor.press("New alias")
    visitor.see("Your new alias")
    address = visitor.page.inner_text(".made-address")
    assert address.endswith(f"@{SHARED}")
    if look.script:
        visitor.see("Copied")
        assert visitor.page.evaluate("navigator.clipboard.readText()") == address
    visitor.shot("alias-made")


@few_looks
def test_aliases_are_named_found_and_changed_together(visit: Visit, jane: Person, look: Look) -> None:
    visitor = visit(jane, look)
    visitor.go("/aliases")
    for local, note in (("bakery", "Bread"), ("library", "Books"), ("gym", "Never again")):
        visitor.press("Choose the name yourself")
        visitor.fill("Name", local)
        visitor.fill("Note", note)
        visitor.press("Make this alias")
        visitor.see(f"{local}@{SHARED}")
    visitor.press("Choose the name yourself")
    visitor.fill("Name", "postmaster")
    visitor.press("Make this alias", status=400)
    visitor.see("postmaster is reserved.")
    visitor.go("/aliases")
    visitor.fill("Search aliases and notes", "books")
    if look.script:
        visitor.see("1 alias")  # by itself
    else:
        visitor.press("Search")
    visitor.see(f"library@{SHARED}")
    visitor.see_no(f"gym@{SHARED}")
    visitor.go("/aliases")
    visitor.tick(f"Choose gym@{SHARED}")
    visitor.tick(f"Choose bakery@{SHARED}")
    visitor.press("Turn off")
    visitor.see("Turned off.")
    visitor.press(f"bakery@{SHARED} takes mail")
    visitor.see("Turned on.")
    visitor.tick(f"Choose library@{SHARED}")
    visitor.press("Pin")
    visitor.shot("aliases")
    visitor.tick(f"Choose gym@{SHARED}")
    visitor.press("Delete")
    visitor.see_no(f"gym@{SHARED}")
    visitor.go("/aliases?state=deleted")
    visitor.tick(f"Choose gym@{SHARED}")
    visitor.press("Bring back")
    visitor.go("/aliases")
    visitor.see(f"gym@{SHARED}")


@few_looks
def test_one_alias_is_described_written_from_blocked_and_deleted(
    visit: Visit, site: Site, jane: Person, look: Look
) -> None:
    alias = site.alias(jane, "shop")
    assert post(site, alias.address, mail_from="bob@friends.example")
    visitor = visit(jane, look)
    visitor.go("/aliases")
    visitor.press(alias.address)
    visitor.fill("Note", "The shop around the corner")
    visitor.fill("Name in replies", "Jane")
    visitor.tick("Pinned It stands first in the list.")
    visitor.press("Save")
    visitor.see("Saved.")
    visitor.shot("alias")
    visitor.fill("Address", "ann@choir.example")
    visitor.press("Get a reverse address")
    visitor.see("Write to this address")
    visitor.shot("alias-contact")
    visitor.press("Block ann@choir.example")
    visitor.see("Blocked.")
    visitor.press("Unblock ann@choir.example")
    visitor.see("No longer blocked.")
    visitor.press("Delete this alias")
    visitor.see(f"{alias.address} is deleted.")
    visitor.press("Undo")
    visitor.see("Brought back.")


def test_two_keys_make_and_find(visit: Visit, jane: Person) -> None:
    visitor = visit(jane, DESKTOP)
    visitor.go("/aliases")
    visitor.key("n", leads_to="/aliases")
    visitor.see("Your new alias")
    visitor.key("/")
    assert visitor.page.evaluate("document.activeElement.id") == "q"
    visitor.key("n")
    assert visitor.page.input_value("#q") == "n", "while something is typed they are letters"
    visitor.go("/aliases")
    visitor.press("Turn keys off")
    visitor.go("/aliases")
    visitor.key("/")
    assert visitor.page.evaluate("document.activeElement.id") != "q"
