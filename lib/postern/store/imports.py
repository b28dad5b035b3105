"""Imports: a file with aliases, between sending it and taking it in; and the rows that taking it in makes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing

_KEEP = """
INSERT INTO imports (user_id, uid, file_sealed) VALUES (:user_id, :uid, :file)
ON CONFLICT (user_id) DO UPDATE SET uid = excluded.uid, created_at = now(), file_sealed = excluded.file_sealed
"""


def keep(db: Database, ring: KeyRing, user_id: int, file: bytes) -> None:
    """Keep the file of this user, in the place of the one before."""
    uid = uuid.uuid4()
    db.run(_KEEP, user_id=user_id, uid=uid, file=ring.seal(file, f"imports.file:{uid}"))


_KEPT = "SELECT uid, file_sealed FROM imports WHERE user_id = :user_id"


def kept(db: Database, ring: KeyRing, user_id: int) -> tuple[uuid.UUID, bytes] | None:
    """The uid of the file and the file, or None when there is none (any more)."""
    found = db.run(_KEPT, user_id=user_id)
    return (found[0][0], ring.open(found[0][1], f"imports.file:{found[0][0]}")) if found else None


_DROP = "DELETE FROM imports WHERE user_id = :user_id"


def drop(db: Database, user_id: int) -> bool:
    """Forget the file. False when there was none."""
    return db.count(_DROP, user_id=user_id) == 1


_FORGET = "DELETE FROM imports WHERE created_at < now() - interval '1 day'"


def forget_old(db: Database) -> int:
    """Drop files that nobody came back for."""
    return db.count(_FORGET)


@dataclass(frozen=True)
class New:
    """An alias to be made, with the ids of its mailboxes."""

    domain_id: int
    local: str
    note: str
    enabled: bool
    mailbox_ids: tuple[int, ...]


# What somebody has already, this user or another, is left as it is. The join leaves out what is on domains of others.
_ADD = """
INSERT INTO aliases (user_id, domain_id, local, origin, note, enabled)
SELECT CAST(:user_id AS bigint), t.domain_id, t.local, 'import', t.note, t.enabled
FROM unnest(CAST(:domain_ids AS bigint[]), CAST(:locals AS text[]), CAST(:notes AS text[]), CAST(:enabled AS boolean[]))
     WITH ORDINALITY AS t (domain_id, local, note, enabled, place) JOIN domains d ON d.id = t.domain_id
ORDER BY t.place
ON CONFLICT ON CONSTRAINT alias_local_once_per_domain DO NOTHING
RETURNING id, domain_id, local
"""

_FORWARD = """
INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id)
SELECT t.alias_id, t.mailbox_id, CAST(:user_id AS bigint)
FROM unnest(CAST(:alias_ids AS bigint[]), CAST(:mailbox_ids AS bigint[])) AS t (alias_id, mailbox_id)
"""


def add_aliases(db: Database, user_id: int, wanted: Sequence[New]) -> set[tuple[int, str]]:
    """Make these, in two statements; returns (domain id, local part) of those that were free."""
    made = db.run(
        _ADD,
        user_id=user_id,
        domain_ids=[one.domain_id for one in wanted],
        locals=[one.local for one in wanted],
        notes=[one.note for one in wanted],
        enabled=[one.enabled for one in wanted],
    )
    ids = {(int(domain_id), str(local)): int(alias_id) for alias_id, domain_id, local in made}
    links = [
        (ids[one.domain_id, one.local], mailbox_id)
        for one in wanted
        if (one.domain_id, one.local) in ids
        for mailbox_id in one.mailbox_ids
    ]
    alias_ids, mailbox_ids = [one for one, _ in links], [one for _, one in links]
    db.run(_FORWARD, user_id=user_id, alias_ids=alias_ids, mailbox_ids=mailbox_ids)
    return set(ids)
