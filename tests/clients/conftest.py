"""What tests with public clients may ask for: a site that a program can reach, and somebody with a key and an app password.

served      an instance of this module at http://localhost (support/browser.py); no drain is ever woken in it
jane        a user of it, of this test
key         her key for everything
password    her app password for everything
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.flow import app_passwords
from postern.flow.api_keys import Wanted
from postern.ops.local.superuser import Superuser
from postern.store.api_keys import ALL, PASSWORD
from support.api import new_key
from support.browser import open_served
from support.people import Person, Site


@pytest.fixture(scope="module")
def served(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("postern.flow.wake.drain", lambda context: None)
        with open_served(cluster, tmp_path_factory.mktemp("served")) as site:
            yield site


@pytest.fixture
def jane(served: Site) -> Person:
    return served.person()


@pytest.fixture
def key(served: Site, jane: Person) -> str:
    return new_key(served, jane)


@pytest.fixture
def password(served: Site, jane: Person) -> str:
    made = app_passwords.make(served.context, jane.id, Wanted("Phone", ALL, None, PASSWORD))
    served.run("DELETE FROM messages WHERE user_id = :id", id=jane.id)
    return made
