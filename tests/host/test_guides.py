"""The pages for operators behind docs/install.md, followed on an account where it is installed: each command as it stands.

Only what is the reader's own differs: names of files, the host. One account serves all pages, in the order of the tests.
What is not run here is in tests/house/test_docs_commands.py, with the test that does.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tarfile
from collections.abc import Iterator

import pytest

from postern.ops.local.embedded import Postgres
from support.fixtures import RELAY_PASSWORD, RELAY_USER
from support.host import HOME, SharedHost
from support.operator import DOMAIN, PUBLIC, Operator
from support.page import block
from support.postgres import fresh_database
from support.relay import ScriptedRelay
from support.releases import build

pytestmark = [pytest.mark.tier("suexec"), pytest.mark.tier("cron")]


@pytest.fixture(scope="module")
def operator(tls_server: Postgres) -> Iterator[Operator]:
    """An account where Postern runs over HTTPS, with `postern` on PATH as the pages write it."""
    with (
        ScriptedRelay(users={RELAY_USER: RELAY_PASSWORD}) as relay,
        fresh_database(tls_server) as database,
        SharedHost(tls=True) as host,
    ):
        made = Operator(host, relay, database)
        # Under a name of its own: the relay's is shared as ca.pem.
        site_ca = shutil.copy(host.certificate.ca, host.folder / "site.pem")
        made.answers.update(POSTERN_URL=host.tls_url, SSL_CERT_FILE=host.share(site_ca))
        made.answers.update(POSTERN_ALERT_MAIL="jane.doe@real-mailbox.example")
        host.put_program()
        made.take_packages()
        made.install()
        made.postern("alias", "add", "jane", f"shop@{DOMAIN}")
        yield made


def follow(operator: Operator, script: str, *, cd: str = "~", codes: tuple[int, ...] = (0,)) -> str:
    """Run these lines as the tenant, each of them to its end."""
    env = {**operator.answers, "PATH": f"{HOME}/.postern/bin:/usr/bin:/bin"}
    done = operator.host.run(f"cd {cd}\nset -ex\n{script}", env=env)
    assert done.returncode in codes, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def test_backup(operator: Operator) -> None:
    follow(operator, block("backup.md", "sh", "postern backup").replace("FOLDER", "elsewhere"))
    (file,) = (operator.host.home / "elsewhere").glob("*.backup")
    named = f"elsewhere/{file.name}"
    follow(operator, f"postern restore {named} --check")
    script = block("backup.md", "sh", "postern restore").replace("SCHEMA", "scratch")
    # Nobody is there to be asked.
    said = follow(operator, re.sub(r"FILE  +#.*", f"{named} --yes", script).replace("FILE", named))
    assert "scratch" in said
    assert f"shop@{DOMAIN}" in operator.postern("alias", "list", "jane")


def test_keys(operator: Operator) -> None:
    # Without a terminal the second would print to a log, and refuses.
    script = block("keys.md", "sh", "postern keys sheet --to sheet.txt")
    follow(operator, re.sub(r"^postern keys sheet  .*$", "", script, flags=re.MULTILINE))
    assert "seals" in follow(operator, block("keys.md", "sh", "postern keys list"))
    rotate, sheet, retire = block("keys.md", "sh", "postern keys rotate  ").splitlines()
    follow(operator, f"{rotate}\n{sheet}")
    assert "retire OLD --yes" in retire


def test_cron(operator: Operator) -> None:
    before = operator.host.run("crontab -l").stdout
    follow(operator, block("operations/cron.md", "sh", "postern cron install"))
    assert operator.host.run("crontab -l").stdout == before
    assert "purge" in follow(operator, block("operations/cron.md", "sh", "postern jobs"))


def test_logs_and_alerts(operator: Operator) -> None:
    follow(operator, block("operations/logs.md", "sh", "postern logs\n"))
    follow(operator, block("operations/logs.md", "sh", "postern logs --request"))
    follow(operator, block("operations/monitoring.md", "sh", "postern alerts test"))
    script = block("operations/monitoring.md", "sh", "postern alias add jane canary@")
    follow(operator, script.replace("alias.example.org", DOMAIN))


def test_https(operator: Operator) -> None:
    """The host is this machine, so the CA's file and plain HTTP at port 80 cannot be judged."""
    said = follow(operator, block("https.md", "sh", "postern doctor tls"), codes=(0, 1))
    for line in ("reachable", "protocol", "chain", "names", "days", "renewal", "hsts", "pages"):
        assert re.search(rf"^{line} +(ok|warn|unknown)|\b{line}\b", said, re.MULTILINE), said


def test_doctor(operator: Operator) -> None:
    """On a host as install.sh leaves it; what asks the world outside (certificate, DNS, the package index) may say anything."""
    said = follow(operator, block("CHECKLIST.md", "sh", "postern doctor"), codes=(0, 1, 2))
    found = dict(re.findall(r"^([a-z]+\.[a-z-]+) +(ok|warn|fail|unknown) ", said, re.MULTILINE))
    settled = [
        name
        for name in found
        if name.startswith(("python.version", "env.", "database.", "tenants.role", "web.", "static."))
    ]
    assert len(settled) > 15
    wrong = {name: found[name] for name in settled if found[name] == "fail"}
    assert set(wrong) <= {"web.alerts"}, said
    assert "Next: " in said


def test_dependencies(operator: Operator) -> None:
    """Whatever the index says today: it is asked, and an answer is understood."""
    said = follow(operator, block("dependencies.md", "sh", "postern deps check"), codes=(0, 1, 75))
    assert "pg8000" in said and "cryptography" in said
    line = block("dependencies.md", "", "17 5 * * 1 ").split(None, 5)[5]
    follow(operator, line)


def test_python(operator: Operator) -> None:
    python = operator.host.run("command -v python3", check=True).stdout.strip()
    line = block("python.md", "sh", "POSTERN_PYTHON=").replace("/path/to/python3", python)
    assert "as it must be" in follow(operator, f"{line.strip()} --check", cd=PUBLIC)
    follow(operator, line, cd=PUBLIC)
    activate = block("python.md", "sh", ". ~/.postern/venv")
    assert "/.postern/venv" in follow(operator, f"{activate}command -v python\npython -c 'import pg8000'")
    (operator.host.docroot / "wheels").mkdir()
    operator.host.give(operator.host.docroot / "wheels")
    follow(operator, block("python.md", "sh", "sh install.sh --offline wheels"), cd=PUBLIC)
    (operator.host.docroot / "wheels").rmdir()


def test_a_portable_python_lies_where_the_installer_looks(operator: Operator) -> None:
    home = operator.host.home
    (home / "python" / "bin").mkdir(parents=True)
    (home / "python" / "bin" / "python3.13").write_text('#!/bin/sh\nexec /usr/bin/env python3 "$@"\n')
    (home / "python" / "bin" / "python3.13").chmod(0o755)
    archive = home / "cpython-3.13.5+1-x86_64-unknown-linux-gnu-install_only.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(home / "python", "python")
    shutil.rmtree(home / "python")
    operator.host.give(archive)
    follow(operator, block("python.md", "sh", "cd ~ && tar"))
    look = f'top={PUBLIC}; . {PUBLIC}/lib/postern/ops/python.sh; folders "$HOME/python*/bin"'
    assert f"{HOME}/python/bin" in operator.host.run(look, check=True).stdout
    shutil.rmtree(home / "python")


def test_passenger_and_permissions(operator: Operator) -> None:
    follow(operator, block("passenger.md", "sh", "mkdir -p tmp"), cd=PUBLIC)
    assert (operator.host.docroot / "tmp" / "restart.txt").is_file()


def test_upgrade(operator: Operator) -> None:
    home, lines = operator.host.home, block("upgrade.md", "sh", "postern upgrade").splitlines()
    build(operator.host.folder / "release", "1.2.0")
    for path in (operator.host.folder / "release").iterdir():
        if path.is_file():
            shutil.copy(path, home)
            operator.host.give(home / path.name)
    (home / "wheels").mkdir()
    operator.host.give(home / "wheels")
    checked = re.search(r"`(sha256sum -c [^`]+)`", (operator.host.docroot / "docs/upgrade.md").read_text())
    assert checked
    assert "postern-1.2.0.zip: OK" in follow(operator, checked[1])
    said = [follow(operator, line.replace("rollback  ", "rollback --yes  ")) for line in lines]
    assert "pages were away for" in said[0]
    assert "is in place again" in said[2]
    then = shlex.quote(max(path.name for path in (home / ".postern" / "releases").iterdir()))
    mend = block("upgrade.md", "sh", "cd ~/.postern/releases").replace("VERSION-TIME", then)
    follow(operator, mend)
    assert operator.host.fetch("GET", "/health", tls=True).status == 200


def test_sign_in(operator: Operator) -> None:
    for beginning in ("$ postern user link", "$ postern invitation new"):
        command, *printed = block("sign-in.md", "", beginning).splitlines()
        said = follow(operator, command.removeprefix("$ "))
        assert printed[-1] in said
