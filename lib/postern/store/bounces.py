"""Bounces: deliveries that came back after the relay had taken them, and mailboxes from which too much comes back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing

DAY_LIMIT = 10
WEEK_LIMIT = 5
WEEK_DAYS = 2
"""A mailbox is paused after so many permanent bounces within 24 hours, or so many within 7 days on so many of them.

Only those count that named it."""


@dataclass(frozen=True)
class Bounced:
    """The delivery that came back. A forward's or a notice's mailbox, or a reply's contact.

    `sent`: it is recorded as sent. Not so when the relay had it and the drain died, or has not come to write it down.
    """

    id: int
    uid: uuid.UUID
    user_id: int
    kind: str
    alias_id: int | None
    message_id: int
    mailbox_id: int | None
    contact_id: int | None
    sent: bool


# Locked, so that a drain that is just writing down what the relay said is waited for.
_FIND = """
SELECT q.id, q.uid, q.user_id, m.kind, m.alias_id, q.message_id, q.mailbox_id, q.contact_id, q.state = 'sent' AS sent
FROM deliveries q JOIN messages m ON m.id = q.message_id
WHERE q.id = :id AND q.state IN ('queued', 'held', 'sent') AND q.bounced_at IS NULL FOR UPDATE OF q
"""


def find(db: Database, delivery_id: int) -> Bounced | None:
    """A delivery that may come back, locked; None when it is gone, failed or given up, or when that is noted already."""
    return db.row(Bounced, _FIND, id=delivery_id)


_NOTE = """
UPDATE deliveries
SET bounced_at = now(), bounced_status = :status, bounced_sealed = :words, bounce_named = CAST(:named AS boolean)
WHERE id = :id
"""


def note(db: Database, ring: KeyRing, bounced: Bounced, status: str, words: str, named: bool) -> None:
    """It came back, with this status (RFC 3463; maybe empty) and these words. `named`: it counts against the mailbox."""
    sealed = ring.seal(words.encode(), f"deliveries.bounced:{bounced.uid}")
    db.run(_NOTE, id=bounced.id, status=status or None, words=sealed, named=named)


def open_words(ring: KeyRing, uid: uuid.UUID, sealed: bytes | None) -> str:
    """What the bounce said, from its sealed column."""
    return ring.open(sealed, f"deliveries.bounced:{uid}").decode() if sealed else ""


_PAUSE = """
UPDATE mailboxes m SET paused_at = now()
FROM (SELECT count(*) FILTER (WHERE bounced_at > now() - interval '24 hours') AS day, count(*) AS week,
             count(DISTINCT CAST(bounced_at AT TIME ZONE 'UTC' AS date)) AS days
      FROM deliveries q JOIN mailboxes b ON b.id = q.mailbox_id
      WHERE q.mailbox_id = :id AND q.bounced_at > now() - interval '7 days'
        AND q.bounce_named AND q.finished_at > coalesce(b.resumed_at, '-infinity')) seen
WHERE m.id = :id AND m.paused_at IS NULL
  AND (seen.day >= :day_limit OR seen.week >= :week_limit AND seen.days >= :week_days)
"""


def pause_when_too_many(db: Database, mailbox_id: int) -> bool:
    """Pause the mailbox when too much came back from it since it was last resumed. False when it goes on, or is paused."""
    found = db.count(_PAUSE, id=mailbox_id, day_limit=DAY_LIMIT, week_limit=WEEK_LIMIT, week_days=WEEK_DAYS)
    return found == 1
