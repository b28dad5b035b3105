"""A delivery that failed: tried again, or given up, by its user."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import NotFound
from postern.flow import wake
from postern.store import events, held, messages, queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.flow.context import Context


def retry(context: Context, user_id: int, uid: UUID) -> None:
    """Try it again, its days counted anew. NotFound: it did not fail, or its mail is deleted."""
    with context.pool.connection() as db, db.transaction(user_id):
        delivery_id = held.failed_id(db, uid)
        if delivery_id is None or queue.retry(db, delivery_id) is None:
            raise NotFound("This cannot be tried again (any more).", "Load the page again.")
        events.add(db, context.ring, user_id, "retried", delivery_id=delivery_id)
    wake.drain(context)


def drop(context: Context, user_id: int, uid: UUID) -> None:
    """Give it up. NotFound: it did not fail, or was given up already."""
    with context.pool.connection() as db:
        with db.transaction(user_id):
            delivery_id = held.failed_id(db, uid)
            dropped = queue.drop(db, delivery_id) if delivery_id is not None else None
            if dropped is None:
                raise NotFound("This was given up already.", "Load the page again.")
            events.add(db, context.ring, user_id, "dropped", message_id=dropped[1], delivery_id=delivery_id)
        with db.transaction(SYSTEM):
            # Sealed MIME is deleted by the program alone (schema/0006).
            messages.clear_when_done(db, dropped[1])
