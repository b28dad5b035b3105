"""What tests of the APIs may ask for.

pages    an instance of this module (support/people.py), its application in this process; no drain is ever woken in it
jane     a user of it; each test has one of his own
simple   jane's client of SimpleLogin's dialect, with a key for everything
addy     the same of addy.io's
password jane's app password for everything; the notice of it is not in the queue
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.ops.local.superuser import Superuser
from support.api import Addy, SimpleLogin, new_key, new_password
from support.people import Person, Site, open_site


@pytest.fixture(scope="module")
def pages(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("postern.flow.wake.drain", lambda context: None)
        with open_site(cluster, tmp_path_factory.mktemp("pages")) as site:
            yield site


@pytest.fixture
def jane(pages: Site) -> Person:
    return pages.person()


@pytest.fixture
def simple(pages: Site, jane: Person) -> SimpleLogin:
    return SimpleLogin(pages, new_key(pages, jane))


@pytest.fixture
def addy(pages: Site, jane: Person) -> Addy:
    return Addy(pages, new_key(pages, jane))


@pytest.fixture
def password(pages: Site, jane: Person) -> str:
    return new_password(pages, jane)
