"""Users: the tenants. An unconfirmed one waits for the proof of the address given at registration."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from postern.base.database import Database


USER, ADMIN = "user", "admin"
ROLES = (USER, ADMIN)


@dataclass(frozen=True)
class User:
    """A row of `users`."""

    id: int
    uid: UUID
    handle: str
    role: str
    created_at: datetime
    confirmed_at: datetime | None
    disabled_at: datetime | None


_ADD = """
INSERT INTO users (handle, role, confirmed_at) VALUES (:handle, :role, CASE WHEN :confirmed THEN now() END)
RETURNING id, uid, handle, role, created_at, confirmed_at, disabled_at
"""


def add(db: Database, handle: str, role: str = USER, confirmed: bool = True) -> User:
    """Make a user. UniqueViolation(user_handle_once) when the handle is taken."""
    user = db.row(User, _ADD, handle=handle, role=role, confirmed=confirmed)
    assert user is not None
    return user


_FIND = (
    "SELECT id, uid, handle, role, created_at, confirmed_at, disabled_at FROM users WHERE handle = :handle"
)


def find(db: Database, handle: str) -> User | None:
    """The user of that handle."""
    return db.row(User, _FIND, handle=handle)


_GET = "SELECT id, uid, handle, role, created_at, confirmed_at, disabled_at FROM users WHERE id = :id"


def get(db: Database, user_id: int) -> User | None:
    """The user of that id, among those this tenant may see."""
    return db.row(User, _GET, id=user_id)


_OF_UID = "SELECT id, uid, handle, role, created_at, confirmed_at, disabled_at FROM users WHERE uid = :uid"


def of_uid(db: Database, uid: UUID) -> User | None:
    """The user of that uid, among those this tenant may see."""
    return db.row(User, _OF_UID, uid=uid)


# All of them, in one order: of two admins who shut each other at the same time, one waits and then is none any more.
_LOCK_ADMINS = "SELECT id, disabled_at IS NULL FROM users WHERE role = 'admin' ORDER BY id FOR NO KEY UPDATE"


def lock_admins(db: Database) -> set[int]:
    """The ids of the admins who are not disabled; nobody becomes one or ceases to be one until the transaction ends."""
    return {int(user_id) for user_id, active in db.run(_LOCK_ADMINS) if active}


_DISABLE = """
UPDATE users SET disabled_at = CASE WHEN :disabled THEN now() END WHERE id = :id AND (disabled_at IS NOT NULL) <> :disabled
"""


def disable(db: Database, user_id: int, disabled: bool) -> bool:
    """Shut the account, or open it again. False when it was so already."""
    return db.count(_DISABLE, id=user_id, disabled=disabled) == 1


_DELETE = "DELETE FROM users WHERE id = :id"


def delete(db: Database, user_id: int) -> bool:
    """Delete the user and all that is his. False when he is gone already."""
    return db.count(_DELETE, id=user_id) == 1


_SET_ROLE = "UPDATE users SET role = :role WHERE id = :id AND role <> :role"


def set_role(db: Database, user_id: int, role: str) -> bool:
    """Make the user one of ROLES. False when he was already."""
    return db.count(_SET_ROLE, id=user_id, role=role) == 1


_WELCOMED = "UPDATE users SET welcomed_at = now() WHERE id = :id AND welcomed_at IS NULL"


def welcomed(db: Database, user_id: int) -> bool:
    """The tour of the first visit was finished or left. False when it was so already."""
    return db.count(_WELCOMED, id=user_id) == 1


_DELETE_UNCONFIRMED = "DELETE FROM users WHERE id = :id AND confirmed_at IS NULL"


def delete_unconfirmed(db: Database, user_id: int) -> bool:
    """Delete the user unless the address was proven. False: it was, or he is gone."""
    return db.count(_DELETE_UNCONFIRMED, id=user_id) == 1


_FORGET = "DELETE FROM users WHERE confirmed_at IS NULL AND created_at < now() - interval '1 day'"


def forget_unconfirmed(db: Database) -> int:
    """Drop those who did not prove their address within a day; they own nothing but that mailbox."""
    return db.count(_FORGET)


_ALL = "SELECT id, uid, handle, role, created_at, confirmed_at, disabled_at FROM users ORDER BY handle"


def all_users(db: Database) -> list[User]:
    """Every user."""
    return db.rows(User, _ALL)
