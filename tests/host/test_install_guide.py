"""docs/install.md, followed to the letter on an empty account: every command that it shows is run as it stands there.

Only what is the reader's own differs: the address of his site, his relay, his database.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

import tiers
from postern.ops.local.embedded import Postgres
from postern.ops.releases import pack
from support.host import HOME, SharedHost
from support.operator import Operator
from support.patience import until
from support.postgres import Database, fresh_database
from support.relay import ScriptedRelay

pytestmark = [pytest.mark.tier("suexec"), pytest.mark.tier("cron")]

GUIDE = (tiers.TOP / "docs" / "install.md").read_text()
DOMAIN = "alias.example.org"


@pytest.fixture
def database(tls_server: Postgres) -> Iterator[Database]:
    with fresh_database(tls_server) as made:
        yield made


@pytest.fixture
def operator(relay: ScriptedRelay, database: Database) -> Iterator[Operator]:
    """An account with nothing but the archive in it."""
    with SharedHost() as host:
        made = Operator(host, relay, database)
        made.answers["POSTERN_INSTALL_DOMAIN"] = DOMAIN
        pack.pack(str(tiers.TOP), str(host.folder / "release"))
        archive = next((host.folder / "release").glob("*.zip"))
        shutil.copy(archive, host.home / "postern.zip")
        host.give(host.home / "postern.zip")
        yield made


def blocks(language: str) -> list[str]:
    """The guide's code blocks of a language, in order; without one they are no commands."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def test_the_guide_for_a_shell(operator: Operator, relay: ScriptedRelay) -> None:
    script = "set -ex\n" + "".join(blocks("sh"))
    assert script.count("install.sh") == 2
    done = operator.host.run(script, env=operator.answers)
    assert done.returncode == 0, done.stdout
    assert "Lead the mail of your domain here: docs/cloudflare.md" in done.stdout
    until(lambda: relay.messages)
    assert relay.messages[0].rcpt_to == ("jane.doe@real-mailbox.example",)
    status, _, page = operator.host.ask("GET", "/", {"Accept": "text/html"})
    assert (status, b"Postern" in page) == (200, True)


def test_the_guide_for_a_host_without_a_shell(operator: Operator, relay: ScriptedRelay) -> None:
    """Files by the panel's File Manager, then one cron job."""
    host = operator.host
    host.run(f"unzip -q {HOME}/postern.zip -d {HOME}/public_html", check=True)
    example, cron_line = blocks("")
    names = [line.partition("=")[0] for line in example.splitlines()]
    named = set(names) | set(re.findall(r"`(POSTERN_DB_\w+)`", GUIDE))
    lines = [f"{name}={value!r}" for name, value in operator.answers.items() if name in named]
    # What only this test's relay and database need.
    lines += [f"{name}={value}" for name, value in operator.answers.items() if name not in named]
    (host.home / ".postern").mkdir()
    (host.home / ".postern" / ".env").write_text("\n".join(lines))
    host.give(host.home / ".postern")
    done = host.run(cron_line.split(None, 5)[5])
    told = (host.home / "install.log").read_text()
    assert done.returncode == 0, told
    assert "Sign in as jane" in told
    operator.postern("alias", "add", "jane", f"shop@{DOMAIN}")
    operator.postern("send-test", f"shop@{DOMAIN}")
    operator.run_cron_lines()
    until(lambda: relay.messages)
