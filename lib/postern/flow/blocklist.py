"""The blocklist: senders from whom no alias of a user takes mail. What happens to such mail: flow/policy.py."""

from __future__ import annotations

from postern.base.errors import BadInput, PosternError
from postern.flow import own_domain
from postern.mail.address import normalise, parse_address
from postern.store import blocked_senders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.flow.context import Context
    from postern.store.blocked_senders import BlockedSender

MOST = 1_000
"""Entries of a user: they are sealed, so that whoever searches or sorts them opens all."""


class Full(PosternError):
    """The user has as many as he may."""

    http_status = 403

    def __init__(self) -> None:
        super().__init__(f"You have all {MOST:,} entries that you may have.", "Delete some first.")


def read(kind: str, typed: str) -> str:
    """What was typed, as it is kept. BadInput when it is no address, or no domain."""
    if kind not in blocked_senders.KINDS:
        raise BadInput("The type is none.", "Send email or domain.")
    if kind == blocked_senders.EMAIL:
        return normalise(str(parse_address(typed)))
    return own_domain.read_name(typed.strip().removeprefix("@"))


def add(context: Context, user_id: int, kind: str, typed: Sequence[str]) -> list[BlockedSender]:
    """Block all of them; those that are new. BadInput, Full: then none is."""
    values = dict.fromkeys(read(kind, one) for one in typed)
    with context.pool.connection() as db, db.transaction(user_id):
        room = MOST - blocked_senders.count(db, user_id)
        made = [blocked_senders.add(db, context.ring, user_id, kind, value) for value in values]
        new = [one for one in made if one is not None]
        if len(new) > room:
            raise Full
    return new
