"""What tests of abuse may ask for.

pages     a Site (support/people.py) with open registration and subdomains to take; no drain is ever woken in it
estate    a person of it with one of everything (support/estate.py), of this module: what is tried on it must change nothing
fresh     makes another one, to be spoilt
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from postern.base import redact
from postern.base.database import SYSTEM
from postern.ops.local.superuser import Superuser
from postern.store import domains
from support.doh import DohServer
from support.estate import Estate, furnish
from support.people import Site, open_site


@pytest.fixture(scope="module")
def pages(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {"POSTERN_REGISTRATION": "open", "POSTERN_DB_POOL": "20"}
    with DohServer() as resolver, pytest.MonkeyPatch.context() as patch:
        patch.setattr("postern.flow.wake.drain", lambda context: None)
        patch.setattr(redact, "_known", redact._known)
        folder = tmp_path_factory.mktemp("pages")
        with open_site(cluster, folder, POSTERN_DOH_URL=resolver.url, **settings) as site:
            with site.context.pool.connection() as db, db.transaction(SYSTEM):
                domains.offer_subdomains(db, site.shared.id, True)
            yield site


@pytest.fixture(scope="module")
def estate(pages: Site) -> Estate:
    return furnish(pages)


@pytest.fixture
def fresh(pages: Site) -> Callable[[], Estate]:
    return partial(furnish, pages)


@pytest.fixture(autouse=True)
def _nobody_asked(request: pytest.FixtureRequest) -> None:
    """Earlier tests do not count for the limits of this one."""
    if "pages" in request.fixturenames:
        request.getfixturevalue("pages").run(
            "UPDATE sign_in_codes SET created_at = now() - interval '70 minutes'"
        )
