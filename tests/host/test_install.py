"""install.sh on a shared host, as an operator meets it: unpack, run it once without a terminal, open the site, get mail.

The host is real (support/host.py): Apache with suexec, a tenant, a database role with few rights, a crontab. Each run of the
installer is the tenant's own, with no more of an environment than cron gives.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from postern.ops.local.embedded import Postgres
from support.host import HOME, SharedHost
from support.mail import body_of, message
from support.operator import DOMAIN, PUBLIC, Operator
from support.patience import PATIENCE, child, read_terminal, until
from support.postgres import Database, fresh_database
from support.relay import ScriptedRelay

pytestmark = [pytest.mark.tier("suexec"), pytest.mark.tier("cron")]


@pytest.fixture(scope="session")
def host() -> Iterator[SharedHost]:
    """One host for all; every test begins with an empty account."""
    with SharedHost() as made:
        yield made


@pytest.fixture(params=["owner", "granted"])
def role(request: pytest.FixtureRequest, tls_server: Postgres) -> Iterator[Database]:
    with fresh_database(tls_server, owned=request.param == "owner") as database:
        yield database


@pytest.fixture
def database(tls_server: Postgres) -> Iterator[Database]:
    with fresh_database(tls_server) as made:
        yield made


@pytest.fixture
def operator(host: SharedHost, relay: ScriptedRelay, database: Database) -> Operator:
    made = Operator(host, relay, database)
    made.empty_account()
    host.put_program()
    return made


def test_from_an_empty_account_to_the_first_forwarded_message(
    host: SharedHost, relay: ScriptedRelay, role: Database
) -> None:
    operator = Operator(host, relay, role)
    operator.empty_account()
    host.put_program()
    told = operator.install()
    assert "12/12 Self-check over HTTP" in told
    before = host.complaints()
    works(operator, told)
    operator.postern("alias", "add", "jane", f"shop@{DOMAIN}")
    mime = message(body=b"The first one.\r\n")
    assert operator.post(mime).receipt == "stored"
    operator.run_cron_lines()
    until(lambda: relay.messages)
    assert body_of(relay.messages[0].content) == body_of(mime)
    assert relay.messages[0].rcpt_to == ("jane.doe@real-mailbox.example",)
    assert host.complaints() == before


def works(operator: Operator, told: str) -> None:
    """The last link to sign in by that was told."""
    links = re.findall(r"Sign in as jane .*: (http\S+)", told)
    assert operator.host.ask("GET", links[-1].removeprefix(operator.host.url))[0] == 200


@pytest.mark.long
def test_a_second_run_and_a_check_change_nothing(operator: Operator) -> None:
    operator.host.run("printf '# mine\\n5 4 * * * true\\n' | crontab -", check=True)
    before = snapshot(operator.host)
    told = operator.install("--check", code=1)
    assert f"would make {HOME}/.postern" in told
    assert "would add the crontab lines" in told
    assert snapshot(operator.host) == before
    operator.take_packages()
    operator.install()
    before = snapshot(operator.host)
    told = operator.install("--check")
    assert told.count("as it must be") == 11
    assert snapshot(operator.host) == before
    told = operator.install()
    assert "nothing was changed" in told
    assert snapshot(operator.host) == before
    assert operator.host.run("crontab -l").stdout.startswith("# mine\n5 4 * * * true\n")
    assert "Sign in as" not in told
    # As if a run had been killed between making the first user and telling how to sign in.
    (operator.host.home / ".postern" / "install.json").unlink()
    assert "would make a sign-in link" in operator.install("--check", code=1)
    works(operator, operator.install())


def snapshot(host: SharedHost) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file that an installation makes, and the crontab."""
    found = {"crontab": (0, host.run("crontab -l").stdout.encode())}
    for place in (host.docroot, host.home / ".postern"):
        for path in sorted(place.rglob("*")):
            inside = path.relative_to(host.home).as_posix()
            if path.is_file() and not re.search(r"__pycache__|/logs/|/run/|venvs/", inside):
                found[inside] = (path.stat().st_mode, path.read_bytes())
    return found


@pytest.mark.parametrize("step", range(1, 13))
def test_a_run_that_is_killed_is_mended_by_the_next(
    operator: Operator, relay: ScriptedRelay, step: int
) -> None:
    operator.take_packages()
    said = operator.install_until(f" {step}/12 ")
    told = operator.install()
    assert "12/12 Self-check over HTTP" in told
    works(operator, (said + told))
    operator.postern("alias", "add", "jane", f"shop@{DOMAIN}")
    assert operator.post(message()).receipt == "stored"
    until(lambda: relay.messages)
    assert operator.host.run("crontab -l").stdout.count("deliver.py") == 1


def test_a_web_server_that_ignores_htaccess_stops_it(operator: Operator) -> None:
    operator.host.restart(allow_override="None")
    try:
        told = operator.install(code=78)
    finally:
        operator.host.restart(allow_override="All")
    assert "The web server ignores .htaccess" in told
    assert "AllowOverride All" in told
    assert not (operator.host.home / ".postern" / "venv").exists()
    assert "deliver.py" not in operator.host.run("crontab -l").stdout
    assert not list(operator.host.docroot.glob("canary*"))


def test_a_site_that_does_not_answer_yet_is_installed_and_told(operator: Operator) -> None:
    operator.take_packages()
    told = operator.install(code=69, POSTERN_URL="https://127.0.0.1:1")
    assert "11/12 Cron … in the crontab" in told
    assert "Sign in as jane" in told
    assert "does not answer here" in told


def test_without_a_crontab_program_the_line_is_shown(operator: Operator) -> None:
    operator.take_packages()
    folder = operator.host.home / "few-programs"
    folder.mkdir(exist_ok=True)
    for place in pathlib.Path("/usr/bin").iterdir():
        if place.name != "crontab" and not (folder / place.name).is_symlink():
            (folder / place.name).symlink_to(place)
    told = operator.install(PATH=f"{HOME}/few-programs")
    assert "no crontab here" in told
    shown = next(line.strip() for line in told.splitlines() if "cron/deliver.py" in line)
    assert operator.host.run(re.sub(r"^sleep \d+;", "", shown.split(None, 5)[5])).returncode == 0
    assert "deliver.py" not in operator.host.run("crontab -l").stdout


WRONG = (
    ({"POSTERN_DB_PASSWORD": "wrong"}, 78, "Check POSTERN_DB_USER and POSTERN_DB_PASSWORD"),
    ({"POSTERN_DB_NAME": "nowhere"}, 78, "There is no database named nowhere"),
    ({"POSTERN_DB_PORT": "1"}, 75, "cannot be reached"),
    ({"POSTERN_DB_NAME": ""}, 78, "POSTERN_DB_NAME: PostgreSQL: database"),
    ({"POSTERN_RELAY_HOST": ""}, 78, "POSTERN_RELAY_HOST"),
    ({"POSTERN_URL": "http://alias.example.org"}, 78, "POSTERN_URL must look like"),
    ({"POSTERN_INSTALL_DOOR": "window"}, 1, "neither cgi nor passenger"),
    ({"POSTERN_HOME": f"{PUBLIC}/private"}, 1, "would lie in the document root"),
    ({"POSTERN_PYTHON": "/bin/false"}, 78, "POSTERN_PYTHON"),
)


def test_what_is_wrong_is_said_with_its_remedy_and_the_next_run_mends_it(operator: Operator) -> None:
    operator.take_packages()
    for changes, code, words in WRONG:
        told = operator.install(code=code, **changes)
        assert words in told, (changes, told)
        assert "Traceback" not in told
        for name, value in operator.answers.items():
            if "PASSWORD" in name:
                assert value not in told
        if "POSTERN_PYTHON" not in changes:
            assert "run install.sh again" in told
        (operator.host.home / ".postern" / ".env").unlink(missing_ok=True)
    operator.install()


def test_a_folder_that_cannot_be_written_to(operator: Operator) -> None:
    operator.take_packages()
    operator.host.docroot.chmod(0o550)
    told = operator.install(code=78, POSTERN_URL=operator.host.url.replace("http", "https"))
    assert f"{PUBLIC}/.htaccess cannot be written" in told
    operator.host.docroot.chmod(0o750)
    (operator.host.home / ".postern" / ".env").unlink()
    operator.install()


def test_a_full_disk_loses_nothing(operator: Operator) -> None:
    space = operator.host.space
    place = f"{HOME}/small"
    (operator.host.home / "small").mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k,uid=5001,gid=5001,mode=700", "small", place]
    subprocess.run(space.command(mount), check=True)
    try:
        told = operator.install(code=1, POSTERN_HOME=f"{place}/home")
        assert "space" in told.lower()
        assert "Traceback" not in told
        subprocess.run(space.command(["mount", "-o", "remount,size=200m", place]), check=True)
        operator.install(POSTERN_HOME=f"{place}/home")
        # Byte code that did not fit is cut off, and Python believes it later.
        for path in operator.host.docroot.rglob("*.pyc"):
            path.write_bytes(path.read_bytes()[:500])
        assert operator.host.ask("GET", "/health")[0] == 500
        operator.install(POSTERN_HOME=f"{place}/home")
        assert operator.host.ask("GET", "/health")[0] == 200
    finally:
        subprocess.run(space.command(["umount", "--lazy", place]), check=True)


def test_two_at_once(operator: Operator) -> None:
    with operator.started() as first:
        until((operator.host.home / ".postern" / "run" / "install.lock").exists)
        told = operator.install(code=75)
        assert "Another install.sh is at work" in told
        first.communicate(timeout=5 * PATIENCE)
    assert first.returncode == 0


def test_two_instances_of_one_account(operator: Operator, tls_server: Postgres) -> None:
    """A second home, which the doors find without any variable."""
    operator.take_packages()
    other = f"{HOME}/other-home"
    operator.install(POSTERN_HOME=other)
    assert (operator.host.docroot / ".postern-home").read_text() == f"{other}\n"
    assert not (operator.host.home / ".postern" / ".env").exists()
    assert json.loads(operator.host.ask("GET", "/health")[2])["status"] == "ok"
    operator.run_cron_lines()
    shutil.rmtree(operator.host.home / "other-home")


def test_uninstalled_it_shows_nothing_and_keeps_the_data(operator: Operator) -> None:
    operator.take_packages()
    operator.host.run("echo '5 4 * * * true' | crontab -", check=True)
    operator.install()
    operator.postern("alias", "add", "jane", f"shop@{DOMAIN}")
    env = (operator.host.home / ".postern" / ".env").read_bytes()
    operator.install("--uninstall")
    assert operator.host.run("crontab -l").stdout == "5 4 * * * true\n"
    for path in ("/", "/health", "/static/app.css", "/lib/postern/doors.py"):
        assert operator.host.ask("GET", path)[0] == 403
    assert not (operator.host.home / ".postern" / "venv").exists()
    assert (operator.host.home / ".postern" / ".env").read_bytes() == env
    operator.take_packages()
    operator.install()
    assert f"shop@{DOMAIN}" in operator.postern("alias", "list", "jane")
    operator.install("--uninstall", "--delete-data", code=1)
    assert operator.host.ask("GET", "/")[0] == 200
    operator.install("--uninstall", "--delete-data", "--yes")
    assert not (operator.host.home / ".postern").exists()


@pytest.mark.long
def test_the_real_cron_runs_what_was_installed(operator: Operator, database: Database) -> None:
    operator.take_packages()
    operator.install()

    with contextlib.closing(database.connect_superuser()) as looking:

        def drains() -> list[list[object]]:
            return looking.run("SELECT started_at FROM postern.jobs WHERE job = 'deliver' AND ok")

        before = drains()
        with operator.host.cron():
            # Most of a minute: asked of the database, for a page costs a process each time.
            until(lambda: drains() not in (before, []), 3 * PATIENCE)
    checks = json.loads(operator.host.ask("GET", "/health")[2])["checks"]
    assert next(check["status"] for check in checks if check["name"] == "drain") == "ok"


def test_somebody_at_a_terminal_is_asked(operator: Operator) -> None:
    """Everything typed; the passwords do not show."""
    operator.take_packages()
    typed = {
        "Public address": operator.answers["POSTERN_URL"],
        "host name": operator.answers["POSTERN_RELAY_HOST"],
        "relay: port": operator.answers["POSTERN_RELAY_PORT"],
        "relay: user": operator.answers["POSTERN_RELAY_USER"],
        "relay: password": operator.answers["POSTERN_RELAY_PASSWORD"],
        "PostgreSQL: database": operator.answers["POSTERN_DB_NAME"],
        "PostgreSQL: user": operator.answers["POSTERN_DB_USER"],
        "PostgreSQL: password": operator.answers["POSTERN_DB_PASSWORD"],
        "First user: a short name": "",
        "First user: real address": "jane.doe@real-mailbox.example",
        "Mail domain": DOMAIN,
    }
    given = {
        name: value
        for name, value in operator.answers.items()
        if name in ("POSTERN_RELAY_CA_FILE", "POSTERN_DB_HOST", "POSTERN_DB_PORT", "POSTERN_DB_SSLMODE")
    }
    asked, shown, code = at_a_terminal(operator.host, given, typed)
    assert (code, asked) == (0, list(typed)), shown
    assert "12/12 Self-check over HTTP" in shown
    assert "Sign in as alice" in shown
    for prompt, answer in typed.items():
        assert (answer in shown) is ("password" not in prompt) or not answer
    assert operator.settings()["POSTERN_RELAY_PASSWORD"] == operator.answers["POSTERN_RELAY_PASSWORD"]


def at_a_terminal(
    host: SharedHost, environ: dict[str, str], typed: dict[str, str]
) -> tuple[list[str], str, int]:
    """Which prompts came, all that the terminal showed, and the exit code."""
    master, slave = pty.openpty()
    argv = host.as_tenant(["/bin/sh", f"{PUBLIC}/install.sh"], environ)
    with child(
        ["/usr/bin/setsid", "--ctty", "--wait", *argv], cwd="/", stdin=slave, stdout=slave, stderr=slave
    ) as run:
        os.close(slave)
        asked, shown, unread = [], "", ""
        while piece := read_terminal(master).decode():
            shown, unread = shown + piece, unread + piece
            for prompt, answer in typed.items():
                if prompt in unread and unread.rstrip().endswith(":"):
                    os.write(master, f"{answer}\n".encode())
                    asked.append(prompt)
                    unread = ""
                    break
        os.close(master)
    return asked, shown, run.returncode
