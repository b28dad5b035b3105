"""The users as admins see them: a page of all, found by a part of the handle, with what each has and uses.

Counts only: no address, no note, no contact of anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from postern.base.database import Database


@dataclass(frozen=True)
class Listed:
    """A user with what he has, and what went through him today (UTC)."""

    uid: UUID
    handle: str
    role: str
    created_at: datetime
    confirmed_at: datetime | None
    disabled_at: datetime | None
    aliases: int
    mailboxes: int
    domains: int
    messages_day: int
    bytes_day: int


_PAGE = """
SELECT u.uid, u.handle, u.role, u.created_at, u.confirmed_at, u.disabled_at,
       (SELECT count(*) FROM aliases WHERE user_id = u.id) AS aliases,
       (SELECT count(*) FROM mailboxes WHERE user_id = u.id) AS mailboxes,
       (SELECT count(*) FROM domains WHERE user_id = u.id) AS domains,
       coalesce(t.messages, 0) AS messages_day, coalesce(t.bytes, 0) AS bytes_day
FROM (SELECT * FROM users WHERE strpos(handle, :words) > 0 ORDER BY handle LIMIT :many OFFSET :skip) u
     LEFT JOIN user_days t ON t.user_id = u.id AND t.day = CAST(now() AT TIME ZONE 'UTC' AS date)
ORDER BY u.handle
"""


def page(db: Database, words: str, many: int, skip: int) -> list[Listed]:
    """Those whose handle has these letters in it, by handle; no letters: all."""
    return db.rows(Listed, _PAGE, words=words, many=many, skip=skip)


_COUNT = "SELECT count(*) FROM users WHERE strpos(handle, :words) > 0"


def count(db: Database, words: str) -> int:
    """How many those are."""
    return int(db.value(_COUNT, words=words))


@dataclass(frozen=True)
class Share:
    """What of today's mail is one user's."""

    handle: str
    messages: int
    bytes: int


_BUSIEST = """
SELECT u.handle, t.messages, t.bytes FROM user_days t JOIN users u ON u.id = t.user_id
WHERE t.day = CAST(now() AT TIME ZONE 'UTC' AS date) ORDER BY t.messages DESC, u.handle LIMIT :many
"""


def busiest(db: Database, many: int) -> list[Share]:
    """Those with the most messages today."""
    return db.rows(Share, _BUSIEST, many=many)
