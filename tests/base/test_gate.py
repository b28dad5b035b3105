"""The gate: who is inside keeps an upgrade waiting, who comes later is refused, and what died half-way stays shut."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiers
from postern.base import gate as gates
from postern.base.errors import Busy, DatabaseUnavailable
from postern.base.gate import Gate, Interrupted
from support.patience import PATIENCE, join, until

INSIDE = "with gate.enter(): print('inside', flush=True); sys.stdin.read()"
SHUT = "with gate.close(60): print('shut', flush=True); sys.stdin.read()"
TRY = """
try:
    with gate.enter(): print('inside', flush=True)
except DatabaseUnavailable as error: print(type(error).__name__, flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


@pytest.fixture
def gate(home: Path) -> Gate:
    return Gate(str(home))


def script(home: Path, text: str) -> list[str]:
    head = (
        "import os, subprocess, sys\nfrom postern.base.gate import Gate\nfrom postern.base.errors import *\n"
    )
    return [sys.executable, "-c", f"{head}gate = Gate({str(home)!r})\n{text}"]


ENV = {"PYTHONPATH": str(tiers.TOP / "lib")}


class Other:
    """Another process; `said` is its first line. It ends when it is told to, or killed."""

    def __init__(self, home: Path, text: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(script(home, text), env=ENV, stdin=pipe, stdout=pipe, text=True)
        self.said = self.process.stdout.readline().strip()

    def __enter__(self) -> Other:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)

    def end(self) -> None:
        self.process.communicate("", timeout=PATIENCE)


def can_enter(gate: Gate) -> bool:
    """Asked by a thread of its own, which is not inside yet."""
    found: list[bool] = []

    def ask() -> None:
        try:
            with gate.enter():
                found.append(True)
        except DatabaseUnavailable:
            found.append(False)

    thread = threading.Thread(target=ask)
    thread.start()
    join(thread)
    return found[0]


def test_many_are_inside_at_once_and_nothing_is_shut(home: Path, gate: Gate):
    with Other(home, INSIDE) as other, gate.enter(), gate.enter():
        assert other.said == "inside"
        assert can_enter(gate)
        assert not gate.closed()


def test_nobody_enters_while_it_is_shut_and_everybody_after(home: Path, gate: Gate):
    with Other(home, SHUT) as other:
        assert other.said == "shut"
        assert gate.closed()
        with pytest.raises(DatabaseUnavailable, match="being upgraded") as caught, gate.enter():
            pass
        assert caught.value.http_status == 503
        other.end()
    assert can_enter(gate)
    assert not gate.closed()


def test_who_shuts_it_waits_for_those_inside_and_lets_nobody_in_meanwhile(home: Path, gate: Gate):
    with gate.enter():
        closer = subprocess.Popen(
            script(home, SHUT), env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            until(gate.closed)
            # Inside already, so in again, as a drain that borrows its next connection.
            with gate.enter():
                assert not can_enter(gate)
        except BaseException:
            closer.kill()
            raise
    assert closer.stdout.readline() == "shut\n"
    closer.communicate("", timeout=PATIENCE)


def test_it_is_not_shut_for_those_who_do_not_leave(home: Path, gate: Gate):
    with Other(home, INSIDE), pytest.raises(Busy, match="at work in the database"), gate.close(0.05):
        pass
    assert can_enter(gate)


def test_two_do_not_shut_it_at_once(home: Path, gate: Gate):
    with Other(home, SHUT), pytest.raises(Busy, match="Somebody else"), gate.close(0.05):
        pass


def test_who_is_killed_inside_keeps_nobody_waiting(home: Path, gate: Gate):
    with Other(home, INSIDE):
        pass
    with gate.close(60):
        pass


def test_the_gate_of_a_killed_upgrade_stays_shut_until_the_next_one_is_through(home: Path, gate: Gate):
    with Other(home, SHUT):
        pass
    assert gate.closed()
    assert gate.interrupted()
    with pytest.raises(Interrupted, match="interrupted") as caught, gate.enter():
        pass
    assert "rollback --mend" in caught.value.remedy
    with gate.close(60):
        assert not gate.interrupted()
    assert can_enter(gate)


def test_one_that_was_killed_while_it_waited_leaves_nothing_shut(home: Path, gate: Gate):
    with gate.enter():
        waiting = subprocess.Popen(script(home, SHUT), env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            until(gate.closed)
        finally:
            waiting.kill()
            waiting.communicate(timeout=PATIENCE)
    assert can_enter(gate)


def test_what_is_left_half_done_stays_shut(gate: Gate):
    with gate.close(60) as shut:
        shut.stays = True
    assert gate.interrupted()


def test_who_shut_it_and_what_he_starts_may_enter(home: Path, gate: Gate):
    with gate.close(60) as shut:
        assert can_enter(gate)
        for files, said in ((shut.files, "inside\n"), ((), "DatabaseUnavailable\n")):
            done = subprocess.run(script(home, TRY), env=ENV, capture_output=True, text=True, pass_fds=files)
            assert done.stdout == said


def test_an_orphan_of_a_killed_upgrade_is_waited_for(home: Path, gate: Gate):
    text = """
with gate.close(60) as shut:
    child = subprocess.Popen([sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
                             stdin=subprocess.PIPE, pass_fds=shut.files)
    os.kill(os.getpid(), 9)
"""
    # The child reads from a pipe whose other end dies with its parent, so it is given ours.
    text = text.replace("stdin=subprocess.PIPE", "stdin=0")
    other = subprocess.Popen(
        script(home, text), env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "up\n"
    assert other.wait(PATIENCE) == -9
    with pytest.raises(Busy), gate.close(0.05):
        pass
    other.stdin.close()
    with gate.close(60):
        pass
    other.stdout.close()


@contextlib.contextmanager
def living(home: Path, lib: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of the program in `lib` that tries to enter with each line it reads."""
    text = f"for line in sys.stdin:\n    {TRY.strip().replace(chr(10), chr(10) + '    ')}"
    env = {"PYTHONPATH": str(lib)}
    process = subprocess.Popen(
        script(home, text), env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def test_a_process_whose_program_was_replaced_is_refused_and_one_put_back_goes_on(home: Path, tmp_path: Path):
    old, new = tmp_path / "lib", tmp_path / "new"
    for folder in (old, new):
        shutil.copytree(tiers.TOP / "lib" / "postern" / "base", folder / "postern" / "base")
        shutil.copy2(tiers.TOP / "lib" / "postern" / "__init__.py", folder / "postern")
    with living(home, old) as process:

        def ask() -> str:
            process.stdin.write("\n")
            return process.stdout.readline().strip()

        assert ask() == "inside"
        os.rename(old, tmp_path / "kept")
        assert ask() == "DatabaseUnavailable"
        os.rename(new, old)
        assert ask() == "DatabaseUnavailable"
        os.rename(old, new)
        os.rename(tmp_path / "kept", old)
        assert ask() == "inside"


def test_the_name_of_a_release_is_that_of_its_processes_and_tells_no_version(tmp_path: Path):
    assert gates.release_in(str(tiers.TOP)) == gates.running()
    (tmp_path / "lib" / "postern").mkdir(parents=True)
    shutil.copy2(tiers.TOP / "lib" / "postern" / "__init__.py", tmp_path / "lib" / "postern")
    assert gates.release_in(str(tmp_path)) != gates.running()
    assert len(gates.running()) == 12


def test_a_home_that_cannot_be_used_is_a_database_that_is_away(tmp_path: Path):
    with pytest.raises(DatabaseUnavailable, match=r"gate\.door"), Gate(str(tmp_path / "nowhere")).enter():
        pass


def test_its_files_are_private(home: Path, gate: Gate):
    with gate.close(60), contextlib.suppress(DatabaseUnavailable), gate.enter():
        pass
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in (home / "run").iterdir()} == {
        "gate.door": "0o600",
        "gate.room": "0o600",
    }


def test_on_a_full_disk_the_gate_opens_again_and_says_so(home: Path, gate: Gate):
    full = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    done = subprocess.run(
        script(home, full + SHUT),
        env=ENV,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "DatabaseUnavailable: " in done.stderr
    assert "on a disk with room" in done.stderr
    with gate.enter():
        pass
