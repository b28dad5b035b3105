"""install.sh where things are against it: odd ways to start it, odd folders, foreign files, kills, and what must not leak.

The host is real (support/host.py); what goes well on an ordinary account is in test_install.py.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import pty
import random
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from postern.ops.local.embedded import Postgres
from support.host import HOME, SharedHost
from support.operator import DOMAIN, PUBLIC, Operator
from support.patience import child, read_terminal, until
from support.postgres import Database, fresh_database
from support.relay import ScriptedRelay

pytestmark = [pytest.mark.tier("suexec"), pytest.mark.tier("cron")]

SEED = 20
KILLS = 6


@pytest.fixture(scope="module")
def host() -> Iterator[SharedHost]:
    with SharedHost() as made:
        yield made


@pytest.fixture
def database(tls_server: Postgres) -> Iterator[Database]:
    with fresh_database(tls_server) as made:
        yield made


@pytest.fixture
def operator(host: SharedHost, relay: ScriptedRelay, database: Database) -> Operator:
    made = Operator(host, relay, database)
    made.empty_account()
    host.put_program()
    made.take_packages()
    return made


STARTS = (
    "cd public_html/lib && sh ../install.sh --check",
    "ln -s public_html/install.sh link && sh ./link --check; code=$?; rm link; exit $code",
    "sh -eu public_html/install.sh --check",
    "bash --posix public_html/install.sh --check",
    "unset HOME; sh public_html/install.sh --check",
    "PATH=; /bin/sh public_html/install.sh --check",
    "sh public_html/install.sh --check <&- >&- 2>&-",
    "LC_ALL=C PYTHONIOENCODING=ascii sh public_html/install.sh --check",
    "cd public_html && ./install.sh | head -n 1",
    "umask 000; sh public_html/install.sh >/dev/full",
)
"""All of an account where everything is in place: the exit code is 0."""


def test_it_can_be_started_in_any_way(operator: Operator) -> None:
    operator.install()
    for command in STARTS:
        done = operator.host.run(command, env=operator.answers)
        assert done.returncode == 0, (command, done.stdout)
        assert "Traceback" not in done.stdout, (command, done.stdout)
    assert operator.host.run("find . -perm /022 ! -type l").stdout == ""


def test_nobody_who_listens_is_no_reason_to_stop(operator: Operator) -> None:
    operator.host.run("sh public_html/install.sh | head -n 1", env=operator.answers, check=True)
    assert "as it must be" in operator.install("--check")


ODD = f"{HOME}/o'hara's \"sité\" 100% $HOME"


def test_folders_with_odd_names(operator: Operator) -> None:
    """Blanks, quotes, percent, dollar, and letters beyond ASCII, in the document root and in the home."""
    host = operator.host
    odd = host.home / pathlib.Path(ODD).name
    host.docroot.rename(odd)
    host.docroot.symlink_to(odd.name)
    try:
        operator.install(POSTERN_HOME=f"{ODD} home")
        assert host.ask("GET", "/health")[0] == 200
        operator.run_cron_lines()
        done = host.run(["/bin/sh", "-c", '"$1/bin/postern" user list', "sh", f"{ODD} home"])
        assert (done.returncode, "jane" in done.stdout) == (0, True), done.stdout
        operator.install("--uninstall", "--delete-data", "--yes", POSTERN_HOME=f"{ODD} home")
    finally:
        host.docroot.unlink()
        odd.rename(host.docroot)
    left = host.home / pathlib.Path(f"{ODD} home").name
    assert not left.exists(), sorted(map(str, left.rglob("*")))


@pytest.mark.parametrize("place", [HOME, PUBLIC, "/home"])
def test_a_home_that_holds_more_than_ours_is_refused(operator: Operator, place: str) -> None:
    """It would be shut, and emptied by --uninstall."""
    before = (operator.host.home.stat().st_mode, operator.host.docroot.stat().st_mode)
    operator.install(code=1, POSTERN_HOME=place)
    operator.install("--uninstall", code=1, POSTERN_HOME=place)
    assert (operator.host.home.stat().st_mode, operator.host.docroot.stat().st_mode) == before
    assert (operator.host.docroot / "install.sh").exists()


def test_no_secret_is_seen_anywhere(operator: Operator) -> None:
    """Not in the process list, not in a log. The link to sign in by is said once, and was not used."""
    seen: set[str] = set()
    told = ""
    with operator.started() as run:
        assert run.stdout
        for line in run.stdout:
            told += line
            seen.update(operator.host.processes().values())
    assert run.returncode == 0, told
    settings = operator.settings()
    secrets = {word for name in KEPT_IN_LISTS for word in settings[name].split()}
    secrets |= {settings[name] for name in PASSWORDS}
    logs = [*(operator.host.home / ".postern" / "logs").iterdir(), *(operator.host.root / "logs").iterdir()]
    texts = [told, *seen, *(path.read_text(errors="replace") for path in logs)]
    assert any("postern install" in words for words in seen)
    assert not [(secret, text) for secret in secrets for text in texts if secret in text]
    link = re.search(r"/sign-in/link/(\w+)", told)
    assert link
    assert not [text for text in texts[1:] if link[1] in text]


KEPT_IN_LISTS = ("POSTERN_SEAL_KEYS", "POSTERN_INDEX_KEY", "POSTERN_WEBHOOK_SECRETS")
PASSWORDS = ("POSTERN_DB_PASSWORD", "POSTERN_RELAY_PASSWORD")

FOREIGN = (
    ("Options None\n", 1, "status 403"),
    ("Require all denied\n", 1, "status 403"),
    ("RewriteBase /blog/\n", 1, "status 404"),
    ("RewriteEngine off\n", 78, "ignores .htaccess"),
    ("NoSuchDirective on\n", 1, "status 500"),
)


def test_lines_of_others_in_htaccess_that_break_the_site_are_named(operator: Operator) -> None:
    operator.install()
    rules = operator.host.docroot / ".htaccess"
    ours = rules.read_bytes()
    for line, code, words in FOREIGN:
        rules.write_bytes(ours + line.encode())
        told = operator.install(code=code)
        assert words in told, (line, told)
        assert "Lines outside our marks" in told, (line, told)
    rules.write_bytes(b"# caf\xe9\n" + ours)
    operator.install("--check")
    assert "Lines outside our marks" not in operator.install()


def test_placeholders_of_the_host_do_not_hide_the_site(operator: Operator) -> None:
    for name in ("index.html", "index.php"):
        (operator.host.docroot / name).write_text("The host's placeholder.")
    operator.host.give(operator.host.docroot)
    operator.install()
    assert b"placeholder" not in operator.host.ask("GET", "/")[2]


def test_a_crontab_that_takes_no_lines_is_worked_around(operator: Operator) -> None:
    folder = operator.host.home / "programs"
    folder.mkdir(exist_ok=True)
    program = folder / "crontab"
    program.write_text(
        '#!/bin/sh\n[ "$1" = -l ] && exec /usr/bin/crontab -l\necho "not allowed" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    told = operator.install(PATH=f"{HOME}/programs:/usr/bin:/bin")
    assert "not allowed" in told
    assert "12/12 Self-check over HTTP" in told
    assert "Add these in the panel" in told


def test_a_role_that_may_not_make_a_schema(operator: Operator, database: Database) -> None:
    with contextlib.closing(database.connect_superuser()) as db:
        db.run(f"ALTER DATABASE {database.name} OWNER TO CURRENT_USER")
        db.run(f"REVOKE CREATE ON DATABASE {database.name} FROM {database.user}")
    told = operator.install(code=78)
    assert "7/12 Schema … failed" in told
    assert "Traceback" not in told
    with contextlib.closing(database.connect_superuser()) as db:
        db.run(f"GRANT ALL ON DATABASE {database.name} TO {database.user}")
    operator.install()


def test_data_of_an_older_schema_is_saved_before_it_changes(operator: Operator) -> None:
    operator.install()
    operator.postern("alias", "add", "jane", f"shop@{DOMAIN}")
    operator.postern("migrate", "down", "1", "--yes")
    told = operator.install()
    found = re.search(r"after a backup to (\S+)", told)
    assert found, told
    path = operator.host.home / pathlib.Path(found[1]).relative_to(HOME)
    assert path.stat().st_mode & 0o777 == 0o600
    operator.postern("restore", found[1], "--into", "elsewhere", "--yes")


def test_killed_at_random_it_is_mended(operator: Operator) -> None:
    """And nothing that a kill leaves makes --check fail."""
    chance = random.Random(SEED)
    for _ in range(KILLS):
        with operator.started() as run:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.communicate(timeout=chance.uniform(0.1, 1.5))
            for pid in operator.host.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        done = operator.host.run(["/bin/sh", f"{PUBLIC}/install.sh", "--check"], env=operator.answers)
        assert "Traceback" not in done.stdout
    operator.install()
    assert operator.install("--check").count("as it must be") == 11
    assert not list(operator.host.docroot.glob("canary*"))
    assert operator.host.run("crontab -l").stdout.count("deliver.py") == 1


def test_an_uninstallation_that_was_cut_goes_on_where_it_stopped(operator: Operator) -> None:
    operator.install()
    mine = operator.host.home / ".postern" / "mine.txt"
    mine.write_text("The operator's own.")
    operator.install("--uninstall")
    operator.install("--uninstall")
    operator.take_packages()
    told = operator.install("--uninstall", "--delete-data", "--yes")
    assert "took back" in told
    assert "mine.txt" in told
    assert os.listdir(mine.parent) == ["mine.txt"]
    assert "names none" in operator.install("--uninstall", "--delete-data", "--yes")
    mine.unlink()


def test_an_uninstallation_whose_database_is_away(operator: Operator) -> None:
    operator.install()
    env = operator.host.home / ".postern" / ".env"
    env.write_text(
        env.read_text().replace(f"POSTERN_DB_PORT={operator.answers['POSTERN_DB_PORT']}", "POSTERN_DB_PORT=1")
    )
    told = operator.install("--uninstall", "--delete-data", "--yes", code=75)
    assert "take POSTERN_DB_NAME out" in told
    env.write_text(re.sub(r"^POSTERN_DB_NAME=.*\n", "", env.read_text(), flags=re.MULTILINE))
    operator.install("--uninstall", "--delete-data", "--yes")
    assert not env.parent.exists()


def test_a_web_firewall_that_refuses_mail_is_recognised(relay: ScriptedRelay, database: Database) -> None:
    with SharedHost(security_rules=True) as host:
        operator = Operator(host, relay, database)
        host.put_program()
        told = operator.install(code=1)
    assert "a web firewall refuses mail; docs/web-server.md has the exemption" in told


KEYS = (
    (b"\x03", 130, ""),
    (b"\x04", 64, "input ended"),
    (b"https://alias.example.org\x1b[D\n", 64, "cannot be kept"),
    (b"https://alias.example.org\xff\n", 64, "cannot be kept"),
)
"""Ctrl-C, Ctrl-D, an arrow, a byte that is no UTF-8: typed at the first prompt, with the exit code."""


def installer(operator: Operator) -> int:
    """Its process id."""
    (pid,) = (pid for pid, words in operator.host.processes().items() if "-m postern install" in words)
    return pid


def sleeps(pid: int) -> bool:
    """Whether a process waits for something (proc(5): the state stands behind the name, which is in parentheses)."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.mark.parametrize(("keys", "code", "words"), KEYS)
def test_who_breaks_off_at_a_prompt_leaves_nothing_half_written(
    operator: Operator, keys: bytes, code: int, words: str
) -> None:
    master, slave = pty.openpty()
    # Ctrl-C reaches every process of the terminal: those around the installer stay, to tell how it ended.
    inside = f"trap : INT; sh {PUBLIC}/install.sh; echo $? >code"
    argv = operator.host.as_tenant(["/bin/sh", "-c", inside], {"LANG": "C.UTF-8"})
    around = ["/bin/sh", "-c", 'trap : INT; "$@"; read -r wait', "sh", *argv]
    with child(["/usr/bin/setsid", "--ctty", *around], cwd="/", stdin=slave, stdout=slave, stderr=slave):
        os.close(slave)
        shown = b""
        while b"Public address" not in shown:
            piece = read_terminal(master)
            assert piece, shown
            shown += piece
        # Python overlooks a signal that comes after it has written the prompt and before it reads.
        until(lambda: sleeps(installer(operator)))
        os.write(master, keys)
        ended = operator.host.home / "code"
        until(lambda: ended.exists() and ended.read_text())
        os.write(master, b"\n")
        while piece := read_terminal(master):
            shown += piece
        os.close(master)
    assert ended.read_text() == f"{code}\n", shown
    ended.unlink()
    assert words in shown.decode(errors="replace")
    assert b"Traceback" not in shown
    assert not (operator.host.home / ".postern" / ".env").exists()
