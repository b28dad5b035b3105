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
    "nothing-chosen": ("warn", "Nothing was chosen.", "Tick the aliases first."),
    "aliases-on": ("good", "Turned on.", "They take mail again."),
    "aliases-off": ("good", "Turned off.", "Mail to them is refused from now on."),
    "aliases-pin": ("good", "Pinned.", "They stand first."),
    "aliases-unpin": ("good", "No longer pinned.", ""),
    "aliases-delete": (
        "good",
        "Deleted.",
        "For 30 days you find them under Deleted and can bring them back.",
    ),
    "aliases-restore": ("good", "Brought back.", "They take mail again."),
    "alias-saved": ("good", "Saved.", ""),
    "alias-on": ("good", "Turned on.", "It takes mail again."),
    "alias-off": ("good", "Turned off.", "Mail to it is refused from now on."),
    "alias-restore": ("good", "Brought back.", "It takes mail again."),
    "contact-blocked": ("good", "Blocked.", "Mail of this contact to this alias is refused from now on."),
    "contact-unblocked": ("good", "No longer blocked.", ""),
    "sender-blocked": ("good", "Blocked.", "No alias of yours takes mail from there any more."),
    "sender-unblocked": ("good", "No longer blocked.", ""),
    "mailbox-added": ("good", "A mail is on its way.", "Open the link in it; then the mailbox is confirmed."),
    "proof-sent": ("good", "The mail is on its way again.", "Only the newest link works."),
    "mailbox-default": ("good", "This is the default now.", "New aliases forward to it."),
    "mailbox-resumed": ("good", "It is forwarded to again.", "What waited for it goes out now."),
    "mailbox-deleted": ("good", "Deleted.", "Its aliases forward to your default mailbox."),
    "mail-released": ("good", "Let out.", "It is on its way to your mailbox."),
    "mail-dropped": ("good", "Deleted.", ""),
    "mail-retried": ("good", "It is tried again.", ""),
    "settings-saved": ("good", "Saved.", ""),
    "api-key-revoked": ("good", "Revoked.", "Whatever used it is locked out from now on."),
    "domain-verified": ("good", "It is yours.", "Aliases can be made on it."),
    "domain-saved": ("good", "Saved.", ""),
    "domain-deleted": ("good", "Deleted.", "Its aliases are gone with it."),
    "user-enabled": ("good", "The account is open again.", ""),
    "user-disabled": ("good", "The account is shut.", "It is signed out everywhere, and takes no mail."),
    "user-saved": ("good", "Saved.", ""),
    "user-deleted": ("good", "Deleted.", "All that the account had is gone."),
    "invitation-revoked": ("good", "Revoked.", "The link opens nothing any more."),
    "mail-given-up": ("good", "Given up.", "Its mail is deleted."),
    "welcomed": ("good", "That is all there is to it.", "Make one alias for each purpose."),
    "passkey-added": ("good", "Added.", "It signs you in from now on."),
    "passkey-renamed": ("good", "Saved.", ""),
    "passkey-removed": ("good", "Removed.", "It signs in no more. Delete it from the device, too."),
    "signed-out-others": ("good", "Signed out.", "All other browsers have to sign in again."),
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
    return (
        EMPTY
        if found is None
        else render.render("notice", kind=f"notice-{found[0]}", what=found[1], more=found[2])
    )
