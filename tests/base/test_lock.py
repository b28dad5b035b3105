"""File locks: one holder at a time on this machine, and the kernel lets go when the holder dies, however it dies."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import tiers
from postern.base.lock import FileLock
from support.patience import PATIENCE

HOLD = """
import sys
from postern.base.lock import FileLock
lock = FileLock(sys.argv[1])
print("held" if lock.acquire() else "taken", flush=True)
sys.stdin.read()
"""


class Other:
    """Another process that takes the lock, says so, and holds it until told otherwise."""

    def __init__(self, path: Path) -> None:
        env = {"PYTHONPATH": str(tiers.TOP / "lib")}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], env=env, stdin=pipe, stdout=pipe
        )
        self.said = self.process.stdout.readline().decode().strip()

    def __enter__(self) -> Other:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "drain.lock"


def test_a_free_lock_is_taken_and_its_file_is_private_and_stays(path: Path):
    with FileLock(str(path)) as lock:
        assert lock.acquire()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.exists()


def test_another_process_does_not_get_a_lock_that_is_held(path: Path):
    lock = FileLock(str(path))
    assert lock.acquire()
    with Other(path) as other:
        assert other.said == "taken"
    lock.release()
    with Other(path) as other:
        assert other.said == "held"


def test_a_second_lock_in_the_same_process_does_not_get_it_either(path: Path):
    first, second = FileLock(str(path)), FileLock(str(path))
    assert first.acquire()
    assert not second.acquire()
    second.release()
    assert not FileLock(str(path)).acquire(), "a release by who does not hold it lets go of nothing"
    first.release()
    with second:
        assert second.acquire()


def test_the_lock_of_another_process_is_free_when_that_ends(path: Path):
    with Other(path) as other:
        assert other.said == "held"
        assert not FileLock(str(path)).acquire()
        other.process.communicate(timeout=PATIENCE)
        with FileLock(str(path)) as lock:
            assert lock.acquire()


def test_the_lock_of_a_process_killed_by_sigkill_is_free(path: Path):
    with Other(path) as other:
        assert not FileLock(str(path)).acquire()
        other.process.kill()
        other.process.wait(PATIENCE)
        with FileLock(str(path)) as lock:
            assert lock.acquire()


def test_a_started_process_does_not_inherit_the_lock(path: Path):
    lock = FileLock(str(path))
    assert lock.acquire()
    pipe = subprocess.PIPE
    child = subprocess.Popen(["/bin/sh", "-c", "echo up; read _"], stdin=pipe, stdout=pipe, close_fds=False)
    try:
        assert child.stdout.readline() == b"up\n"
        lock.release()
        with FileLock(str(path)) as again:
            assert again.acquire()
    finally:
        child.communicate(timeout=PATIENCE)


def test_leaving_the_with_block_by_an_error_lets_go(path: Path):
    lock = FileLock(str(path))
    assert lock.acquire()
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError
    with FileLock(str(path)) as again:
        assert again.acquire()


def test_release_may_be_called_again(path: Path):
    lock = FileLock(str(path))
    lock.release()
    assert lock.acquire()
    lock.release()
    lock.release()
    assert lock.acquire()
    lock.release()


def test_a_folder_that_is_not_there_is_an_error_and_not_a_lock(tmp_path: Path):
    with pytest.raises(OSError, match="No such file"):
        FileLock(str(tmp_path / "gone" / "drain.lock")).acquire()


def test_no_file_stays_open_when_the_lock_is_not_got(path: Path):
    with FileLock(str(path)) as lock:
        assert lock.acquire()
        before = sorted(os.listdir("/proc/self/fd"))
        for _ in range(5):
            FileLock(str(path)).acquire()
        assert sorted(os.listdir("/proc/self/fd")) == before
