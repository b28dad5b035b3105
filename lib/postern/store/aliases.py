"""Aliases, and which mailboxes they forward to."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Alias:
    """A row of `aliases` with its domain's name; the name for replies is still sealed."""

    id: int
    uid: UUID
    user_id: int
    domain_id: int
    local: str
    domain: str
    enabled: bool
    created_at: datetime
    origin: str
    note: str
    name_sealed: bytes | None
    pinned: bool
    deleted_at: datetime | None
    seen_at: datetime | None
    forwarded: int
    blocked: int
    replied: int

    @property
    def address(self) -> str:
        """local@domain."""
        return f"{self.local}@{self.domain}"

    def name(self, ring: KeyRing) -> str:
        """What stands beside the alias in replies; mostly empty."""
        return ring.open(self.name_sealed, f"aliases.name:{self.uid}").decode() if self.name_sealed else ""


_ADD = """
WITH a AS (
    INSERT INTO aliases (user_id, domain_id, local, origin) VALUES (:user_id, :domain_id, :local, :origin) RETURNING *
)
SELECT a.id, a.uid, a.user_id, a.domain_id, a.local, d.name AS domain, a.enabled, a.created_at, a.origin, a.note,
       a.name_sealed, a.pinned, a.deleted_at, a.seen_at, a.forwarded, a.blocked, a.replied
FROM a JOIN domains d ON d.id = a.domain_id
"""


def add(db: Database, user_id: int, domain_id: int, local: str, origin: str = "custom") -> Alias:
    """Make an alias. UniqueViolation(alias_local_once_per_domain) when somebody has it, deleted or not."""
    alias = db.row(Alias, _ADD, user_id=user_id, domain_id=domain_id, local=local, origin=origin)
    assert alias is not None
    return alias


_FORWARD_TO = """
INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id) VALUES (:alias_id, :mailbox_id, :user_id)
ON CONFLICT DO NOTHING
"""


def forward_to(db: Database, alias: Alias, mailbox_id: int) -> None:
    """Let it forward to this mailbox too."""
    db.run(_FORWARD_TO, alias_id=alias.id, mailbox_id=mailbox_id, user_id=alias.user_id)


_FIND = """
SELECT a.id, a.uid, a.user_id, a.domain_id, a.local, d.name AS domain, a.enabled, a.created_at, a.origin, a.note,
       a.name_sealed, a.pinned, a.deleted_at, a.seen_at, a.forwarded, a.blocked, a.replied
FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE d.name = :domain AND a.local = :local
"""


def find(db: Database, local: str, domain: str) -> Alias | None:
    """The alias of that address."""
    return db.row(Alias, _FIND, local=local, domain=domain)


_GET = """
SELECT a.id, a.uid, a.user_id, a.domain_id, a.local, d.name AS domain, a.enabled, a.created_at, a.origin, a.note,
       a.name_sealed, a.pinned, a.deleted_at, a.seen_at, a.forwarded, a.blocked, a.replied
FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.uid = :uid
"""


def get(db: Database, uid: UUID) -> Alias | None:
    """The alias of that uid, among those this tenant may see."""
    return db.row(Alias, _GET, uid=uid)


_BY_ID = """
SELECT a.id, a.uid, a.user_id, a.domain_id, a.local, d.name AS domain, a.enabled, a.created_at, a.origin, a.note,
       a.name_sealed, a.pinned, a.deleted_at, a.seen_at, a.forwarded, a.blocked, a.replied
FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.id = :id
"""


def by_id(db: Database, alias_id: int) -> Alias | None:
    """The alias of that id, among those this tenant may see."""
    return db.row(Alias, _BY_ID, id=alias_id)


_UID_OF = "SELECT uid FROM aliases WHERE id = :id"


def uid_of(db: Database, alias_id: int) -> UUID | None:
    """Its uid, among those this tenant may see."""
    found: UUID | None = db.value(_UID_OF, id=alias_id)
    return found


_OF_USER = """
SELECT a.id, a.uid, a.user_id, a.domain_id, a.local, d.name AS domain, a.enabled, a.created_at, a.origin, a.note,
       a.name_sealed, a.pinned, a.deleted_at, a.seen_at, a.forwarded, a.blocked, a.replied
FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.user_id = :user_id ORDER BY a.id
"""


def of_user(db: Database, user_id: int) -> list[Alias]:
    """A user's aliases, oldest first."""
    return db.rows(Alias, _OF_USER, user_id=user_id)


_DESCRIBE = "UPDATE aliases SET note = :note, name_sealed = :name WHERE id = :id"


def describe(db: Database, ring: KeyRing, alias: Alias, note: str, name: str) -> None:
    """Its note, and the name for replies; empty: none."""
    sealed = ring.seal(name.encode(), f"aliases.name:{alias.uid}") if name else None
    db.run(_DESCRIBE, id=alias.id, note=note, name=sealed)


_FORWARD_ONLY_TO = """
DELETE FROM alias_mailboxes WHERE alias_id = :alias_id AND NOT mailbox_id = ANY(CAST(:mailbox_ids AS bigint[]))
"""


def forward_only_to(db: Database, alias: Alias, mailbox_ids: Sequence[int]) -> None:
    """Let it forward to these mailboxes of its user and to no other."""
    db.run(_FORWARD_ONLY_TO, alias_id=alias.id, mailbox_ids=list(mailbox_ids))
    for mailbox_id in mailbox_ids:
        forward_to(db, alias, mailbox_id)


_OWN_AMONG = """
SELECT a.local || '@' || d.name FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.user_id = :user_id AND a.local || '@' || d.name = ANY(CAST(:addresses AS text[]))
"""


def own_among(db: Database, user_id: int, addresses: Sequence[str]) -> set[str]:
    """Which of these normalised addresses are aliases of this user."""
    if not addresses:
        return set()
    return {str(row[0]) for row in db.run(_OWN_AMONG, user_id=user_id, addresses=list(addresses))}
