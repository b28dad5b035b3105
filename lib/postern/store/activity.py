"""Events as pages tell them: with the alias that they are about, and the contact. Writing them: store/events.py."""

from __future__ import annotations

from dataclasses import dataclass

from postern.store.events import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Told(Event):
    """An event; what it is about may be gone, or nothing in particular. The contact's address is still sealed."""

    alias_uid: UUID | None
    alias: str | None
    contact_uid: UUID | None
    contact_sealed: bytes | None

    def contact(self, ring: KeyRing) -> str:
        """The contact's address; empty: nobody that is known."""
        if self.contact_sealed is None:
            return ""
        return ring.open(self.contact_sealed, f"contacts.address:{self.contact_uid}").decode()


_PAGE = """
SELECT e.id, e.uid, e.user_id, e.at, e.kind, e.alias_id, e.message_id, e.delivery_id, e.contact_id, e.note_sealed,
       a.uid AS alias_uid, a.local || '@' || d.name AS alias, c.uid AS contact_uid, c.address_sealed AS contact_sealed
FROM (SELECT * FROM events
      WHERE user_id = :user_id AND id < :before AND (CAST(:wanted AS text) = '' OR kind = :wanted)
      ORDER BY id DESC LIMIT :many) AS e
     LEFT JOIN aliases a ON a.id = e.alias_id LEFT JOIN domains d ON d.id = a.domain_id
     LEFT JOIN contacts c ON c.id = e.contact_id
ORDER BY e.id DESC
"""


def page(db: Database, user_id: int, kind: str, before: int, many: int) -> list[Told]:
    """A user's events of that kind (empty: any) with an id below `before`, newest first."""
    return db.rows(Told, _PAGE, user_id=user_id, wanted=kind, before=before, many=many)


_OF_ALIAS = """
SELECT e.id, e.uid, e.user_id, e.at, e.kind, e.alias_id, e.message_id, e.delivery_id, e.contact_id, e.note_sealed,
       CAST(NULL AS uuid) AS alias_uid, CAST(NULL AS text) AS alias,
       c.uid AS contact_uid, c.address_sealed AS contact_sealed
FROM (SELECT * FROM events WHERE alias_id = :alias_id ORDER BY id DESC LIMIT :many) AS e
     LEFT JOIN contacts c ON c.id = e.contact_id
ORDER BY e.id DESC
"""


def of_alias(db: Database, alias_id: int, many: int) -> list[Told]:
    """What happened to an alias, newest first. Which alias it is, is not said again."""
    return db.rows(Told, _OF_ALIAS, alias_id=alias_id, many=many)
