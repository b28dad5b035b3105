"""Moving in, in a real browser: a file is chosen, looked at, led to another domain, and taken in."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from support.browser import Look, Visitor, few_looks
from support.people import SHARED, Person, Site

Visit = Callable[..., Visitor]


@few_looks
def test_aliases_of_another_service_are_taken_in(
    visit: Visit, site: Site, jane: Person, look: Look, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "aliases.csv"
    file.write_text(
        "alias,note,enabled,mailboxes\n"
        f"bakery@{SHARED},Bread,true,\n"
        f"old.shop@{SHARED},,false,\n"
        f"postmaster@{SHARED},,true,\n"
        "library@simplelogin.example,Books,true,\n",
        encoding="utf-8",
    )
    visitor = visit(jane, look)
    visitor.go("/settings/data")
    visitor.shot("settings-data")
    visitor.choose_file("File", file)
    visitor.press("Look at it")
    visitor.see("2 new aliases")
    visitor.see("postmaster is reserved.")
    visitor.shot("import")
    visitor.pick("Make them on", SHARED)
    visitor.press("Show what that would make")
    visitor.see("3 new aliases")
    visitor.press("Make 3 aliases")
    visitor.see("3 aliases were made.")
    visitor.shot("import-done")
    visitor.press("See your aliases")
    visitor.see("library")
    visitor.go("/settings/data/import", status=404)
    visitor.see("There is no file to take in (any more).")


def test_a_file_that_is_none_is_said_to_be(visit: Visit, jane: Person, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "aliases.csv"
    file.write_bytes(b"PK\x03\x04")
    visitor = visit(jane)
    visitor.go("/settings/data")
    visitor.choose_file("File", file)
    visitor.press("Look at it", status=400)
    visitor.see("This is a spreadsheet or an archive.")
    visitor.press("Back to Your data")
