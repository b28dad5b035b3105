"""What was just done, in words: an action ends with a redirect to a page, which says it once more.

The address carries only the key (`?said=alias-made`), never words: nobody can make a page say something by a link.
"""

from __future__ import annotations

from postern.web import render
from postern.web.render import EMPTY, Safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.request import Request

SAID = {
    "signed-out-elsewhere": ("good", "Signed out.", "That browser has to sign in again."),
}
"""Key -> kind (good, warn, bad), what was done, and what it means."""


def path(where: str, key: str) -> str:
    """The address of a page that says it. KeyError for what cannot be said."""
    assert key in SAID, key
    return f"{where}{'&' if '?' in where else '?'}said={key}"


def notice(request: Request) -> Safe:
    """What the page has to say of what was done before it; mostly nothing."""
    found = SAID.get(request.query("said"))
    return EMPTY if found is None else render.render("notice", kind=f"notice-{found[0]}", what=found[1], more=found[2])
