"""Events as rows of a list: each kind in words."""

from __future__ import annotations

from postern.base.errors import SealBroken
from postern.web import render, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.keyring import KeyRing
    from postern.store.events import Event
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


def rows(ring: KeyRing, found: Sequence[Event]) -> Safe:
    """The list, newest first as they come."""
    if not found:
        return render.render("event_none")
    return render.render("event_list", rows=render.join(_row(ring, one) for one in found))


def _row(ring: KeyRing, event: Event) -> Safe:
    kind, word, meaning = WORDS[event.kind]
    return render.render(
        "event_row",
        kind=kind,
        what=word,
        note=" ".join([meaning, *_details(ring, event)]),
        at=times.minute(event.at),
    )


def _details(ring: KeyRing, event: Event) -> list[str]:
    try:
        note = event.note(ring)
    except SealBroken:
        return ["(Its key is not in the key ring.)"]
    return [f"{name.capitalize()}: {note[name]}." for name in _TOLD if note.get(name)]
