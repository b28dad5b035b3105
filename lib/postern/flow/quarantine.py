"""Quarantine: mail that is held until its user lets it out or gives it up. Why something is held: flow/policy.py."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import Conflict
from postern.flow import wake
from postern.store import events, holds, messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed
    from postern.store.holds import Moved


class NotHeld(Conflict):
    """It was let out, given up, or its time ran out."""

    def __init__(self) -> None:
        super().__init__("This message is no longer held.", "Load the page again.")


def hold_paused(context: Context, db: Database, batch: list[Claimed]) -> list[Claimed]:
    """Hold what was claimed for a paused mailbox, as if it came now; returns the rest. Inside the transaction of the claim."""
    waiting = [one.id for one in batch if one.paused]
    if not waiting:
        return batch
    for moved in holds.hold(db, batch[0].lease, waiting):
        _tell(context, db, moved.user_id, moved, "held")
        context.log.info("delivery.held", delivery=moved.id)
    return [one for one in batch if not one.paused]


def release(context: Context, user_id: int, delivery_id: int) -> None:
    """Let it out: it is delivered now. NotHeld; Conflict when no mailbox of the alias takes mail."""
    with context.pool.connection() as db, db.transaction(user_id):
        if holds.waits_for_mailbox(db, delivery_id):
            raise Conflict("Its mailbox is paused.", "Press “Forward to it again” under Mailboxes first.")
        moved = holds.release(db, delivery_id)
        if moved is None:
            raise NotHeld
        _tell(context, db, user_id, moved, "released")
    wake.drain(context)


def drop(context: Context, user_id: int, delivery_id: int) -> None:
    """Give it up. NotHeld."""
    with context.pool.connection() as db:
        with db.transaction(user_id):
            moved = holds.drop(db, delivery_id)
            if moved is None:
                raise NotHeld
            _tell(context, db, user_id, moved, "dropped")
        with db.transaction(SYSTEM):
            # Sealed MIME is deleted by the program alone (schema/0006).
            messages.clear_when_done(db, moved.message_id)


def expire(context: Context, db: Database) -> int:
    """Give up what waited for POSTERN_QUARANTINE_DAYS; returns how many. Inside a transaction of the program's own."""
    moved = holds.expire(db, context.config.quarantine_days)
    for one in moved:
        _tell(context, db, one.user_id, one, "dropped")
        messages.clear_when_done(db, one.message_id)
    return len(moved)


def _tell(context: Context, db: Database, user_id: int, moved: Moved, kind: str) -> None:
    events.add(
        db,
        context.ring,
        user_id,
        kind,
        alias_id=moved.alias_id,
        message_id=moved.message_id,
        delivery_id=moved.id,
    )
