"""Retired addresses: what an alias was called on a shared domain nobody is called again, and no address makes itself anew.

An address is kept as a keyed hash; `@sub.example.org` stands for a whole subdomain.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.store.aliases import Alias

UNDO_DAYS = 30
"""So long a deleted alias can be brought back."""


def _index(ring: KeyRing, address: str) -> bytes:
    return ring.index("retired", address.encode())


_HAS = "SELECT 1 FROM retired_addresses WHERE address_index = :index"


def has(db: Database, ring: KeyRing, address: str) -> bool:
    """Whether somebody had it."""
    return db.value(_HAS, index=_index(ring, address)) is not None


_AMONG = "SELECT address_index FROM retired_addresses WHERE address_index = ANY(CAST(:indexes AS bytea[]))"


def among(db: Database, ring: KeyRing, addresses: Sequence[str]) -> set[str]:
    """Which of these somebody had."""
    indexes = {_index(ring, one): one for one in addresses}
    return {indexes[bytes(row[0])] for row in db.run(_AMONG, indexes=list(indexes))} if indexes else set()


_ADD = "INSERT INTO retired_addresses (address_index) VALUES (:index) ON CONFLICT DO NOTHING"


def add(db: Database, ring: KeyRing, address: str) -> None:
    """Nobody gets it again."""
    db.run(_ADD, index=_index(ring, address))


@dataclass(frozen=True)
class Past:
    """An alias whose time is over."""

    id: int
    address: str


_PAST = """
SELECT a.id, a.local || '@' || d.name AS address
FROM aliases a JOIN domains d ON d.id = a.domain_id
WHERE a.deleted_at < now() - make_interval(days => :days) ORDER BY a.id LIMIT 500 FOR UPDATE OF a SKIP LOCKED
"""

_OF_USER = """
SELECT a.id, a.local || '@' || d.name AS address
FROM aliases a JOIN domains d ON d.id = a.domain_id WHERE a.user_id = :user_id AND d.user_id IS NULL
"""

_OWN_SUBDOMAINS = (
    "SELECT id, '@' || name AS address FROM domains WHERE user_id = :user_id AND parent_id IS NOT NULL"
)

# An alias that is being made on it meanwhile waits, and is then refused.
_LOCK_DOMAIN = "SELECT 1 FROM domains WHERE id = :domain_id FOR UPDATE"

_ON_DOMAIN = """
SELECT a.id, a.local || '@' || d.name AS address
FROM aliases a JOIN domains d ON d.id = a.domain_id WHERE d.id = :domain_id
UNION ALL SELECT id, '@' || name FROM domains WHERE parent_id = :domain_id
"""

_DELETE = "DELETE FROM aliases WHERE id = ANY(CAST(:ids AS bigint[]))"


def purge(db: Database, ring: KeyRing) -> int:
    """Delete aliases that can no longer be brought back, with all that is theirs; at most 500 at a time."""
    past = db.rows(Past, _PAST, days=UNDO_DAYS)
    for one in past:
        # On a domain of one's own, too: there an address would make itself anew with the next mail.
        add(db, ring, one.address)
    db.run(_DELETE, ids=[one.id for one in past])
    return len(past)


def forget(db: Database, ring: KeyRing, found: Sequence[Alias]) -> None:
    """Delete these now, with all that is theirs: there is no way back."""
    for one in found:
        add(db, ring, one.address)
    db.run(_DELETE, ids=[one.id for one in found])


def retire_all(db: Database, ring: KeyRing, user_id: int) -> None:
    """Before a user is deleted: what he was called on shared domains goes to nobody else."""
    for one in (*db.rows(Past, _OF_USER, user_id=user_id), *db.rows(Past, _OWN_SUBDOMAINS, user_id=user_id)):
        add(db, ring, one.address)


def retire_domain(db: Database, ring: KeyRing, domain_id: int) -> None:
    """Before a shared domain is deleted: should it come back one day, nobody gets what somebody else was called on it."""
    db.run(_LOCK_DOMAIN, domain_id=domain_id)
    for one in db.rows(Past, _ON_DOMAIN, domain_id=domain_id):
        add(db, ring, one.address)
