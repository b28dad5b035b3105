"""The pages that say what went wrong: what happened, what to do, and the way back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.browser import Look, Visitor, every_look
from support.people import Person

Visit = Callable[..., Visitor]


@every_look
def test_an_address_without_a_page_leads_back_to_the_front(visit: Visit, look: Look) -> None:
    visitor = visit(look=look)
    visitor.go("/no-such-page", status=404)
    visitor.see("There is no page at this address.")
    visitor.shot("not-found")
    visitor.press("Go to the front page")
    assert visitor.path == "/"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/sign-out", 405, "This address does not take that method."),
        ("/sign-in/link/abc", 404, "This sign-in link does not work any more."),
        ("/aliases/00000000-0000-4000-8000-000000000000", 404, "alias"),
        ("/admin/queue", 404, "There is no page at this address."),
    ],
)
def test_a_page_that_cannot_be_shown_says_why(
    visit: Visit, jane: Person, path: str, status: int, words: str
) -> None:
    visitor = visit(jane)
    visitor.go(path, status=status)
    visitor.see(words)


def test_a_form_of_an_earlier_session_is_refused_in_words(visit: Visit, jane: Person) -> None:
    visitor = visit(jane)
    visitor.go("/settings/sign-in")
    visitor.page.locator("input[name=csrf]").first.evaluate("field => { field.value = 'f00d' }")
    visitor.press("Sign out", status=403)
    visitor.see("This form does not belong to your session.")
