"""An account on a shared host, for the tests behind real servers; some files have another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.ops.local.embedded import Postgres
from support.account import Account, Tenant
from support.fixtures import relay_env
from support.relay import ScriptedRelay
from support.template import ready_database


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    made = Account()
    yield made
    made.remove()


@pytest.fixture
def tenant(account: Account, tls_server: Postgres, relay: ScriptedRelay) -> Iterator[Tenant]:
    """A migrated instance of the account, with a user, a mailbox and an alias."""
    with ready_database(tls_server) as database:
        made = Tenant(account, database, relay_env(relay))
        try:
            yield made
        finally:
            made.close()
