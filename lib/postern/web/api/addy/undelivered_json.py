"""What did not arrive, as addy.io's clients read it: there all of it is a failed delivery."""

from __future__ import annotations

from postern.store.undelivered import HELD
from postern.web.api.addy.times import moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.keyring import KeyRing
    from postern.store.undelivered import Undelivered

_KINDS = {"forward": ("F", "Forward"), "reply": ("R", "Reply")}
"""Our kind of a message -> addy.io's letter and word."""

_PERMANENT = "5"
"""Class of a status that will not change (RFC 3463 3.1)."""


def shape(ring: KeyRing, one: Undelivered, user: UUID) -> dict[str, object]:
    """The object. What was held has failed nowhere, and texts that clients take no null for are empty then."""
    is_held = one.state == HELD
    letter, word = _KINDS[one.kind]
    address = one.address(ring)
    is_reply = one.contact_uid is not None
    status = _status(one)
    return {
        "id": str(one.uid),
        "user_id": str(user),
        "recipient_id": None if is_reply else str(one.mailbox_uid),
        "recipient_email": None if is_reply else address,
        "alias_id": str(one.alias_uid) if one.alias_uid else None,
        "alias_email": one.alias,
        "bounce_type": "" if is_held else "hard" if status.startswith(_PERMANENT) else "soft",
        "remote_mta": "",
        "sender": one.alias if is_reply else one.summary(ring).get("from"),
        "destination": address,
        "ir_dedupe_key": None,
        "type": "inbound_quarantined" if is_held else "outbound",
        "email_type": letter,
        "email_type_text": word,
        "status": status,
        "code": "" if is_held else one.said(ring),
        "is_stored": one.has_mail,
        "quarantined": is_held,
        "resent": False,
        "attempted_at": moment(one.at),
        "created_at": moment(one.created_at),
        "updated_at": moment(one.at),
    }


def _status(one: Undelivered) -> str:
    """As RFC 3463 writes it. The relay's reply code tells its class alone; without one it was tried for days in vain."""
    if one.state == HELD:
        return ""
    return one.bounced_status or (f"{one.said_code // 100}.0.0" if one.said_code else "4.0.0")
