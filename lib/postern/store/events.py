"""Events: what happened to a user's mail, one row a change of state."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

KINDS = ("received", "sent", "failed", "retried", "dropped", "bounced", "oversize")
"""As in the CHECK of schema/0001; a test compares them."""


@dataclass(frozen=True)
class Event:
    """A row of `events`, its note still sealed."""

    id: int
    uid: uuid.UUID
    user_id: int
    at: datetime
    kind: str
    alias_id: int | None
    message_id: int | None
    delivery_id: int | None
    note_sealed: bytes | None

    def note(self, ring: KeyRing) -> dict[str, object]:
        """What a person wants to know about it."""
        if self.note_sealed is None:
            return {}
        import json

        note: dict[str, object] = json.loads(ring.open(self.note_sealed, f"events.note:{self.uid}"))
        return note


_ADD = """
INSERT INTO events (uid, user_id, kind, alias_id, message_id, delivery_id, note_sealed)
VALUES (:uid, :user_id, :kind, :alias_id, :message_id, :delivery_id, :note)
"""


def add(
    db: Database,
    ring: KeyRing,
    user_id: int,
    kind: str,
    *,
    alias_id: int | None = None,
    message_id: int | None = None,
    delivery_id: int | None = None,
    note: dict[str, object] | None = None,
) -> None:
    """Write one, in the transaction that changes the state."""
    uid = uuid.uuid4()
    sealed = None
    if note:
        import json

        sealed = ring.seal(json.dumps(note).encode(), f"events.note:{uid}")
    db.run(
        _ADD,
        uid=uid,
        user_id=user_id,
        kind=kind,
        alias_id=alias_id,
        message_id=message_id,
        delivery_id=delivery_id,
        note=sealed,
    )


_OF_USER = """
SELECT id, uid, user_id, at, kind, alias_id, message_id, delivery_id, note_sealed
FROM events WHERE user_id = :user_id ORDER BY id DESC LIMIT :many
"""


def of_user(db: Database, user_id: int, many: int) -> list[Event]:
    """A user's events, newest first."""
    return db.rows(Event, _OF_USER, user_id=user_id, many=many)


_FORGET = "DELETE FROM events WHERE at < now() - make_interval(days => :days)"


def forget_old(db: Database, days: int) -> int:
    """Drop those older than `days`."""
    return db.count(_FORGET, days=days)
