"""Users: the tenants."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from postern.base.database import Database


@dataclass(frozen=True)
class User:
    """A row of `users`."""

    id: int
    uid: UUID
    handle: str
    created_at: datetime
    disabled_at: datetime | None


_ADD = """
INSERT INTO users (handle) VALUES (:handle)
RETURNING id, uid, handle, created_at, disabled_at
"""


def add(db: Database, handle: str) -> User:
    """Make a user. UniqueViolation(user_handle_once) when the handle is taken."""
    user = db.row(User, _ADD, handle=handle)
    assert user is not None
    return user


_FIND = "SELECT id, uid, handle, created_at, disabled_at FROM users WHERE handle = :handle"


def find(db: Database, handle: str) -> User | None:
    """The user of that handle."""
    return db.row(User, _FIND, handle=handle)


_GET = "SELECT id, uid, handle, created_at, disabled_at FROM users WHERE id = :id"


def get(db: Database, user_id: int) -> User | None:
    """The user of that id, among those this tenant may see."""
    return db.row(User, _GET, id=user_id)


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


_ALL = "SELECT id, uid, handle, created_at, disabled_at FROM users ORDER BY handle"


def all_users(db: Database) -> list[User]:
    """Every user."""
    return db.rows(User, _ALL)
