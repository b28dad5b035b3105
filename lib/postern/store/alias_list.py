"""Aliases in a listing: found, counted, and changed together. One alias: store/aliases.py."""

from __future__ import annotations

from dataclasses import dataclass

from postern.store.aliases import Alias

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from postern.base.database import Database

STATES = ("all", "on", "off", "pinned", "deleted")
"""`all` leaves the deleted ones out."""

SORTS = ("newest", "seen", "forwarded", "name")


@dataclass(frozen=True)
class Wanted:
    """What to list. `words` is searched in address and note; `domain_id` None: any."""

    words: str = ""
    state: str = "all"
    domain_id: int | None = None
    sort: str = "newest"

    def parameters(self) -> dict[str, object]:
        """As the statements name them. A letter that means something to LIKE is looked for as it is."""
        plain = self.words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return {
            "pattern": f"%{plain}%",
            "state": self.state,
            "domain_id": self.domain_id,
        }


_PAGE = """
SELECT a.id, a.uid, a.user_id, a.domain_id, a.local, d.name AS domain, a.enabled, a.created_at, a.origin, a.note,
       a.name_sealed, a.pinned, a.deleted_at, a.seen_at, a.forwarded, a.blocked, a.replied
FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.user_id = :user_id
  AND CASE CAST(:state AS text)
      WHEN 'deleted' THEN a.deleted_at IS NOT NULL
      WHEN 'on' THEN a.deleted_at IS NULL AND a.enabled
      WHEN 'off' THEN a.deleted_at IS NULL AND NOT a.enabled
      WHEN 'pinned' THEN a.deleted_at IS NULL AND a.pinned
      ELSE a.deleted_at IS NULL END
  AND (CAST(:domain_id AS bigint) IS NULL OR a.domain_id = CAST(:domain_id AS bigint))
  AND (CAST(:pattern AS text) = '%%' OR a.local || '@' || d.name LIKE :pattern OR lower(a.note) LIKE :pattern)
ORDER BY a.pinned DESC,
    CASE WHEN CAST(:sort AS text) = 'seen' THEN a.seen_at END DESC NULLS LAST,
    CASE WHEN CAST(:sort AS text) = 'forwarded' THEN a.forwarded END DESC NULLS LAST,
    CASE WHEN CAST(:sort AS text) = 'name' THEN a.local || '@' || d.name END,
    a.id DESC
LIMIT :many OFFSET :skip
"""


def page(db: Database, user_id: int, wanted: Wanted, many: int, skip: int) -> list[Alias]:
    """A page of a user's aliases, pinned ones first."""
    return db.rows(
        Alias, _PAGE, user_id=user_id, sort=wanted.sort, many=many, skip=skip, **wanted.parameters()
    )


_COUNT = """
SELECT count(*) FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.user_id = :user_id
  AND CASE CAST(:state AS text)
      WHEN 'deleted' THEN a.deleted_at IS NOT NULL
      WHEN 'on' THEN a.deleted_at IS NULL AND a.enabled
      WHEN 'off' THEN a.deleted_at IS NULL AND NOT a.enabled
      WHEN 'pinned' THEN a.deleted_at IS NULL AND a.pinned
      ELSE a.deleted_at IS NULL END
  AND (CAST(:domain_id AS bigint) IS NULL OR a.domain_id = CAST(:domain_id AS bigint))
  AND (CAST(:pattern AS text) = '%%' OR a.local || '@' || d.name LIKE :pattern OR lower(a.note) LIKE :pattern)
"""


def count(db: Database, user_id: int, wanted: Wanted) -> int:
    """How many there are on all pages together."""
    return int(db.value(_COUNT, user_id=user_id, **wanted.parameters()))


@dataclass(frozen=True)
class Counts:
    """How many aliases a user has, by state; deleted ones are in none but `deleted`."""

    everything: int
    on: int
    off: int
    pinned: int
    deleted: int


_COUNTS = """
SELECT count(*) FILTER (WHERE deleted_at IS NULL) AS everything,
       count(*) FILTER (WHERE deleted_at IS NULL AND enabled) AS on,
       count(*) FILTER (WHERE deleted_at IS NULL AND NOT enabled) AS off,
       count(*) FILTER (WHERE deleted_at IS NULL AND pinned) AS pinned,
       count(*) FILTER (WHERE deleted_at IS NOT NULL) AS deleted
FROM aliases WHERE user_id = :user_id
"""


def counts(db: Database, user_id: int) -> Counts:
    """For the filters of the page."""
    found = db.row(Counts, _COUNTS, user_id=user_id)
    assert found is not None
    return found


@dataclass(frozen=True)
class Link:
    """An alias forwards to a mailbox."""

    alias_id: int
    mailbox_id: int


_MAILBOXES = """
SELECT alias_id, mailbox_id FROM alias_mailboxes WHERE alias_id = ANY(CAST(:ids AS bigint[])) ORDER BY mailbox_id
"""


def mailboxes_of(db: Database, alias_ids: Sequence[int]) -> dict[int, list[int]]:
    """Alias id to the ids of its mailboxes."""
    found: dict[int, list[int]] = {alias_id: [] for alias_id in alias_ids}
    for link in db.rows(Link, _MAILBOXES, ids=list(alias_ids)):
        found[link.alias_id].append(link.mailbox_id)
    return found


_ENABLE = """
UPDATE aliases SET enabled = :enabled
WHERE uid = ANY(CAST(:uids AS uuid[])) AND enabled <> :enabled AND deleted_at IS NULL
"""

_PIN = """
UPDATE aliases SET pinned = :pinned WHERE uid = ANY(CAST(:uids AS uuid[])) AND pinned <> :pinned AND deleted_at IS NULL
"""

_DELETE = "UPDATE aliases SET deleted_at = now(), pinned = false WHERE uid = ANY(CAST(:uids AS uuid[])) AND deleted_at IS NULL"

_RESTORE = """
UPDATE aliases SET deleted_at = NULL
WHERE uid = ANY(CAST(:uids AS uuid[])) AND deleted_at > now() - interval '30 days'
"""


def enable(db: Database, uids: Sequence[UUID], enabled: bool) -> int:
    """Let them take mail, or refuse it; returns how many changed."""
    return db.count(_ENABLE, uids=[str(uid) for uid in uids], enabled=enabled)


def pin(db: Database, uids: Sequence[UUID], pinned: bool) -> int:
    """Put them first, or no more."""
    return db.count(_PIN, uids=[str(uid) for uid in uids], pinned=pinned)


def delete(db: Database, uids: Sequence[UUID]) -> int:
    """They take no mail from now on; for 30 days they can be brought back."""
    return db.count(_DELETE, uids=[str(uid) for uid in uids])


def restore(db: Database, uids: Sequence[UUID]) -> int:
    """Bring deleted ones back."""
    return db.count(_RESTORE, uids=[str(uid) for uid in uids])
