"""The relay as last seen, and its budget.

Usage is booked in slots of ten minutes; a slot that a window only touches counts in full, so the budget errs on the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database


@dataclass(frozen=True)
class Relay:
    """A row of `relays`. `in_trouble`: it could not be used after it last took a message."""

    name: str
    paused_seconds: int
    in_trouble: bool
    ok_at: datetime | None
    trouble_at: datetime | None
    trouble: str | None


_MAKE = "INSERT INTO relays (name) VALUES (:name) ON CONFLICT DO NOTHING"

_LOCK = "SELECT 1 FROM relays WHERE name = :name FOR UPDATE"

_FIND = """
SELECT name,
       greatest(0, CAST(ceil(coalesce(
           extract(epoch FROM greatest(paused_until, stopped_until, rest_until) - now()), 0)) AS bigint)) AS paused_seconds,
       trouble_at IS NOT NULL AND (ok_at IS NULL OR ok_at < trouble_at) AS in_trouble, ok_at, trouble_at, trouble
FROM relays WHERE name = :name
"""


def find(db: Database, name: str) -> Relay | None:
    """The relay as last seen."""
    return db.row(Relay, _FIND, name=name)


def lock(db: Database, name: str) -> Relay:
    """The relay, locked until the end of the transaction: drains take from the budget one after another."""
    if db.value(_LOCK, name=name) is None:
        db.run(_MAKE, name=name)
        db.value(_LOCK, name=name)
    found = find(db, name)
    assert found is not None
    return found


@dataclass(frozen=True)
class Usage:
    """Deliveries booked in the last hour and the last day."""

    hour: int
    day: int


_USAGE = """
SELECT CAST(coalesce(sum(sent) FILTER (WHERE slot > now() - interval '70 minutes'), 0) AS bigint) AS hour,
       CAST(coalesce(sum(sent), 0) AS bigint) AS day
FROM relay_usage WHERE relay = :name AND slot > now() - interval '24 hours 10 minutes'
"""


def usage(db: Database, name: str) -> Usage:
    """What was booked on it."""
    found = db.row(Usage, _USAGE, name=name)
    assert found is not None
    return found


_BOOK = """
INSERT INTO relay_usage AS u (relay, slot, sent)
VALUES (:name, to_timestamp(floor(extract(epoch FROM now()) / 600) * 600), :many)
ON CONFLICT (relay, slot) DO UPDATE SET sent = u.sent + :many
"""


def book(db: Database, name: str, many: int) -> None:
    """Book deliveries before they are sent (a negative number gives back what was not)."""
    db.run(_BOOK, name=name, many=many)


# Once a second at most: each change leaves a dead row behind, and the claims of all drains wait for this one.
_OK = """
UPDATE relays SET ok_at = now(), paused_until = NULL
WHERE name = :name AND (ok_at > now() - interval '1 second' AND paused_until IS NULL
                        AND (trouble_at IS NULL OR trouble_at <= ok_at)) IS NOT TRUE
"""


def note_ok(db: Database, name: str) -> None:
    """It took a message."""
    db.run(_OK, name=name)


_TROUBLE = """
UPDATE relays SET trouble_at = now(), trouble = :trouble, paused_until = now() + make_interval(secs => :pause_seconds)
WHERE name = :name
"""


def note_trouble(db: Database, name: str, trouble: str, pause_seconds: int) -> None:
    """It could not be used; nothing is claimed for it before the pause is over."""
    db.run(_TROUBLE, name=name, trouble=trouble, pause_seconds=pause_seconds)


_STOP = "UPDATE relays SET stopped_until = now() + make_interval(secs => :seconds) WHERE name = :name"


def stop(db: Database, name: str, seconds: int) -> None:
    """The operator lets nothing go out for so long; 0: it may again. Locked before."""
    db.run(_STOP, name=name, seconds=seconds)


_FORGET = "DELETE FROM relay_usage WHERE slot < now() - interval '2 days'"


def forget_old(db: Database) -> int:
    """Drop slots that no window reaches."""
    return db.count(_FORGET)
