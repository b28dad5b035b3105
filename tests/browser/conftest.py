"""What tests with a browser may ask for. All of them need the tier browser.

visit(person, look)   a Visitor, signed in as that person; without one, a stranger. Judged and closed when the test ends
site                  the instance of this test (support/people.py), served at http://localhost, with the `relay` behind it
resolver              where it looks domains up
jane, other           two people of it, who must never see each other's things
mail_to(address)      lets everything be delivered that is due; the newest message that the relay took for this address
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import pathlib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from postern.ops.local.superuser import Superuser
from support.browser import DESKTOP, Look, Visitor, open_chromium, open_served
from support.doh import DohServer
from support.fixtures import relay_env
from support.people import Person, Site
from support.relay import ScriptedRelay


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = pathlib.Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.tier("browser"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    # Not for the whole session: Playwright leaves its event loop running, and there can be no second one in the thread.
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def resolver() -> Iterator[DohServer]:
    with DohServer() as server:
        yield server


@pytest.fixture
def site(
    cluster: Superuser, tmp_path: pathlib.Path, relay: ScriptedRelay, resolver: DohServer
) -> Iterator[Site]:
    with open_served(cluster, tmp_path, POSTERN_DOH_URL=resolver.url, **relay_env(relay)) as made:
        yield made


@pytest.fixture
def jane(site: Site) -> Person:
    return site.person()


@pytest.fixture
def other(site: Site) -> Person:
    return site.person()


@pytest.fixture
def visit(chromium: Any, site: Site) -> Iterator[Callable[..., Visitor]]:
    with contextlib.ExitStack() as stack:

        def open_visitor(person: Person | None = None, look: Look = DESKTOP) -> Visitor:
            visitor = Visitor(chromium, site, look)
            stack.callback(visitor.finish)
            if person is not None:
                visitor.sign_in(person)
            return visitor

        yield open_visitor


@pytest.fixture
def mail_to(site: Site, relay: ScriptedRelay) -> Callable[[str], EmailMessage]:
    def newest(address: str) -> EmailMessage:
        site.instance.finish()
        found = [one.content for one in relay.messages if address in one.rcpt_to]
        assert found, f"nothing was sent to {address}"
        message = email.message_from_bytes(found[-1], policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message

    return newest
