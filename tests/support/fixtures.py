"""Fixtures for tests of the whole road.

relay        a ScriptedRelay of this test, with STARTTLS and AUTH; its script may be set before the drain runs
instance     a migrated instance with a user, a verified mailbox and an alias, that sends through `relay`
site         the same instance, served; its address
doh_server   a DohServer of this test, in clear; POSTERN_DOH_URL is its `url`, and its zone is empty
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from support.doh import DohServer
from support.instance import Instance
from support.postgres import Database
from support.relay import ScriptedRelay

RELAY_USER, RELAY_PASSWORD = "postern", "the relay's own password"


def relay_env(relay: ScriptedRelay) -> dict[str, str]:
    """The settings that lead Postern to this relay, without a budget."""
    return {
        "POSTERN_RELAY_HOST": "127.0.0.1",
        "POSTERN_RELAY_PORT": str(relay.port),
        "POSTERN_RELAY_USER": RELAY_USER,
        "POSTERN_RELAY_PASSWORD": f'"{RELAY_PASSWORD}"',
        "POSTERN_RELAY_CA_FILE": relay.ca_file,
        "POSTERN_RELAY_SECONDS": "20",
        "POSTERN_RELAY_PER_HOUR": "0",
        "POSTERN_RELAY_PER_DAY": "0",
    }


@pytest.fixture
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay(users={RELAY_USER: RELAY_PASSWORD}) as server:
        yield server


@pytest.fixture
def instance(tmp_path: pathlib.Path, ready_database: Database, relay: ScriptedRelay) -> Iterator[Instance]:
    made = Instance(tmp_path / "home", {**ready_database.env, **relay_env(relay)})
    made.migrate()
    made.people()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def site(instance: Instance) -> Iterator[str]:
    with instance.served() as address:
        yield address


@pytest.fixture
def doh_server() -> Iterator[DohServer]:
    with DohServer() as server:
        yield server
