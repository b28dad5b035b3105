"""What failed, came back or is held, a page at a time, as addy.io's clients ask for it. For pages: store/held.py."""

from __future__ import annotations

from dataclasses import dataclass

from postern.store.held import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from postern.base.database import Database

ANY, LOST, HELD = "", "lost", "held"
"""What to list: all of it, what failed or came back, what waits in quarantine."""


@dataclass(frozen=True)
class Undelivered(Failed):
    """A delivery with its id, its alias, and when it began."""

    id: int
    alias_uid: UUID | None
    created_at: datetime


_PAGE = """
SELECT q.id, q.uid, m.uid AS message_uid, q.state, m.kind, a.uid AS alias_uid, a.local || '@' || d.name AS alias, q.attempts,
       coalesce(q.bounced_at, q.finished_at, q.created_at) AS at, q.created_at, m.cleared_at IS NULL AS has_mail,
       b.uid AS mailbox_uid, c.uid AS contact_uid, coalesce(b.address_sealed, c.address_sealed) AS address_sealed,
       m.summary_sealed, q.said_code, q.said_sealed, q.bounced_status, q.bounced_sealed
FROM deliveries q JOIN messages m ON m.id = q.message_id
     LEFT JOIN aliases a ON a.id = m.alias_id LEFT JOIN domains d ON d.id = a.domain_id
     LEFT JOIN mailboxes b ON b.id = q.mailbox_id LEFT JOIN contacts c ON c.id = q.contact_id
WHERE q.user_id = :user_id AND m.kind <> 'notice'
  AND ((q.state = 'failed' OR q.bounced_at IS NOT NULL) AND CAST(:which AS text) <> 'held'
       OR q.state = 'held' AND CAST(:which AS text) <> 'lost')
ORDER BY q.id DESC LIMIT :many OFFSET :skip
"""


def page(db: Database, user_id: int, which: str, many: int, skip: int) -> list[Undelivered]:
    """A page of them, newest first; `which` is ANY, LOST or HELD."""
    return db.rows(Undelivered, _PAGE, user_id=user_id, which=which, many=many, skip=skip)


_COUNT = """
SELECT count(*) FROM deliveries q JOIN messages m ON m.id = q.message_id
WHERE q.user_id = :user_id AND m.kind <> 'notice'
  AND ((q.state = 'failed' OR q.bounced_at IS NOT NULL) AND CAST(:which AS text) <> 'held'
       OR q.state = 'held' AND CAST(:which AS text) <> 'lost')
"""


def count(db: Database, user_id: int, which: str) -> int:
    """How many there are on all pages."""
    return int(db.value(_COUNT, user_id=user_id, which=which))


_GET = """
SELECT q.id, q.uid, m.uid AS message_uid, q.state, m.kind, a.uid AS alias_uid, a.local || '@' || d.name AS alias, q.attempts,
       coalesce(q.bounced_at, q.finished_at, q.created_at) AS at, q.created_at, m.cleared_at IS NULL AS has_mail,
       b.uid AS mailbox_uid, c.uid AS contact_uid, coalesce(b.address_sealed, c.address_sealed) AS address_sealed,
       m.summary_sealed, q.said_code, q.said_sealed, q.bounced_status, q.bounced_sealed
FROM deliveries q JOIN messages m ON m.id = q.message_id
     LEFT JOIN aliases a ON a.id = m.alias_id LEFT JOIN domains d ON d.id = a.domain_id
     LEFT JOIN mailboxes b ON b.id = q.mailbox_id LEFT JOIN contacts c ON c.id = q.contact_id
WHERE q.uid = :uid AND m.kind <> 'notice' AND (q.state IN ('failed', 'held') OR q.bounced_at IS NOT NULL)
"""


def get(db: Database, uid: UUID) -> Undelivered | None:
    """The one of that uid, among those this tenant may see."""
    return db.row(Undelivered, _GET, uid=uid)
