"""Domains: shared by all users, or owned by one."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from postern.base.database import Database


@dataclass(frozen=True)
class Domain:
    """A row of `domains`. `user_id` is None for a shared one; `proof` is what its TXT record must say."""

    id: int
    uid: UUID
    name: str
    user_id: int | None
    created_at: datetime
    verified_at: datetime | None
    proof: str
    checked_at: datetime | None
    parent_id: int | None
    subdomains: bool
    on_the_fly: bool
    fly_per_day: int
    enabled: bool
    note: str


_ADD = """
INSERT INTO domains (name, user_id, verified_at) VALUES (:name, :user_id, now())
RETURNING id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
"""


def add(db: Database, name: str, user_id: int | None) -> Domain:
    """Take in a domain for which the operator vouches. UniqueViolation(domain_name_once) when it is here already."""
    domain = db.row(Domain, _ADD, name=name, user_id=user_id)
    assert domain is not None
    return domain


_FIND = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
FROM domains WHERE name = :name AND verified_at IS NOT NULL
"""


def find(db: Database, name: str) -> Domain | None:
    """The verified domain of that name, among those this tenant may see."""
    return db.row(Domain, _FIND, name=name)


_ALL = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
FROM domains ORDER BY name, id
"""


def all_domains(db: Database) -> list[Domain]:
    """Every domain this tenant may see."""
    return db.rows(Domain, _ALL)


_USABLE = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
FROM domains WHERE verified_at IS NOT NULL AND (user_id IS NULL OR user_id = :user_id) ORDER BY user_id IS NULL DESC, id
"""


def usable(db: Database, user_id: int) -> list[Domain]:
    """Where this user may have aliases: the shared ones first, then his own."""
    return db.rows(Domain, _USABLE, user_id=user_id)


_GET = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
FROM domains WHERE uid = :uid
"""


def get(db: Database, uid: UUID) -> Domain | None:
    """The domain of that uid, among those this tenant may see."""
    return db.row(Domain, _GET, uid=uid)


_OF_USER = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
FROM domains WHERE user_id = :user_id ORDER BY name, id
"""


def of_user(db: Database, user_id: int) -> list[Domain]:
    """A user's own domains, claims among them."""
    return db.rows(Domain, _OF_USER, user_id=user_id)


_CLAIM = """
INSERT INTO domains (name, user_id, proof) VALUES (:name, :user_id, :proof)
RETURNING id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
"""


def claim(db: Database, name: str, user_id: int, proof: str) -> Domain:
    """A domain that its user says is his. UniqueViolation(domain_name_once_per_user) when he said so before."""
    domain = db.row(Domain, _CLAIM, name=name, user_id=user_id, proof=proof)
    assert domain is not None
    return domain


_TAKE_SUBDOMAIN = """
INSERT INTO domains (name, user_id, parent_id, verified_at) VALUES (:name, :user_id, :parent_id, now())
RETURNING id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
"""


def take_subdomain(db: Database, name: str, user_id: int, parent_id: int) -> Domain:
    """A subdomain of a shared domain. UniqueViolation(domain_name_once) when somebody has it."""
    domain = db.row(Domain, _TAKE_SUBDOMAIN, name=name, user_id=user_id, parent_id=parent_id)
    assert domain is not None
    return domain


_IN_THE_WAY = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly,
       fly_per_day, enabled, note
FROM domains
WHERE verified_at IS NOT NULL AND user_id IS DISTINCT FROM CAST(:user_id AS bigint)
  AND (name = :name OR right(:name, length(name) + 1) = '.' || name OR right(name, length(:name) + 1) = '.' || :name)
ORDER BY id LIMIT 1
"""


def in_the_way(db: Database, name: str, user_id: int) -> Domain | None:
    """A verified domain that is not this user's, and is the same, above or below. Asked as SYSTEM: users do not see others'."""
    return db.row(Domain, _IN_THE_WAY, name=name, user_id=user_id)


_VERIFY = "UPDATE domains SET verified_at = now(), checked_at = now() WHERE id = :id AND verified_at IS NULL"


def verify(db: Database, domain_id: int) -> bool:
    """Its ownership was shown. UniqueViolation(domain_name_once): somebody was first. False when it was verified before."""
    return db.count(_VERIFY, id=domain_id) == 1


_NOTE_CHECK = "UPDATE domains SET checked_at = now() WHERE id = :id"


def note_check(db: Database, domain_id: int) -> None:
    """Its TXT record was looked for, in vain."""
    db.run(_NOTE_CHECK, id=domain_id)


_SET_FLY = (
    "UPDATE domains SET on_the_fly = :on, fly_per_day = :per_day WHERE id = :id AND user_id IS NOT NULL"
)


def set_fly(db: Database, domain_id: int, on: bool, per_day: int) -> bool:
    """Whether any address of it makes itself an alias, and how many a day at most. False for a shared one."""
    return db.count(_SET_FLY, id=domain_id, on=on, per_day=per_day) == 1


_ENABLE = "UPDATE domains SET enabled = :on WHERE id = :id AND user_id IS NOT NULL"


def enable(db: Database, domain_id: int, on: bool) -> bool:
    """Let its aliases take mail, or refuse it. False for a shared one."""
    return db.count(_ENABLE, id=domain_id, on=on) == 1


_DESCRIBE = "UPDATE domains SET note = :note WHERE id = :id AND user_id IS NOT NULL"


def describe(db: Database, domain_id: int, note: str) -> bool:
    """Keep what its user says about it. False for a shared one."""
    return db.count(_DESCRIBE, id=domain_id, note=note) == 1


@dataclass(frozen=True)
class _Many:
    """So many aliases of a domain."""

    domain_id: int
    many: int


_ALIASES_BY_DOMAIN = """
SELECT domain_id, count(*) AS many FROM aliases WHERE user_id = :user_id AND deleted_at IS NULL GROUP BY domain_id
"""


def aliases_by_domain(db: Database, user_id: int) -> dict[int, int]:
    """Id of a domain -> how many aliases the user has there; domains without any are left out."""
    return {one.domain_id: one.many for one in db.rows(_Many, _ALIASES_BY_DOMAIN, user_id=user_id)}


_OFFER_SUBDOMAINS = "UPDATE domains SET subdomains = :offered WHERE id = :id AND user_id IS NULL"


def offer_subdomains(db: Database, domain_id: int, offered: bool) -> bool:
    """Whether users may take subdomains of it. False for one that is not shared."""
    return db.count(_OFFER_SUBDOMAINS, id=domain_id, offered=offered) == 1


_ALIASES_OF = "SELECT count(*) FROM aliases WHERE domain_id = :id AND deleted_at IS NULL"


def count_aliases(db: Database, domain_id: int) -> int:
    """How many aliases it has, of those this tenant may see."""
    return int(db.value(_ALIASES_OF, id=domain_id))


_SUBDOMAINS_OF = "SELECT count(*) FROM domains WHERE parent_id = :id"


def count_subdomains(db: Database, domain_id: int) -> int:
    """How many subdomains of it users have taken, of those this tenant may see."""
    return int(db.value(_SUBDOMAINS_OF, id=domain_id))


_DELETE = "DELETE FROM domains WHERE id = :id"


def delete(db: Database, domain_id: int) -> bool:
    """Delete it with its aliases and all that is theirs. False when it is gone already."""
    return db.count(_DELETE, id=domain_id) == 1


_FORGET_CLAIMS = "DELETE FROM domains WHERE verified_at IS NULL AND created_at < now() - interval '14 days'"


def forget_claims(db: Database) -> int:
    """Delete claims that were not shown within 14 days."""
    return db.count(_FORGET_CLAIMS)


_FIRST_SHARED = (
    "SELECT name FROM domains WHERE user_id IS NULL AND verified_at IS NOT NULL ORDER BY id LIMIT 1"
)


def first_shared(db: Database) -> str | None:
    """The name of the oldest shared domain."""
    found = db.value(_FIRST_SHARED)
    return None if found is None else str(found)
