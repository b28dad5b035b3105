"""A migrated database for each module that tests the SQL, and an empty one for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.base.database import Database
from postern.ops.local.superuser import Superuser
from support.store import Store, Tenant, add_tenant, opened, spread_ids
from support.template import ready_database


@pytest.fixture(scope="module")
def module_store(cluster: Superuser) -> Iterator[Store]:
    """A database of this module."""
    with ready_database(cluster) as place, opened(place) as made:
        spread_ids(made)
        yield made


@pytest.fixture
def store(module_store: Store) -> Iterator[Store]:
    """The same, emptied after the test."""
    with opened(module_store.place) as made:
        yield made
        made.empty()


@pytest.fixture
def db(store: Store) -> Database:
    return store.connect()


@pytest.fixture
def jane(db: Database) -> Tenant:
    """One user with one delivery, due now."""
    return add_tenant(db, "jane")
