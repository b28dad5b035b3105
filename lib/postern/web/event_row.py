"""Events as rows of a list: each kind in words."""

from __future__ import annotations

from postern.base.errors import SealBroken
from postern.web import render, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.keyring import KeyRing
    from postern.store.activity import Told
    from postern.web.render import Safe

WORDS = {
    "received": ("", "Received", "A message came in."),
    "replied": ("", "Replied", "You wrote a message."),
    "held": ("badge-warn", "Held", "A message waits in quarantine."),
    "released": ("badge-good", "Released", "You let a message out of quarantine."),
    "sent": ("badge-good", "Delivered", "A message was handed on."),
    "failed": ("badge-bad", "Failed", "A message could not be delivered."),
    "retried": ("", "Tried again", "You had it tried again."),
    "dropped": ("badge-warn", "Dropped", "A message was given up."),
    "bounced": ("badge-bad", "Bounced", "It came back after it was handed on."),
    "oversize": ("badge-bad", "Too large", "A message was refused for its size."),
    "blocked": ("badge-warn", "Blocked", "Mail was refused."),
    "refused": (
        "badge-bad",
        "Refused",
        "Mail to a reverse address was not sent on.",
    ),
    "paused": ("badge-bad", "Paused", "A mailbox was paused: too much bounced."),
}
"""Kind -> badge, its word, and what it means; a test holds it against store/events.KINDS."""

_TOLD = ("from", "why", "said", "status")
"""Keys of a note that are shown, in this order."""

_POLITE = ("sent", "said")
"""What a server says that takes a message is a number for its own log."""


def rows(ring: KeyRing, found: Sequence[Told]) -> Safe:
    """The list, newest first as they come."""
    if not found:
        return render.render("event_none")
    return render.render("event_list", rows=render.join(_row(ring, one) for one in found))


def _row(ring: KeyRing, event: Told) -> Safe:
    kind, word, meaning = WORDS[event.kind]
    return render.render(
        "event_row",
        kind=kind,
        what=word,
        note=" ".join([meaning, *_details(ring, event)]),
        about=_about(ring, event),
        at=times.minute(event.at),
    )


def _about(ring: KeyRing, event: Told) -> Safe:
    """Which alias and which contact it is about, as far as they are known and still there."""
    about = []
    if event.alias:
        about.append(
            render.render("event_alias", uid=str(event.alias_uid), address=render.address(event.alias))
        )
    try:
        contact = event.contact(ring)
    except SealBroken:
        contact = ""
    if contact:
        about.append(render.render("event_contact", address=render.address(contact)))
    return render.render("event_about", about=render.join(about)) if about else render.EMPTY


def _details(ring: KeyRing, event: Told) -> list[str]:
    try:
        note = event.note(ring)
    except SealBroken:
        return ["(Its key is not in the key ring.)"]
    told = [name for name in _TOLD if note.get(name) and (event.kind, name) != _POLITE]
    return [f"{name.capitalize()}: {note[name]}." for name in told]
