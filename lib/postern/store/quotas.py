"""Quotas: how much a user may have and use, and how much that is now. A day is one of UTC."""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.errors import Conflict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.settings import Config

NAMES = ("aliases", "mailboxes", "domains", "messages_day", "bytes_day")
HAVINGS = ("aliases", "mailboxes", "domains")
"""What a user has, as against what he uses a day."""


class OverQuota(Conflict):
    """The user has as many as he may."""

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(
            f"You have all {limit:,} {name} that you may have.",
            "Delete one that you no longer need, or ask the operator for more.",
        )


@dataclass(frozen=True)
class Limits:
    """What a user may have, and use a day; None in a row of `users`: as the instance allows."""

    aliases: int | None = None
    mailboxes: int | None = None
    domains: int | None = None
    messages_day: int | None = None
    bytes_day: int | None = None


@dataclass(frozen=True)
class Used:
    """What a user has, and has used today. Deleted aliases count until they are gone for good."""

    aliases: int
    mailboxes: int
    domains: int
    messages_day: int
    bytes_day: int


_OWN = """
SELECT max_aliases AS aliases, max_mailboxes AS mailboxes, max_domains AS domains,
       max_messages_day AS messages_day, max_bytes_day AS bytes_day
FROM users WHERE id = :user_id
"""


def own(db: Database, user_id: int) -> Limits:
    """What was set for this user alone."""
    return db.row(Limits, _OWN, user_id=user_id) or Limits()


def limits(db: Database, config: Config, user_id: int) -> dict[str, int]:
    """What holds for this user, by NAMES: his own, or the instance's."""
    found = own(db, user_id)
    usual = {
        "aliases": config.user_aliases,
        "mailboxes": config.user_mailboxes,
        "domains": config.user_domains,
        "messages_day": config.user_messages_day,
        "bytes_day": config.user_bytes_day,
    }
    return {name: usual[name] if getattr(found, name) is None else getattr(found, name) for name in NAMES}


_SET = """
UPDATE users SET max_aliases = :aliases, max_mailboxes = :mailboxes, max_domains = :domains,
    max_messages_day = :messages_day, max_bytes_day = :bytes_day
WHERE id = :user_id
"""


def set_own(db: Database, user_id: int, wanted: Limits) -> None:
    """Set all of them; None: as the instance allows."""
    db.run(
        _SET,
        user_id=user_id,
        aliases=wanted.aliases,
        mailboxes=wanted.mailboxes,
        domains=wanted.domains,
        messages_day=wanted.messages_day,
        bytes_day=wanted.bytes_day,
    )


_USED = """
SELECT (SELECT count(*) FROM aliases WHERE user_id = :user_id) AS aliases,
       (SELECT count(*) FROM mailboxes WHERE user_id = :user_id) AS mailboxes,
       (SELECT count(*) FROM domains WHERE user_id = :user_id) AS domains,
       coalesce((SELECT messages FROM user_days
                 WHERE user_id = :user_id AND day = CAST(now() AT TIME ZONE 'UTC' AS date)), 0) AS messages_day,
       coalesce((SELECT bytes FROM user_days
                 WHERE user_id = :user_id AND day = CAST(now() AT TIME ZONE 'UTC' AS date)), 0) AS bytes_day
"""


def used(db: Database, user_id: int) -> Used:
    """What this user has and has used today."""
    found = db.row(Used, _USED, user_id=user_id)
    assert found is not None
    return found


# Not FOR UPDATE: rows that name the user go on being written meanwhile.
_LOCK = "SELECT 1 FROM users WHERE id = :user_id FOR NO KEY UPDATE"


def check(db: Database, config: Config, user_id: int, name: str) -> None:
    """OverQuota unless the user may have one more; `name` of HAVINGS. Nobody adds one for him until the transaction ends."""
    if room(db, config, user_id, name) <= 0:
        raise OverQuota(name, limits(db, config, user_id)[name])


def room(db: Database, config: Config, user_id: int, name: str) -> int:
    """How many more the user may have; below zero when the quota was lowered. Locked as in `check`."""
    assert name in HAVINGS
    db.run(_LOCK, user_id=user_id)
    have: int = getattr(used(db, user_id), name)
    return limits(db, config, user_id)[name] - have


_TODAY = """
SELECT messages AS messages_day, bytes AS bytes_day FROM user_days
WHERE user_id = :user_id AND day = CAST(now() AT TIME ZONE 'UTC' AS date)
"""


@dataclass(frozen=True)
class Today:
    """Messages of a user and their bytes, today."""

    messages_day: int
    bytes_day: int


def has_room(db: Database, config: Config, user_id: int, size: int) -> bool:
    """Whether one more message of so many bytes fits into the day, as it looks now: `book` has the last word."""
    today = db.row(Today, _TODAY, user_id=user_id) or Today(0, 0)
    return _fits(Today(today.messages_day + 1, today.bytes_day + size), limits(db, config, user_id))


def _fits(day: Today, allowed: dict[str, int]) -> bool:
    return day.messages_day <= allowed["messages_day"] and day.bytes_day <= allowed["bytes_day"]


_BOOK = """
INSERT INTO user_days AS u (user_id, day, messages, bytes)
VALUES (:user_id, CAST(now() AT TIME ZONE 'UTC' AS date), 1, :size)
ON CONFLICT (user_id, day) DO UPDATE SET messages = u.messages + 1, bytes = u.bytes + excluded.bytes
RETURNING messages AS messages_day, bytes AS bytes_day
"""


def book(db: Database, config: Config, user_id: int, size: int) -> bool:
    """Count a message, in the transaction that stores it; two at once: one waits. False: it is over the day's quota."""
    day = db.row(Today, _BOOK, user_id=user_id, size=size)
    assert day is not None
    return _fits(day, limits(db, config, user_id))


_FORGET = "DELETE FROM user_days WHERE day < CAST(now() AT TIME ZONE 'UTC' AS date) - 40"


def forget_old(db: Database) -> int:
    """Drop days that nobody asks for."""
    return db.count(_FORGET)
