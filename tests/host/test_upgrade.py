"""Upgrade and rollback as an operator does them: a shared host, Apache with suexec, mail coming in all the time.

The cases of every fault are in tests/ops/test_upgrade.py; here is what only the host can show.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import stat
import threading
from collections.abc import Iterator

import pytest

from postern.base.errors import PosternError
from postern.ops.install.htaccess import Site
from postern.ops.local.embedded import Postgres
from support.host import HOME, SharedHost
from support.mail import message, parsed
from support.operator import DOMAIN, Operator
from support.passenger import PassengerHost
from support.patience import join, until
from support.postgres import Database, fresh_database
from support.relay import ScriptedRelay
from support.releases import add, build, migration, swap

pytestmark = [pytest.mark.tier("suexec"), pytest.mark.tier("cron")]

MORE = migration(
    "ALTER TABLE aliases ADD COLUMN colour text NOT NULL DEFAULT 'blue';",
    "ALTER TABLE aliases DROP COLUMN colour;",
)
PAGE = add("lib/postern/web/pages/front.html", "<p>The new one.</p>")
STYLE = add("static/app.css", "/* new */")
FOREIGN = "# of the panel\n"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A good release, and one whose pages cannot be drawn."""
    folder = tmp_path_factory.mktemp("releases")
    build(folder, "1.1.0", MORE, PAGE, STYLE)
    broken = swap("lib/postern/web/health.py", "def show(", "def shown(")
    build(folder, "1.2.0", MORE, broken)
    return folder


@pytest.fixture
def database(tls_server: Postgres) -> Iterator[Database]:
    with fresh_database(tls_server) as made:
        yield made


def installed(host: SharedHost, relay: ScriptedRelay, database: Database, archives: pathlib.Path) -> Operator:
    """An account with the archives in its home, a foreign line in .htaccess, and an alias."""
    operator = Operator(host, relay, database)
    host.put_program()
    for archive in archives.glob("*.zip"):
        shutil.copy(archive, host.home)
        host.give(host.home / archive.name)
    return operator


def ready(operator: Operator) -> None:
    rules = operator.host.docroot / ".htaccess"
    rules.write_text(FOREIGN + rules.read_text())
    operator.postern("alias", "add", "jane", f"shop@{DOMAIN}")


class Stream:
    """Mail that comes in all the time; `taken` holds the subjects of what was answered 202."""

    def __init__(self, operator: Operator) -> None:
        self.taken: list[str] = []
        self.refused: set[int] = set()
        self._operator = operator
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Stream:
        self._thread.start()
        until(lambda: self.taken)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        join(self._thread)

    def _run(self) -> None:
        number = 0
        while not self._over.wait(0.2):
            number += 1
            try:
                answer = self._operator.post(message(subject=f"No. {number}"))
            except PosternError:
                continue
            if answer.status == 202:
                self.taken.append(f"No. {number}")
            else:
                self.refused.add(answer.status)


def arrives_once(operator: Operator, relay: ScriptedRelay, taken: list[str]) -> None:
    def subjects() -> list[str]:
        return sorted(str(parsed(got.content)["Subject"]) for got in relay.messages)

    operator.run_cron_lines()
    until(lambda: len(subjects()) >= len(taken))
    assert subjects() == sorted(taken)


def page(host: SharedHost) -> str:
    return host.ask("GET", "/", {"Accept": "text/html"})[2].decode()


def modes(host: SharedHost) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in host.docroot.iterdir() if path.is_dir()}


def test_an_upgrade_and_a_rollback_under_suexec(
    relay: ScriptedRelay, database: Database, archives: pathlib.Path
) -> None:
    with SharedHost() as host:
        operator = installed(host, relay, database, archives)
        operator.install()
        ready(operator)
        before, door = modes(host), (host.docroot / "cgi-bin" / "postern.cgi").read_text().split("\n")[0]
        sheet = re.findall(r"/static/app\.\w+\.css", page(host))
        with Stream(operator) as stream:
            said = operator.postern("upgrade", f"{HOME}/postern-1.1.0.zip")
            assert re.search(r"pages were away for \d+\.\d s", said)
            assert "The new one." in page(host)
            assert re.findall(r"/static/app\.\w+\.css", page(host)) != sheet
            operator.postern("rollback", "--yes")
            assert "The new one." not in page(host)
            assert re.findall(r"/static/app\.\w+\.css", page(host)) == sheet
        assert stream.refused <= {503}
        arrives_once(operator, relay, stream.taken)
        assert (host.docroot / ".htaccess").read_text().startswith(FOREIGN)
        assert (host.docroot / "cgi-bin" / "postern.cgi").read_text().split("\n")[0] == door
        assert {name: mode for name, mode in modes(host).items() if name in before} == before
        told = operator.install("--check")
        assert "would" not in told.replace("would ask the site", "")


def test_an_upgrade_that_does_not_do_on_this_host_goes_back_by_itself(
    relay: ScriptedRelay, database: Database, archives: pathlib.Path
) -> None:
    with SharedHost(mpm="event") as host:
        operator = installed(host, relay, database, archives)
        operator.install()
        ready(operator)
        with Stream(operator) as stream:
            said = operator.postern("upgrade", f"{HOME}/postern-1.2.0.zip", code=1)
        assert "Everything was put back" in said
        assert host.ask("GET", "/health")[0] == 200
        assert stream.refused <= {503}
        arrives_once(operator, relay, stream.taken)
        assert operator.postern("rollback", "--list") == "There is nothing to go back to yet.\n"


@pytest.mark.tier("passenger")
def test_an_upgrade_under_passenger_replaces_the_running_app(
    relay: ScriptedRelay, database: Database, archives: pathlib.Path
) -> None:
    with PassengerHost() as host:
        operator = installed(host, relay, database, archives)
        operator.answers["POSTERN_INSTALL_DOOR"] = "passenger"
        host.become("stock", Site("", "cgi", "off"))
        operator.install()
        ready(operator)
        apps = set(host.apps())
        assert apps
        with Stream(operator) as stream:
            operator.postern("upgrade", f"{HOME}/postern-1.1.0.zip")
            assert "The new one." in page(host)
        assert not apps & set(host.apps())
        assert stream.refused <= {503}
        arrives_once(operator, relay, stream.taken)
