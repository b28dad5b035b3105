"""Things by the uids in paths and bodies: those of somebody else are as those that do not exist."""

from __future__ import annotations

from postern.base.errors import BadInput, NotFound
from postern.store import aliases, domains, mailboxes
from postern.web import ids
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from postern.base.database import Database
    from postern.store.aliases import Alias
    from postern.store.domains import Domain
    from postern.store.mailboxes import Mailbox
    from postern.web.api.given import Given

MOST_AT_ONCE = 25
"""Aliases in a bulk call."""

MOST_RECIPIENTS = 10


class Gone(NotFound):
    """There is no such thing of this user's."""

    def __init__(self) -> None:
        super().__init__("No such thing.", "Load your list again.")


def read(text: str) -> UUID:
    """The uid that a path or a body names. Gone when it is none."""
    found = ids.uid_or_none(text)
    if found is None:
        raise Gone
    return found


def alias(db: Database, uid: str) -> Alias:
    """The alias, deleted or not. Gone."""
    found = aliases.get(db, read(uid))
    if found is None:
        raise Gone
    return found


def mailbox(db: Database, uid: str) -> Mailbox:
    """The mailbox, which clients call a recipient. Gone."""
    found = mailboxes.get(db, read(uid))
    if found is None:
        raise Gone
    return found


def place(db: Database, user_id: int, uid: str, is_subdomain: bool) -> Domain:
    """The user's own domain, or his subdomain of a shared one, which clients call a username. Gone."""
    found = domains.get(db, read(uid))
    if found is None or found.user_id != user_id or (found.parent_id is not None) is not is_subdomain:
        raise Gone
    return found


def many(given: Given, most: int = MOST_AT_ONCE) -> list[UUID]:
    """The field `ids` of a bulk call. Wrong."""
    found = [ids.uid_or_none(text) for text in given.texts("ids")]
    known = [uid for uid in found if uid is not None]
    if not known or len(known) < len(found) or len(set(known)) < len(known) or len(known) > most:
        raise Wrong("ids", f"The ids must be 1 to {most} different ids.", "Send them as a list.")
    return known


def recipients(db: Database, user_id: int, given: Given) -> list[int]:
    """The mailboxes of the field `recipient_ids`; where none is named, the default one. Wrong, BadInput."""
    wanted = given.texts("recipient_ids")
    own = [one for one in mailboxes.of_user(db, user_id) if one.verified_at is not None]
    if not wanted:
        return _default(own)
    chosen = [one.id for one in own if str(one.uid) in wanted]
    if len(wanted) > MOST_RECIPIENTS or len(chosen) < len(set(wanted)):
        raise Wrong("recipient_ids", "Invalid Recipient.", "Choose among your confirmed ones.")
    return chosen


def _default(own: Sequence[Mailbox]) -> list[int]:
    found = [one.id for one in own if one.is_default]
    if not found:
        raise BadInput(
            "There is no recipient to forward to yet.", "Add one, and open the link that is mailed to it."
        )
    return found
