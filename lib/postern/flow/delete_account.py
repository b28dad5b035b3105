"""Deleting an account: everything goes, at once and for good.

What remains are keyed hashes of the addresses that it had on shared domains, so that nobody gets them again, and a line about
the deletion, without an address, among the admin acts. Backups made before still hold it until they are deleted in turn.
"""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.store import admin_acts, retired, users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.users import User


def delete(context: Context, user_id: int, actor: str) -> bool:
    """Delete it; `actor` is the handle of who does it, or admin_acts.OPERATOR. False when it is gone already."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        # Rows of several tables and sealed MIME: the program's own work. Whose account it is, the caller has checked.
        user = users.get(db, user_id)
        if user is None:
            return False
        delete_within(context, db, user, actor)
    context.log.info("account.deleted", user=user_id, actor=actor)
    return True


def delete_within(context: Context, db: Database, user: User, actor: str) -> None:
    """The same inside a transaction of the caller, as SYSTEM."""
    retired.retire_all(db, context.ring, user.id)
    users.delete(db, user.id)
    admin_acts.add(db, actor, "delete user", user.handle)
