"""Domains: shared by all users, or owned by one."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database


@dataclass(frozen=True)
class Domain:
    """A row of `domains`. `user_id` is None for a shared one."""

    id: int
    name: str
    user_id: int | None
    created_at: datetime


_ADD = """
INSERT INTO domains (name, user_id, verified_at) VALUES (:name, :user_id, now())
RETURNING id, name, user_id, created_at
"""


def add(db: Database, name: str, user_id: int | None) -> Domain:
    """Take in a domain for which the operator vouches. UniqueViolation(domain_name_once) when it is here already."""
    domain = db.row(Domain, _ADD, name=name, user_id=user_id)
    assert domain is not None
    return domain


_FIND = "SELECT id, name, user_id, created_at FROM domains WHERE name = :name"


def find(db: Database, name: str) -> Domain | None:
    """The domain of that name, among those this tenant may see."""
    return db.row(Domain, _FIND, name=name)


_ALL = "SELECT id, name, user_id, created_at FROM domains ORDER BY name"


def all_domains(db: Database) -> list[Domain]:
    """Every domain this tenant may see."""
    return db.rows(Domain, _ALL)
