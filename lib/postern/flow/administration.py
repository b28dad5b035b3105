"""What an admin does to other people's accounts and to the instance. Each act leaves a line among the admin acts.

All of it is the program's own work (SYSTEM): rows of other users. Who asks is looked at again inside the transaction, with all
admins locked. An admin cannot shut, demote or delete himself: so there is always one left.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, Conflict, NotFound
from postern.flow import delete_account, registration, wake
from postern.store import admin_acts, events, messages, queue, quotas, sessions, users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.quotas import Limits
    from postern.store.sessions import SignedIn
    from postern.store.users import User


@contextmanager
def _as_admin(context: Context, admin: SignedIn) -> Iterator[Database]:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if admin.user_id not in users.lock_admins(db):
            raise NotFound("You are no admin any more.", "Ask another admin, or the operator.")
        yield db


def _find(db: Database, uid: UUID) -> User:
    user = users.of_uid(db, uid)
    if user is None:
        raise NotFound("There is no such user (any more).", "Go to Admin, and choose one.")
    return user


def _find_other(db: Database, admin: SignedIn, uid: UUID) -> User:
    user = _find(db, uid)
    if user.id == admin.user_id:
        raise Conflict("This is your own account.", "Ask another admin, or the operator, to change it.")
    return user


def switch(context: Context, admin: SignedIn, uid: UUID, disabled: bool) -> None:
    """Shut an account, which signs it out everywhere, or open it again. NotFound, Conflict."""
    with _as_admin(context, admin) as db:
        user = _find_other(db, admin, uid)
        if disabled:
            sessions.end_all(db, user.id)
        if users.disable(db, user.id, disabled):
            admin_acts.add(db, admin.handle, "disable user" if disabled else "enable user", user.handle)


def set_role(context: Context, admin: SignedIn, uid: UUID, role: str) -> None:
    """Make somebody one of users.ROLES. NotFound, Conflict, BadInput."""
    if role not in users.ROLES:
        raise BadInput("There is no such role.", f"Choose one of: {', '.join(users.ROLES)}.")
    with _as_admin(context, admin) as db:
        user = _find_other(db, admin, uid)
        if users.set_role(db, user.id, role):
            admin_acts.add(db, admin.handle, "set role", user.handle, role)


def set_quotas(context: Context, admin: SignedIn, uid: UUID, wanted: Limits) -> None:
    """Set what somebody may have and use. NotFound."""
    with _as_admin(context, admin) as db:
        user = _find(db, uid)
        before, after = asdict(quotas.own(db, user.id)), asdict(wanted)
        changes = [
            f"{name} {'instance' if after[name] is None else after[name]}"
            for name in quotas.NAMES
            if before[name] != after[name]
        ]
        if changes:
            quotas.set_own(db, user.id, wanted)
            admin_acts.add(db, admin.handle, "set quota", user.handle, ", ".join(changes))


def delete(context: Context, admin: SignedIn, uid: UUID, typed: str) -> None:
    """Delete an account for good; its handle must have been typed. NotFound, Conflict, BadInput."""
    with _as_admin(context, admin) as db:
        user = _find_other(db, admin, uid)
        if typed != user.handle:
            raise BadInput(
                "That is not the name of the account; nothing was deleted.",
                f"Type {user.handle} to delete it.",
            )
        delete_account.delete_within(context, db, user, admin.handle)
    context.log.info("account.deleted", user=user.id, actor=admin.handle)


def invite(context: Context, admin: SignedIn, role: str, note: str, days: int) -> str:
    """A link that opens one account; it is shown now or never. BadInput."""
    if role not in users.ROLES:
        raise BadInput("There is no such role.", f"Choose one of: {', '.join(users.ROLES)}.")
    with _as_admin(context, admin) as db:
        link = registration.invite(context, db, admin.handle, role, note, days)
        admin_acts.add(db, admin.handle, "make invitation", role)
    return link


def revoke_invitation(context: Context, admin: SignedIn, uid: UUID) -> None:
    """Void an invitation. NotFound."""
    with _as_admin(context, admin) as db:
        if registration.revoke(db, uid) is None:
            raise NotFound("This invitation was used or revoked already.", "Load the page again.")
        admin_acts.add(db, admin.handle, "revoke invitation", str(uid))


def retry(context: Context, admin: SignedIn, uid: UUID) -> None:
    """Make a delivery due now, its days counted anew. Conflict."""
    with _as_admin(context, admin) as db:
        delivery_id = queue.id_of(db, uid)
        user_id = None if delivery_id is None else queue.retry(db, delivery_id)
        if delivery_id is None or user_id is None:
            raise _untouchable()
        events.add(db, context.ring, user_id, "retried", delivery_id=delivery_id)
        admin_acts.add(db, admin.handle, "retry delivery", str(delivery_id))
    wake.drain(context)


def drop(context: Context, admin: SignedIn, uid: UUID) -> None:
    """Give a delivery up; its mail is deleted. Conflict."""
    with _as_admin(context, admin) as db:
        delivery_id = queue.id_of(db, uid)
        dropped = None if delivery_id is None else queue.drop(db, delivery_id)
        if delivery_id is None or dropped is None:
            raise _untouchable()
        user_id, message_id = dropped
        events.add(db, context.ring, user_id, "dropped", message_id=message_id, delivery_id=delivery_id)
        messages.clear_when_done(db, message_id)
        admin_acts.add(db, admin.handle, "drop delivery", str(delivery_id))


def _untouchable() -> Conflict:
    return Conflict("It is finished, gone, or in the hands of a drain.", "Load the page again.")
