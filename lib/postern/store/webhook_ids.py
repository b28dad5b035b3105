"""Webhook ids answered lately: the guard against replays."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database

_SEEN = "SELECT 1 FROM webhook_ids WHERE id = :id"


def seen(db: Database, webhook_id: str) -> bool:
    """Whether it was answered before."""
    return db.value(_SEEN, id=webhook_id) is not None


_REMEMBER = "INSERT INTO webhook_ids (id) VALUES (:id) ON CONFLICT DO NOTHING"


def remember(db: Database, webhook_id: str) -> bool:
    """Note it in the transaction that answers it. False: somebody else did."""
    return db.count(_REMEMBER, id=webhook_id) == 1


_FORGET = "DELETE FROM webhook_ids WHERE seen_at < now() - interval '15 minutes'"


def forget_old(db: Database) -> int:
    """Drop those that the signature's window refuses anyway."""
    return db.count(_FORGET)
