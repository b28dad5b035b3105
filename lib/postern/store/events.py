"""Events: what happened to a user's mail, one row a change of state."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

KINDS = (
    *("received", "replied", "held", "released", "sent", "failed", "retried", "dropped", "bounced"),
    *("oversize", "blocked", "refused", "paused"),
)
"""As in the CHECK of schema/0006; a test compares them."""


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
    contact_id: int | None
    note_sealed: bytes | None

    def note(self, ring: KeyRing) -> dict[str, object]:
        """What a person wants to know about it."""
        if self.note_sealed is None:
            return {}
        import json

        note: dict[str, object] = json.loads(ring.open(self.note_sealed, f"events.note:{self.uid}"))
        return note


_ADD = """
INSERT INTO events (uid, user_id, kind, alias_id, message_id, delivery_id, contact_id, note_sealed)
VALUES (:uid, :user_id, :kind, :alias_id, :message_id, :delivery_id, :contact_id, :note)
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
    contact_id: int | None = None,
    note: dict[str, object] | None = None,
) -> None:
    """Write one, in the transaction that changes the state."""
    uid = uuid.uuid4()
    db.run(
        _ADD,
        uid=uid,
        user_id=user_id,
        kind=kind,
        alias_id=alias_id,
        message_id=message_id,
        delivery_id=delivery_id,
        contact_id=contact_id,
        note=seal_note(ring, uid, note) if note else None,
    )


def seal_note(ring: KeyRing, uid: uuid.UUID, note: dict[str, object]) -> bytes:
    """The note as it stands in its row."""
    import json

    return ring.seal(json.dumps(note).encode(), f"events.note:{uid}")


_OF_USER = """
SELECT id, uid, user_id, at, kind, alias_id, message_id, delivery_id, contact_id, note_sealed
FROM events WHERE user_id = :user_id ORDER BY id DESC LIMIT :many
"""


def of_user(db: Database, user_id: int, many: int) -> list[Event]:
    """A user's events, newest first."""
    return db.rows(Event, _OF_USER, user_id=user_id, many=many)


_WITH_CONTACT = """
SELECT id, uid, user_id, at, kind, alias_id, message_id, delivery_id, contact_id, note_sealed
FROM events WHERE alias_id = :alias_id AND contact_id IS NOT NULL AND kind = ANY(CAST(:kinds AS text[]))
ORDER BY id DESC LIMIT :many OFFSET :skip
"""


def with_contact(db: Database, alias_id: int, kinds: Sequence[str], many: int, skip: int) -> list[Event]:
    """What of these kinds happened between an alias and its contacts, newest first."""
    return db.rows(Event, _WITH_CONTACT, alias_id=alias_id, kinds=list(kinds), many=many, skip=skip)


_LATEST = """
SELECT e.id, e.uid, e.user_id, e.at, e.kind, e.alias_id, e.message_id, e.delivery_id, e.contact_id, e.note_sealed
FROM unnest(CAST(:alias_ids AS bigint[])) AS wanted (alias_id) CROSS JOIN LATERAL (
    SELECT * FROM events WHERE events.alias_id = wanted.alias_id AND contact_id IS NOT NULL
        AND kind = ANY(CAST(:kinds AS text[]))
    ORDER BY id DESC LIMIT 1
) AS e
"""


def latest_with_contact(db: Database, alias_ids: Sequence[int], kinds: Sequence[str]) -> list[Event]:
    """The last of these for each alias that has one."""
    return db.rows(Event, _LATEST, alias_ids=list(alias_ids), kinds=list(kinds)) if alias_ids else []


_LATELY = """
SELECT 1 FROM events WHERE alias_id = :alias_id AND kind = :kind AND at > now() - interval '1 hour' LIMIT 1
"""


def happened_lately(db: Database, alias_id: int, kind: str) -> bool:
    """Whether it happened to this alias within the hour: a flood is told once, and counted in full."""
    return db.value(_LATELY, alias_id=alias_id, kind=kind) is not None


_FORGET = "DELETE FROM events WHERE at < now() - make_interval(days => :days)"


def forget_old(db: Database, days: int) -> int:
    """Drop those older than `days`."""
    return db.count(_FORGET, days=days)
