"""Upgrade and rollback with real releases of this program, on real PostgreSQL, while mail comes in through the CGI door.

Whatever happens, every message that was answered 202 arrives once, and what does not do well is undone by itself: because it
fails, because the new program is not well, or because the process was killed at any point.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.base.gate import Gate
from postern.ops.install.fetch import fetch
from postern.ops.releases import journal, kept
from support.instance import Instance
from support.mail import message, parsed
from support.patience import join
from support.relay import ScriptedRelay
from support.releases import Docroot, add, build, migration, put, swap

ADD = migration(
    "ALTER TABLE aliases ADD COLUMN colour text NOT NULL DEFAULT 'blue';",
    "ALTER TABLE aliases DROP COLUMN colour;",
)
PAGE = add("lib/postern/web/pages/front.html", "<p>New.</p>")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("first"), "1.0.0")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    edits = (ADD, PAGE, put("static/new.svg", "<svg/>"), put("docs/new.md", "New.\n"))
    return build(tmp_path_factory.mktemp("second"), "1.1.0", *edits)


@pytest.fixture
def docroot(tmp_path: Path, first: Path, instance: Instance) -> Docroot:
    made = Docroot(tmp_path / "public_html", first, instance)
    # As an installed site has it, and what else lies in a document root.
    (made.top / ".htaccess").write_text("# the operator's\n")
    (made.top / "robots.txt").write_text("the operator's\n")
    (made.top / "cgi-bin" / "other.cgi").write_text("the operator's\n")
    (made.top / "static" / "logo.png").write_text("the operator's\n")
    (made.top / "static" / "app.0123abcd.css").write_text("of an open page\n")
    return made


@pytest.fixture
def site(docroot: Docroot, instance: Instance) -> Iterator[str]:
    with docroot.served() as address:
        instance.write_env(POSTERN_URL=address.replace("127.0.0.1", "localhost"))
        yield address


PAUSE_SECONDS = 0.2
"""Between two messages: a machine with one core has an upgrade to do as well."""


class Stream:
    """Mail that comes in all the time; `taken` holds the subjects of what was answered 202."""

    def __init__(self, instance: Instance, site: str) -> None:
        self._instance, self._site = instance, site
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.taken: list[str] = []
        self.receipts: set[str] = set()

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        join(self._thread)

    def _run(self) -> None:
        number = 0
        while not self._over.wait(PAUSE_SECONDS):
            number += 1
            self.post(f"No. {number}")

    def post(self, subject: str) -> None:
        answer = self._instance.post(self._site, message(subject=subject))
        if answer.status == 202:
            self.taken.append(subject)
            self.receipts.add(answer.receipt)


def arrived(relay: ScriptedRelay) -> list[str]:
    return sorted(str(parsed(got.content)["Subject"]) for got in relay.messages)


def migrations(instance: Instance) -> int:
    return int(str(instance.query("SELECT count(*) FROM migrations")[0][0]))


def is_as_before(docroot: Docroot, before: int) -> None:
    """The old program, the old schema, nothing under way, and the gate open."""
    home = docroot.instance.home
    assert docroot.version == "1.0.0"
    assert migrations(docroot.instance) == before
    assert not Gate(home).closed()
    assert journal.read(home) is None
    assert not (docroot.top / ".upgrade").exists()
    assert kept.listing(home) == []
    operators_files_are_there(docroot)


def operators_files_are_there(docroot: Docroot) -> None:
    for name in ("robots.txt", "cgi-bin/other.cgi", "static/logo.png"):
        assert (docroot.top / name).read_text() == "the operator's\n"
    assert (docroot.top / ".htaccess").read_text() == "# the operator's\n"
    assert (docroot.top / "static" / "app.0123abcd.css").read_text() == "of an open page\n"


@pytest.mark.long
def test_an_upgrade_and_a_rollback_while_mail_comes_in(
    docroot: Docroot, second: Path, instance: Instance, relay: ScriptedRelay, site: str
):
    before = migrations(instance)
    with Stream(instance, site) as stream:
        said = docroot.run("upgrade", str(second))
        assert docroot.version == "1.1.0"
        assert migrations(instance) == before + 1
        assert "From Postern 1.0.0 to 1.1.0." in said
        assert re.search(r"pages were away for \d+\.\d s", said)
        page = fetch(f"{site}/").body
        operators_files_are_there(docroot)
        assert (docroot.top / "docs" / "new.md").exists()
        assert not (docroot.top / ".upgrade").exists()
        assert [one.version for one in kept.listing(instance.home)] == ["1.0.0"]
        back = docroot.run("rollback", "--yes")
        stream.post("the last one")
    assert b"New." in page and b"New." not in fetch(f"{site}/").body
    assert "Postern 1.0.0 is in place again." in back
    docroot.drain()
    is_as_before(docroot, before)
    assert "spooled" in stream.receipts
    assert arrived(relay) == sorted(stream.taken)


BROKEN = {
    "a migration that fails half-way": (
        migration("CREATE TABLE half (id int); SELECT 1/0;", "DROP TABLE half;"), 1, "division by zero"),
    "a page that does not load": (
        swap("lib/postern/web/app.py", "import threading\n", "import threading\nimport no_such_module\n"), 1,
        "The new program is not well"),
    "a check that fails": (
        swap("lib/postern/web/health.py", 'return [Check("database", True, "answers")',
                           'return [Check("templates", False, "missing"), Check("database", True, "answers")'), 1,
        "templates: missing"),
    "a check that fails once it is in use": (
        swap(
            "lib/postern/web/health.py",
            'return [Check("database", True, "answers")',
            'return [Check("templates", context.pool.gate.closed(), "missing"), Check("database", True, "answers")',
        ),
        1,
        "templates: missing",
    ),
    "a command line that does not start": (
        swap("lib/postern/cli/main.py", "import argparse\n", "import argparse\nimport no_such_module\n"), 1, "no_such_module"),
    "code that this Python does not know": (
        put("lib/postern/web/new.py", "def f(:\n"), 65, "lib/postern/web/new.py of Postern 1.1.0 does not compile"),
    "packages that cannot be had": (
        swap("requirements.txt", "pg8000==", "no-such-package==1.0 --hash=sha256:00\npg8000=="), 1, ""),
}  # fmt: skip
"""What is wrong with the new release: the change, the exit code, what is said."""


@pytest.mark.parametrize("what", BROKEN)
def test_a_release_that_does_not_do_is_undone_by_itself(
    what: str, docroot: Docroot, instance: Instance, relay: ScriptedRelay, site: str, tmp_path: Path
):
    edit, code, words = BROKEN[what]
    before = migrations(instance)
    archive = build(tmp_path, "1.1.0", ADD, edit)
    (tmp_path / "no-wheels").mkdir()
    stream = Stream(instance, site)
    stream.post("before")
    said = docroot.run("upgrade", str(archive), "--offline", str(tmp_path / "no-wheels"), code=code)
    assert words in said
    is_as_before(docroot, before)
    stream.post("after")
    docroot.drain()
    assert arrived(relay) == sorted(stream.taken)


def test_where_the_way_down_is_broken_too_the_backup_is_restored(
    docroot: Docroot, instance: Instance, site: str, relay: ScriptedRelay, tmp_path: Path
):
    before = migrations(instance)
    # What the new program wrote does not fit the old schema any more: only an empty table goes back.
    ill = migration(
        "ALTER TABLE aliases ADD COLUMN colour text; UPDATE aliases SET colour = 'blue';",
        "ALTER TABLE aliases ADD CHECK (colour IS NULL); ALTER TABLE aliases DROP COLUMN colour;",
    )
    unwell = BROKEN["a page that does not load"][0]
    archive = build(tmp_path, "1.1.0", ill, unwell)
    docroot.instance.post(site, message(subject="before"))
    said = docroot.run("upgrade", str(archive), code=1)
    assert "Restore the database from the backup" in said
    is_as_before(docroot, before)
    docroot.drain()
    assert arrived(relay) == ["before"]


def test_a_rollback_that_does_not_do_goes_forward_again(
    docroot: Docroot, second: Path, instance: Instance, site: str, relay: ScriptedRelay
):
    docroot.run("upgrade", str(second))
    (then,) = kept.listing(instance.home)
    path = Path(then.folder, "lib/postern/web/app.py")
    path.write_text(path.read_text() + "\nimport no_such_module\n")
    instance.query("UPDATE aliases SET colour = 'red'")
    said = docroot.run("rollback", "--yes", code=1)
    assert "Postern 1.1.0 runs as before" in said
    assert docroot.version == "1.1.0"
    assert instance.query("SELECT DISTINCT colour FROM aliases") == [["red"]]
    assert fetch(f"{site}/health").status in (200, 503)
    assert [one.version for one in kept.listing(instance.home)] == ["1.0.0"]
    operators_files_are_there(docroot)


NOTE = """
import postern.ops.releases.site as site
real = site.Site.note
def note(self, journal, state):
    if {early} and state == {state!r}: os.kill(os.getpid(), 9)
    real(self, journal, state)
    if state == {state!r}: os.kill(os.getpid(), 9)
site.Site.note = note
"""

EXCHANGE = """
import postern.ops.releases.switch as switch
real, left = switch._exchange, [{number}]
def exchange(here, there):
    real(here, there)
    left[0] -= 1
    if not left[0]: os.kill(os.getpid(), 9)
switch._exchange = exchange
"""

SWAP = """
import postern.ops.releases.switch as switch
switch._at_once = lambda here, there: False
rename, left = os.rename, [{number}]
def count(old, new):
    rename(old, new)
    left[0] -= ".upgrade" in old + new
    if not left[0]: os.kill(os.getpid(), 9)
os.rename = count
"""

KILLED = {
    "before anything": NOTE.format(early=True, state="backup"),
    "before the backup": NOTE.format(early=False, state="backup"),
    "after the backup": NOTE.format(early=False, state="migrate"),
    "after the migration": NOTE.format(early=True, state="switch"),
    "between two entries": EXCHANGE.format(number=3),
    "between the renames of lib": SWAP.format(number=10),
    "after the renames of lib": SWAP.format(number=11),
    "when all is in place": NOTE.format(early=False, state="check"),
    "when it is in use": NOTE.format(early=False, state="opened"),
}


@pytest.mark.parametrize("point", KILLED)
def test_a_killed_upgrade_loses_nothing_and_is_mended(
    point: str, docroot: Docroot, second: Path, instance: Instance, relay: ScriptedRelay, site: str
):
    before = migrations(instance)
    stream = Stream(instance, site)
    stream.post("before")
    docroot.run_killed(KILLED[point], "upgrade", str(second))
    if (docroot.top / "lib").exists():
        stream.post("meanwhile")
        docroot.run("rollback", "--mend")
    else:
        (then,) = Path(instance.home, "releases").glob("1.0.0-*")
        docroot.run("rollback", "--mend", program=then)
    if point == "when it is in use":
        assert docroot.version == "1.1.0"
        assert migrations(instance) == before + 1
        assert [one.version for one in kept.listing(instance.home)] == ["1.0.0"]
    else:
        is_as_before(docroot, before)
    stream.post("after")
    docroot.drain()
    assert arrived(relay) == sorted(stream.taken)


PACKAGES = """#!/bin/sh
# What install.sh --packages HOME does, without an index.
mkdir -p "$2/venvs/new/lib" && ln -s venvs/new "$2/venv"
"""


@pytest.mark.parametrize("well", [True, False])
def test_new_packages_come_and_go_with_their_program(
    docroot: Docroot, instance: Instance, tmp_path: Path, site: str, well: bool
):
    home = Path(instance.home)
    (home / "venvs" / "old").mkdir(parents=True)
    (home / "venv").symlink_to("venvs/old")
    edits = [add("requirements.txt", "# others\n"), put("install.sh", PACKAGES)]
    edits += [] if well else [BROKEN["a page that does not load"][0]]
    docroot.run("upgrade", str(build(tmp_path, "1.1.0", *edits)), code=not well)
    assert (home / "venv").readlink() == Path("venvs/new" if well else "venvs/old")
    if well:
        docroot.run("rollback", "--yes")
        assert (home / "venv").readlink() == Path("venvs/old")
        assert (
            home / f".env.{next((home / 'releases').glob('1.0.0-*')).name}"
        ).stat().st_mode & 0o777 == 0o600


def test_an_upgrade_mends_the_one_before_first(
    docroot: Docroot, second: Path, instance: Instance, relay: ScriptedRelay
):
    docroot.run_killed(KILLED["between two entries"], "upgrade", str(second))
    said = docroot.run("upgrade", str(second))
    assert "Postern 1.0.0 is back in place." in said
    assert docroot.version == "1.1.0"


def test_of_two_at_once_the_second_is_told(docroot: Docroot, second: Path, instance: Instance):
    from postern.ops.releases import upgrade

    with upgrade.alone(instance.home):
        assert "Another upgrade" in docroot.run("upgrade", str(second), code=75)


def test_an_older_release_is_refused_and_the_same_is_taken(
    docroot: Docroot, first: Path, instance: Instance, tmp_path: Path
):
    older = build(tmp_path, "0.9.0")
    assert "--force" in docroot.run("upgrade", str(older), code=73)
    assert "the same version" in docroot.run("upgrade", str(first))
    assert docroot.version == "1.0.0"


def test_a_clone_is_taken_as_well(docroot: Docroot, second: Path, instance: Instance):
    docroot.run("upgrade", str(second.parent / "tree-1.1.0"))
    assert docroot.version == "1.1.0"


def test_three_releases_are_kept_and_what_did_not_come_about_goes(docroot: Docroot, instance: Instance):
    for number in range(5):
        folder = kept.keep(instance.home, str(docroot.top))
        kept.note(kept.Kept(folder, f"1.{number}.0", 3, "", "", replaced_at=str(number)))
    failed, running = (kept.keep(instance.home, str(docroot.top)) for _ in range(2))
    kept.prune(instance.home, running)
    assert [one.version for one in kept.listing(instance.home)] == ["1.4.0", "1.3.0", "1.2.0"]
    assert not Path(failed).exists() and Path(running).exists()
    assert kept.find(instance.home, "1.3.0").version == "1.3.0"
    assert (Path(running) / ".env").stat().st_mode & 0o777 == 0o600
    assert "1.4.0" in docroot.run("rollback", "--list")
    assert "Kept are: 1.0.0-" in docroot.run("rollback", "9.9.9", code=66)


def test_nobody_there_to_answer_means_no_and_what_would_be_lost_is_named(
    docroot: Docroot, second: Path, instance: Instance
):
    docroot.run("upgrade", str(second))
    said = docroot.run("rollback", code=64)
    assert "column colour" in said
    assert docroot.version == "1.1.0"


def test_a_rollback_can_bring_back_the_rows_and_the_settings_of_then(
    docroot: Docroot, second: Path, instance: Instance
):
    docroot.run("upgrade", str(second))
    docroot.run("alias", "add", "jane", "later@alias.example")
    then = Path(instance.home, ".env").read_text()
    instance.write_env(POSTERN_RETRY_DAYS="3")
    running = Path(instance.home, ".env").read_text()
    docroot.run("rollback", "--restore", "--config", "--yes")
    assert docroot.version == "1.0.0"
    assert "later@alias.example" not in docroot.run("alias", "list", "jane")
    assert Path(instance.home, ".env").read_text() == then
    (beside,) = Path(instance.home).glob(".env.1.1.0-*")
    assert beside.read_text() == running
    docroot.run("health")


def test_a_rollback_to_a_backup_that_is_broken_touches_nothing(
    docroot: Docroot, second: Path, instance: Instance
):
    docroot.run("upgrade", str(second))
    (then,) = kept.listing(instance.home)
    backup = Path(then.backup)
    backup.write_bytes(backup.read_bytes()[:-100])
    said = docroot.run("rollback", "--restore", "--yes", code=65)
    assert "Read the backup of then" in said
    assert "Going back" not in said
    assert docroot.version == "1.1.0"


def test_a_killed_rollback_gives_back_the_rows_that_it_replaced(
    docroot: Docroot, instance: Instance, tmp_path: Path
):
    docroot.run("upgrade", str(build(tmp_path, "1.1.0")))
    docroot.run("alias", "add", "jane", "later@alias.example")
    docroot.run_killed(KILLED["after the migration"], "rollback", "--restore", "--yes")
    docroot.run("rollback", "--mend")
    assert docroot.version == "1.1.0"
    assert "later@alias.example" in docroot.run("alias", "list", "jane")


@pytest.mark.parametrize(
    "point", ["after the backup", "after the migration", "between two entries", "when it is in use"]
)
def test_a_killed_rollback_is_mended_by_cron(
    point: str, docroot: Docroot, second: Path, instance: Instance, relay: ScriptedRelay, site: str
):
    before = migrations(instance)
    docroot.run("upgrade", str(second))
    docroot.run_killed(KILLED[point], "rollback", "--yes")
    stream = Stream(instance, site)
    stream.post("meanwhile")
    docroot.drain()
    over = point == "when it is in use"
    assert docroot.version == ("1.0.0" if over else "1.1.0")
    assert migrations(instance) == (before if over else before + 1)
    assert journal.read(instance.home) is None
    docroot.drain()
    assert arrived(relay) == stream.taken == ["meanwhile"]
