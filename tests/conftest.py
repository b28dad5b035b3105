"""What every test may ask for: a PostgreSQL, and the tiers.

    cluster            the run's server (Superuser): roles `postern_owner`, `postern_granted`
    database           an empty database of this test, owned by its role
    ready_database     the same at the program's schema
    granted_database   the same, but the role was only granted ALL on it
    tls_server         a server of this worker on 127.0.0.1 with TLS and SCRAM (Postgres)
    matrix_server      a server of each supported end of PostgreSQL's releases (tier postgres-matrix)

lib/ and tests/ are on sys.path (pyproject.toml).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis.database import DirectoryBasedExampleDatabase

import tiers
from postern.base import redact
from postern.base.errors import PosternError
from postern.ops.local.embedded import Postgres
from postern.ops.local.superuser import Superuser
from support.postgres import Database, Keeper, ask, create_roles, fresh_database
from support.template import ready_database

pytest_plugins = ["support.fixtures"]

ALL = bool(os.environ.get("POSTERN_TESTS_ALL"))
KEEPER = pytest.StashKey[Keeper]()

SAME_CASES = ALL or bool(os.environ.get("CI"))
"""Where all is tried, as on CI, properties are tried on the same cases each time; elsewhere on new ones."""

# No deadline: a busy machine is no failure.
hypothesis.settings.register_profile(
    "postern",
    deadline=None,
    derandomize=SAME_CASES,
    database=None if SAME_CASES else DirectoryBasedExampleDatabase(tiers.WORK / "hypothesis"),
)
hypothesis.settings.load_profile("postern")


def pytest_configure(config: pytest.Config) -> None:
    # A shell without job control starts what runs in the background with SIGINT ignored, and children inherit that (POSIX
    # 2.11): then Ctrl-C, which some tests press, would reach nobody.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Where this is set (images of containers like to), each of the thousands of programs that tests start would compile all
    # that it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    config.addinivalue_line("markers", "long: takes half a minute and more, so it begins before all others")
    config.addinivalue_line("markers", f"tier(name): needs one of: {', '.join(tiers.TIERS)}")
    if not hasattr(config, "workerinput"):
        config.stash[KEEPER] = Keeper()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: begun last, one would keep a single worker busy at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist: what a worker is told at its start."""
    node.workerinput["keeper"] = node.config.stash[KEEPER].port


def pytest_unconfigure(config: pytest.Config) -> None:
    if KEEPER in config.stash:
        config.stash[KEEPER].stop()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("tier"):
        need(*marker.args)


def need(tier: str) -> None:
    """Skip where a tier is missing; under tests/run --all that is a failure."""
    reason = tiers.why_missing(tier)
    if reason:
        (pytest.fail if ALL else pytest.skip)(reason)


@pytest.fixture(autouse=True)
def _secrets_are_forgotten() -> Iterator[None]:
    """A process knows the secrets of one instance; a worker would look for those of thousands in each line that it logs."""
    known = redact._known
    yield
    redact._known = known


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Superuser:
    if hasattr(pytestconfig, "workerinput"):
        return ask(pytestconfig.workerinput["keeper"])
    return pytestconfig.stash[KEEPER].server()


@pytest.fixture
def database(cluster: Superuser) -> Iterator[Database]:
    with fresh_database(cluster) as fresh:
        yield fresh


@pytest.fixture(name="ready_database")
def _ready_database(cluster: Superuser) -> Iterator[Database]:
    with ready_database(cluster) as ready:
        yield ready


@pytest.fixture
def granted_database(cluster: Superuser) -> Iterator[Database]:
    with fresh_database(cluster, owned=False) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def start_over_tcp() -> Callable[..., Postgres]:
    """Postgres.start with TLS on 127.0.0.1. The wheel's build has no TLS; those of the tier postgres-matrix have."""

    def start(**options: Any) -> Postgres:
        try:
            return Postgres.start(tcp=True, **options)
        except PosternError as error:
            if "SSL is not supported" not in str(error):
                raise
        need("postgres-matrix")
        return Postgres.start(tcp=True, bin_dir=str(tiers.release(max(tiers.RELEASES))), **options)

    return start


@pytest.fixture(scope="session")
def tls_server(start_over_tcp: Callable[..., Postgres]) -> Iterator[Postgres]:
    with start_over_tcp() as server:
        create_roles(server)
        yield server


@pytest.fixture(scope="session", params=sorted(tiers.RELEASES), ids="postgresql-{}".format)
def matrix_server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    need("postgres-matrix")
    with Postgres.start(bin_dir=str(tiers.release(request.param))) as server:
        create_roles(server)
        yield server
