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


_ADD = """
INSERT INTO domains (name, user_id, verified_at) VALUES (:name, :user_id, now())
RETURNING id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly, fly_per_day
"""


def add(db: Database, name: str, user_id: int | None) -> Domain:
    """Take in a domain for which the operator vouches. UniqueViolation(domain_name_once) when it is here already."""
    domain = db.row(Domain, _ADD, name=name, user_id=user_id)
    assert domain is not None
    return domain


_FIND = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly, fly_per_day
FROM domains WHERE name = :name AND verified_at IS NOT NULL
"""


def find(db: Database, name: str) -> Domain | None:
    """The verified domain of that name, among those this tenant may see."""
    return db.row(Domain, _FIND, name=name)


_ALL = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly, fly_per_day
FROM domains ORDER BY name, id
"""


def all_domains(db: Database) -> list[Domain]:
    """Every domain this tenant may see."""
    return db.rows(Domain, _ALL)


_USABLE = """
SELECT id, uid, name, user_id, created_at, verified_at, proof, checked_at, parent_id, subdomains, on_the_fly, fly_per_day
FROM domains WHERE verified_at IS NOT NULL AND (user_id IS NULL OR user_id = :user_id) ORDER BY user_id IS NULL DESC, id
"""


def usable(db: Database, user_id: int) -> list[Domain]:
    """Where this user may have aliases: the shared ones first, then his own."""
    return db.rows(Domain, _USABLE, user_id=user_id)
