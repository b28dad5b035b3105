"""Canaries: messages to ourselves through the whole road, and how long each took. Times are the database's."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import uuid

    from postern.base.database import Database

_BEGIN = """
INSERT INTO canaries (uid) SELECT :uid
WHERE NOT EXISTS (SELECT 1 FROM canaries WHERE sent_at > now() - make_interval(secs => :seconds))
"""


def begin(db: Database, uid: uuid.UUID, every_seconds: int) -> bool:
    """One is about to be sent. False: it is not time yet. Two homes at the same moment may send two, which does no harm."""
    return db.count(_BEGIN, uid=uid, seconds=every_seconds) == 1


_ARRIVED = "UPDATE canaries SET arrived_at = coalesce(arrived_at, now()) WHERE uid = :uid"


def arrived(db: Database, uid: uuid.UUID) -> bool:
    """It is back. False: it is none of ours."""
    return db.count(_ARRIVED, uid=uid) == 1


@dataclass(frozen=True)
class Course:
    """How long the newest that came back took (None: none did), and for how long a newer one is missing (0: none is)."""

    seconds: int | None
    missing_seconds: int


_COURSE = """
WITH back AS (SELECT sent_at, arrived_at FROM canaries WHERE arrived_at IS NOT NULL ORDER BY sent_at DESC LIMIT 1)
SELECT (SELECT CAST(extract(epoch FROM arrived_at - sent_at) AS bigint) FROM back) AS seconds,
       (SELECT CAST(coalesce(extract(epoch FROM now() - min(sent_at)), 0) AS bigint) FROM canaries
        WHERE arrived_at IS NULL AND sent_at > now() - interval '1 day'
          AND sent_at > coalesce((SELECT sent_at FROM back), '-infinity')) AS missing_seconds
"""


def course(db: Database) -> Course:
    """How it stands. What was lost before one that came back counts no more."""
    found = db.row(Course, _COURSE)
    assert found is not None
    return found


_SLOWEST = """
SELECT CAST(max(extract(epoch FROM arrived_at - sent_at)) AS bigint) FROM canaries
WHERE arrived_at >= date_trunc('hour', now()) - interval '1 hour' AND arrived_at < date_trunc('hour', now())
"""


def slowest(db: Database) -> int | None:
    """The longest that one took that came back within the hour that is over; None: none did."""
    return db.value(_SLOWEST)  # type: ignore[no-any-return]


_FORGET = "DELETE FROM canaries WHERE sent_at < now() - interval '7 days'"


def forget_old(db: Database) -> int:
    """Drop what says nothing any more."""
    return db.count(_FORGET)
