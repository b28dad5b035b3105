"""What tests of the pages may ask for.

pages   an instance of this module, with its application in this process (support/people.py); each test makes people of its own
jane    one of them
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.ops.local.superuser import Superuser
from support.people import Person, Site, open_site


@pytest.fixture(scope="module")
def pages(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(cluster, tmp_path_factory.mktemp("pages")) as made:
        yield made


@pytest.fixture
def jane(pages: Site) -> Person:
    return pages.person()
