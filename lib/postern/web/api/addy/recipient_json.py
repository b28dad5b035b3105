"""A mailbox as addy.io's clients read it: there it is a recipient."""

from __future__ import annotations

from postern.web.api.addy.times import moment, moment_or_none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.keyring import KeyRing
    from postern.store.mailboxes import Mailbox


def shape(ring: KeyRing, mailbox: Mailbox, user: UUID, aliases: int | None) -> dict[str, object]:
    """The object; `aliases`: how many forward to it, left out when None. Nothing here is encrypted with PGP."""
    count = {} if aliases is None else {"aliases_count": aliases}
    return {
        "id": str(mailbox.uid),
        "user_id": str(user),
        "email": mailbox.address(ring),
        "can_reply_send": mailbox.verified_at is not None,
        "should_encrypt": False,
        "inline_encryption": False,
        "protected_headers": False,
        "remove_pgp_keys": False,
        "remove_pgp_signatures": False,
        "fingerprint": None,
        "email_verified_at": moment_or_none(mailbox.verified_at),
        "aliases": [],
        **count,
        "created_at": moment(mailbox.created_at),
        "updated_at": moment(mailbox.verified_at or mailbox.created_at),
    }
