"""Aliases as addy.io's clients ask for them: by many columns, up or down, deleted ones too. For pages: store/alias_list.py."""

from __future__ import annotations

from dataclasses import dataclass

from postern.store.aliases import Alias

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from postern.base.database import Database

WITHOUT, WITH, ONLY = "without", "with", "only"
DELETED = (WITHOUT, WITH, ONLY)

TEXTS = ("local", "domain", "address")
NUMBERS = ("forwarded", "blocked", "replied", "enabled")
TIMES = ("created_at", "seen_at", "deleted_at")
KEYS = TEXTS + NUMBERS + TIMES
"""What they may be sorted by."""


@dataclass(frozen=True)
class Wanted:
    """What to list. `words` is searched in address and note; None: any. `key` one of KEYS, falling when `down`."""

    words: str = ""
    deleted: str = WITHOUT
    enabled: bool | None = None
    pinned: bool | None = None
    domain: UUID | None = None
    mailbox: UUID | None = None
    key: str = "created_at"
    down: bool = True

    def parameters(self) -> dict[str, object]:
        """As both statements name them. A letter that means something to LIKE is looked for as it is."""
        plain = self.words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return {
            "pattern": f"%{plain}%",
            "deleted": self.deleted,
            "enabled": self.enabled,
            "pinned": self.pinned,
            "domain": self.domain,
            "mailbox": self.mailbox,
        }


_PAGE = """
SELECT a.id, a.uid, a.user_id, a.domain_id, a.local, d.name AS domain, a.enabled, a.created_at, a.origin, a.note,
       a.name_sealed, a.pinned, a.deleted_at, a.seen_at, a.forwarded, a.blocked, a.replied
FROM aliases a JOIN domains d ON d.id = a.domain_id
     CROSS JOIN LATERAL (SELECT
         CASE CAST(:key AS text) WHEN 'local' THEN a.local WHEN 'domain' THEN d.name
             WHEN 'address' THEN a.local || '@' || d.name END AS text,
         CASE CAST(:key AS text) WHEN 'forwarded' THEN a.forwarded WHEN 'blocked' THEN a.blocked
             WHEN 'replied' THEN a.replied WHEN 'enabled' THEN CAST(CAST(a.enabled AS integer) AS bigint) END AS number,
         CASE CAST(:key AS text) WHEN 'created_at' THEN a.created_at WHEN 'seen_at' THEN a.seen_at
             WHEN 'deleted_at' THEN a.deleted_at END AS moment) AS k
WHERE a.user_id = :user_id
  AND CASE CAST(:deleted AS text) WHEN 'only' THEN a.deleted_at IS NOT NULL WHEN 'with' THEN true
      ELSE a.deleted_at IS NULL END
  AND (CAST(:enabled AS boolean) IS NULL OR (a.enabled AND a.deleted_at IS NULL) = CAST(:enabled AS boolean))
  AND (CAST(:pinned AS boolean) IS NULL OR a.pinned = CAST(:pinned AS boolean))
  AND (CAST(:domain AS uuid) IS NULL OR d.uid = CAST(:domain AS uuid))
  AND (CAST(:mailbox AS uuid) IS NULL OR EXISTS (SELECT 1 FROM alias_mailboxes am JOIN mailboxes m ON m.id = am.mailbox_id
      WHERE am.alias_id = a.id AND m.uid = CAST(:mailbox AS uuid)))
  AND (CAST(:pattern AS text) = '%%' OR a.local || '@' || d.name LIKE :pattern OR lower(a.note) LIKE :pattern)
ORDER BY a.pinned DESC,
    CASE WHEN CAST(:down AS boolean) THEN k.text END DESC NULLS LAST, CASE WHEN NOT CAST(:down AS boolean) THEN k.text END,
    CASE WHEN CAST(:down AS boolean) THEN k.number END DESC NULLS LAST, CASE WHEN NOT CAST(:down AS boolean) THEN k.number END,
    CASE WHEN CAST(:down AS boolean) THEN k.moment END DESC NULLS LAST, CASE WHEN NOT CAST(:down AS boolean) THEN k.moment END,
    a.id DESC
LIMIT :many OFFSET :skip
"""


def page(db: Database, user_id: int, wanted: Wanted, many: int, skip: int) -> list[Alias]:
    """A page of a user's aliases, pinned ones first, of equals the newest first."""
    return db.rows(
        Alias,
        _PAGE,
        user_id=user_id,
        key=wanted.key,
        down=wanted.down,
        many=many,
        skip=skip,
        **wanted.parameters(),
    )


_COUNT = """
SELECT count(*) FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.user_id = :user_id
  AND CASE CAST(:deleted AS text) WHEN 'only' THEN a.deleted_at IS NOT NULL WHEN 'with' THEN true
      ELSE a.deleted_at IS NULL END
  AND (CAST(:enabled AS boolean) IS NULL OR (a.enabled AND a.deleted_at IS NULL) = CAST(:enabled AS boolean))
  AND (CAST(:pinned AS boolean) IS NULL OR a.pinned = CAST(:pinned AS boolean))
  AND (CAST(:domain AS uuid) IS NULL OR d.uid = CAST(:domain AS uuid))
  AND (CAST(:mailbox AS uuid) IS NULL OR EXISTS (SELECT 1 FROM alias_mailboxes am JOIN mailboxes m ON m.id = am.mailbox_id
      WHERE am.alias_id = a.id AND m.uid = CAST(:mailbox AS uuid)))
  AND (CAST(:pattern AS text) = '%%' OR a.local || '@' || d.name LIKE :pattern OR lower(a.note) LIKE :pattern)
"""


def count(db: Database, user_id: int, wanted: Wanted) -> int:
    """How many there are on all pages."""
    return int(db.value(_COUNT, user_id=user_id, **wanted.parameters()))


_AMONG = """
SELECT a.id, a.uid, a.user_id, a.domain_id, a.local, d.name AS domain, a.enabled, a.created_at, a.origin, a.note,
       a.name_sealed, a.pinned, a.deleted_at, a.seen_at, a.forwarded, a.blocked, a.replied
FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.uid = ANY(CAST(:uids AS uuid[])) ORDER BY a.id
"""


def among(db: Database, uids: Sequence[UUID]) -> list[Alias]:
    """Those of these that this tenant may see, deleted ones too."""
    return db.rows(Alias, _AMONG, uids=[str(uid) for uid in uids])
