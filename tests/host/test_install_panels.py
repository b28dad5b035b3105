"""install.sh on other hosts: cPanel with its own Passenger and databases, Passenger asked for, HTTPS under mod_cgid.

What is cPanel's is answered as its manual says (support/uapi.py); everything else is the real program.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.ops.install.htaccess import Site
from postern.ops.local.embedded import Postgres
from support.host import HOME, SharedHost
from support.mail import body_of, message
from support.operator import DOMAIN, Operator
from support.passenger import PYTHON, PassengerHost
from support.patience import until
from support.postgres import Database, fresh_database
from support.relay import ScriptedRelay
from support.uapi import Uapi

SHIPPED = Site("", "cgi", "off")
"""The rules that lie in a release."""

pytestmark = [pytest.mark.tier("suexec"), pytest.mark.tier("cron")]


@pytest.fixture
def database(tls_server: Postgres) -> Iterator[Database]:
    with fresh_database(tls_server) as made:
        yield made


def first_message(operator: Operator, relay: ScriptedRelay) -> None:
    operator.postern("alias", "add", "jane", f"shop@{DOMAIN}")
    mime = message(body=b"Through the panel.\r\n")
    assert operator.post(mime).receipt == "stored"
    operator.run_cron_lines()
    until(lambda: relay.messages)
    assert body_of(relay.messages[0].content) == body_of(mime)


@pytest.mark.tier("passenger")
def test_cpanel_makes_the_database_and_registers_the_app(tls_server: Postgres, relay: ScriptedRelay) -> None:
    with (
        PassengerHost() as host,
        Uapi(host.folder / "cpanel", tls_server, python=PYTHON, domain="127.0.0.1") as uapi,
    ):
        operator = Operator(host, relay, None)
        operator.answers.update(
            PATH=f"{uapi.folder}:/usr/bin:/bin",
            POSTERN_DB_HOST="127.0.0.1",
            POSTERN_DB_PORT=str(tls_server.port),
        )
        host.put_program()
        host.become("cpanel", SHIPPED)
        told = operator.install()
        assert "made through cPanel" in told
        assert "cpanel, registered, started anew" in told
        assert [app["path"] for app in uapi.applications.values()] == [f"{HOME}/public_html"]
        assert operator.settings()["POSTERN_DB_NAME"] in uapi.databases()
        first_message(operator, relay)
        assert host.apps()
        told = operator.install()
        assert "cpanel, as it must be" in told
        operator.install("--uninstall")
        assert uapi.applications == {}


@pytest.mark.tier("passenger")
def test_passenger_is_taken_where_it_is_asked_for(database: Database, relay: ScriptedRelay) -> None:
    with PassengerHost() as host:
        operator = Operator(host, relay, database)
        host.put_program()
        host.become("stock", SHIPPED)
        told = operator.install(POSTERN_INSTALL_DOOR="passenger")
        assert "PassengerAppRoot" in told
        assert "12/12 Self-check over HTTP" in told
        first_message(operator, relay)
        assert host.apps()


def test_https_under_mod_cgid(database: Database, relay: ScriptedRelay) -> None:
    with SharedHost(mpm="event", tls=True) as host:
        operator = Operator(host, relay, database)
        operator.answers.update(
            POSTERN_URL=host.tls_url, POSTERN_HSTS="month", SSL_CERT_FILE=host.share(host.certificate.ca)
        )
        host.put_program()
        operator.install()
        status, headers, _ = host.ask("GET", "/sign-in?next=1")
        assert (status, headers["location"]) == (308, f"{host.tls_url}/sign-in?next=1")
        page = host.fetch("GET", "/sign-in", tls=True)
        assert (page.status, page.header("strict-transport-security")) == (
            200,
            "max-age=2592000",
        )
        assert host.run(f"ls {HOME}/.postern/bin").stdout == "pipe\npostern\n"
