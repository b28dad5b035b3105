"""SimpleLogin's public program in Python, as PyPI carries it, against the running site.

It has the server's address in its code: one constant of a module, which is set here before its own main function runs.
Everything else is its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from postern.base.database import SYSTEM
from postern.store import domains
from support.patience import PATIENCE
from support.people import SHARED, Person, Site

PROGRAM = "import sys; from simplelogin import cli; cli.BASE_URL = sys.argv.pop(1); cli.main()"


class Shell:
    """The program, with jane's key."""

    def __init__(self, url: str, key: str, home: Path) -> None:
        self.url = url
        self.env = {"PATH": os.environ["PATH"], "SIMPLELOGIN_API_KEY": key, "XDG_CONFIG_HOME": str(home)}
        self("aliases list")  # at first it only makes its file

    def __call__(self, command: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, self.url, *command.split()],
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "rror" not in done.stdout, done.stdout
        return done.stdout


def test_the_program_can_do_all_that_it_knows(served: Site, jane: Person, key: str, tmp_path: Path):
    with served.context.pool.connection() as db, db.transaction(SYSTEM):
        own = domains.add(db, f"own{jane.id}.example", jane.id)
    alias = served.alias(jane, f"shop{jane.id}")
    sl = Shell(served.context.config.url, key, tmp_path)
    assert alias.address in sl("aliases list")
    assert f"@{own.name}" in sl(
        f"aliases create custom py 0 --mailboxes={jane.mailbox.id} --note=n --name=Jane"
    )
    assert f"@{SHARED}" in sl("aliases create random --mode=uuid --note=n")
    assert f"py@{own.name}" in sl("aliases list --page=0")
    assert alias.address in sl(f"aliases info {alias.id}")
    assert "disabled" in sl(f"aliases toggle {alias.id}")
    assert "created" in sl(f"contacts create {alias.id} bob@shop.test")
    assert "bob@shop.test" in sl(f"contacts list {alias.id}")
    ((contact,),) = served.run("SELECT id FROM contacts WHERE alias_id = :id", id=alias.id)
    sl(f"contacts toggle {contact}")
    sl(f"contacts delete {contact}")
    assert own.name in sl("domains list")
    assert own.name in sl(f"domains info {own.id}")
    assert "Catch-all: Enabled" in sl(f"domains update {own.id} --catch-all=true")
    assert "deleted" in sl(f"aliases delete {alias.id}", "y\n")
    sl(f"domains trash {own.id}")
    assert f"{jane.handle}@real.example" in sl("mailboxes list")
    left = served.run(
        "SELECT local FROM aliases WHERE user_id = :id AND deleted_at IS NULL ORDER BY id", id=jane.id
    )
    assert len(left) == 2 and left[0] == ["py"]
