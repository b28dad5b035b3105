"""house: an instance with all sorts of things in it, for a module's tests that leave each other alone.

Jane has an alias with a contact, mail in quarantine, and MAILBOX. No drain is woken in it: its lock is held.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from postern.base.lock import FileLock
from postern.ops.local.superuser import Superuser
from support.doh import DohServer
from support.house import House, held_message
from support.mail import message
from support.queue import put
from support.template import ready_database


@pytest.fixture(scope="module")
def resolver() -> Iterator[DohServer]:
    """Where the house asks for TXT records."""
    with DohServer() as server:
        yield server


@pytest.fixture(scope="module")
def house(
    cluster: Superuser, resolver: DohServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with ready_database(cluster) as place:
        settings = {
            **place.env,
            "POSTERN_RELAY_HOST": "smtp.relay.example",
            "POSTERN_DOH_URL": resolver.url,
        }
        with contextlib.closing(House(tmp_path_factory.mktemp("house") / "home", settings)) as made:
            made.migrate()
            made.people()
            with FileLock(os.path.join(made.home, "run", "deliver.lock")) as lock:
                assert lock.acquire()
                put(made, made.context(), message(), held_message())
                yield made
