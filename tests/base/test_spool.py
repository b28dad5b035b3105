"""The spool: a file in spool/new is whole and durable, or it is not there.

Covered: the format, byte for byte; a name is taken once; damaged files; a disk that is full (a small tmpfs, as root) and a
file that may not grow (anybody); SIGKILL at each step of keeping one; files that go while they are looked at; the holder
of a message's chunks. Not here: what is in the note, and importing (tests/flow).
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiers
from postern.base import home
from postern.base import spool as spools
from postern.base.errors import Busy, Conflict, SealBroken
from postern.base.keyring import KeyRing, new_key, parse_keys
from postern.base.spool import MEMORY_CHUNKS, Holder, Spool
from postern.base.stream import StreamSealer, open_stream, read_sealed_file

NAME = "in_0123456789abcdef0123456789abcdef"
PLENTY = 10**9


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    home.make(str(tmp_path))
    return Spool(str(tmp_path), PLENTY, 0)


def names(folder: str) -> list[str]:
    return sorted(os.listdir(folder))


def test_the_file_is_what_the_format_says_byte_for_byte_and_private(spool: Spool):
    spool.keep(NAME, b"the note", b"header", iter([b"one", b"", b"two" * 50_000]))
    path = Path(spool.new, NAME)
    assert (
        path.read_bytes()
        == b"PSP1" + struct.pack(">I", 8) + b"the note" + b"header" + b"one" + b"two" * 50_000
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(spool.tmp) == []


def test_what_was_kept_is_read_back(spool: Spool):
    spool.keep(NAME, b"note" * 1000, b"header", [b"chunks"])
    found = spool.read(NAME)
    assert (found.name, found.note) == (NAME, b"note" * 1000)
    with found.open() as file:
        assert file.read() == b"headerchunks"


def test_a_sealed_stream_comes_back_through_the_spool(spool: Spool):
    ring = KeyRing(parse_keys(new_key()), os.urandom(32))
    plain = os.urandom(300_000)
    sealer = StreamSealer(ring, "place")
    chunks = [*sealer.update(plain), sealer.finish()]
    spool.keep(NAME, b"", sealer.header, chunks)
    with spool.read(NAME).open() as file:
        assert b"".join(open_stream(ring, "place", *read_sealed_file(file))) == plain
    os.truncate(os.path.join(spool.new, NAME), os.path.getsize(os.path.join(spool.new, NAME)) - 1)
    with spool.read(NAME).open() as file, pytest.raises(SealBroken):
        list(open_stream(ring, "place", *read_sealed_file(file)))


def test_a_name_is_taken_once_and_the_first_file_stays_as_it_was(spool: Spool):
    spool.keep(NAME, b"first", b"h", [b"1"])
    before = Path(spool.new, NAME).read_bytes()
    with pytest.raises(Conflict):
        spool.keep(NAME, b"second", b"h", [b"2"])
    assert Path(spool.new, NAME).read_bytes() == before
    assert names(spool.tmp) == []
    assert spool.has(NAME)
    assert not spool.has(NAME[:-1])


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../new/x", "a/b", "/etc/passwd", "a\n", "a\0", "ä", "a" * 81, ".hidden"]
)
def test_what_is_no_webhook_id_names_no_file(spool: Spool, name: str):
    with pytest.raises(ValueError, match="not a webhook id"):
        spool.keep(name, b"", b"", [])
    assert not spool.has(name)
    assert names(spool.tmp) == names(spool.new) == []


def test_files_wait_oldest_first_whatever_their_names(spool: Spool):
    for age, name in enumerate(["c", "a", "b"]):
        spool.keep(name, b"", b"", [])
        os.utime(os.path.join(spool.new, name), (1000 - age, 1000 - age))
    assert spool.waiting() == ["b", "a", "c"]


def test_the_size_is_what_waits_and_a_full_spool_takes_no_more(tmp_path: Path):
    home.make(str(tmp_path))
    spool = Spool(str(tmp_path), 100, 0)
    spool.keep("a", b"n" * 42, b"h" * 10, [b"c" * 41])
    assert spool.size() == 101
    with pytest.raises(Busy) as caught:
        spool.keep("b", b"", b"", [])
    assert "POSTERN_SPOOL_MAX_BYTES" in caught.value.remedy
    assert spool.waiting() == ["a"]
    spool.remove("a")
    spool.keep("b", b"", b"", [])
    assert spool.waiting() == ["b"]


def test_set_aside_moves_a_file_to_the_operator(spool: Spool):
    spool.keep(NAME, b"note", b"h", [b"1"])
    assert spool.kept_count() == 0
    content = Path(spool.new, NAME).read_bytes()
    spool.set_aside(NAME)
    assert spool.waiting() == []
    assert spool.kept_count() == 1
    assert Path(spool.kept, NAME).read_bytes() == content


def test_the_sweep_takes_only_what_is_old_in_tmp(spool: Spool):
    for folder in (spool.tmp, spool.new, spool.kept):
        for name, age in (("old", 1000), ("young", 3000)):
            Path(folder, name).touch()
            os.utime(os.path.join(folder, name), (age, age))
    spool.sweep(2000)
    assert names(spool.tmp) == ["young"]
    assert names(spool.new) == names(spool.kept) == ["old", "young"]


def test_a_file_cut_anywhere_in_its_head_is_told_and_not_taken(spool: Spool):
    spool.keep(NAME, b"the note", b"", [])
    path = Path(spool.new, NAME)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(SealBroken) as caught:
            spool.read(NAME)
        assert NAME in caught.value.reason
    path.write_bytes(whole)
    assert spool.read(NAME).note == b"the note"


@pytest.mark.parametrize(
    "head",
    [
        b"PSP2" + struct.pack(">I", 1) + b"x",
        b"PSP1" + struct.pack(">I", 65537) + b"x" * 65537,
        b"PSP1" + b"\xff" * 4,
        b"\0" * 100,
    ],
    ids=["another version", "a note too long", "a note without end", "zeros"],
)
def test_what_is_no_spool_file_is_told(spool: Spool, head: bytes):
    Path(spool.new, "other").write_bytes(head)
    with pytest.raises(SealBroken):
        spool.read("other")


# A full disk.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[str]:
    """A home on a file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small tmpfs")
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(tmp_path)]
    done = subprocess.run(mount, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        pytest.skip(f"needs to mount a small tmpfs, which is not allowed here: {done.stderr.strip()}")
    try:
        home.make(str(tmp_path))
        yield str(tmp_path)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_on_a_full_disk_keep_says_so_and_leaves_nothing(small_disk: str):
    spool = Spool(small_disk, PLENTY, 0)
    spool.keep("small", b"note", b"h", [b"x" * 1000])
    with pytest.raises(Busy) as caught:
        spool.keep("large", b"note", b"h", [b"x" * 65536] * 5)
    assert "No space left on device" in caught.value.reason
    assert names(spool.new) == ["small"]
    assert names(spool.tmp) == []
    assert spool.read("small").note == b"note"
    spool.keep("again", b"note", b"h", [b"x" * 1000])


def test_on_a_full_disk_the_holder_says_so(small_disk: str):
    with contextlib.closing(Holder(os.path.join(small_disk, "spool", "tmp"))) as holder:
        fill(holder, MEMORY_CHUNKS + 3)
        with pytest.raises(Busy):
            fill(holder, 2)


def fill(holder: Holder, chunks: int) -> None:
    for _ in range(chunks):
        holder.add(b"x" * 65536)


def test_room_is_what_the_disk_has_less_what_must_stay_free(small_disk: str):
    Spool(small_disk, PLENTY, 0).check_room(200_000)
    with pytest.raises(Busy) as caught:
        Spool(small_disk, PLENTY, 100_000).check_room(200_000)
    assert "POSTERN_DISK_FREE_BYTES" in caught.value.remedy
    with pytest.raises(Busy):
        Spool(small_disk, PLENTY, 0).check_room(300_000)


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As a quota does: a write past it fails (EFBIG), also for those who are not root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_when_a_file_may_not_grow_keep_says_so_and_leaves_nothing(spool: Spool):
    with files_of_at_most(100_000), pytest.raises(Busy) as caught:
        spool.keep(NAME, b"note", b"h", [b"x" * 65536] * 5)
    assert "File too large" in caught.value.reason
    assert names(spool.new) == names(spool.tmp) == []


def test_when_a_file_may_not_grow_the_holder_says_so(spool: Spool):
    with contextlib.closing(Holder(spool.tmp)) as holder, files_of_at_most(100_000), pytest.raises(Busy):
        fill(holder, MEMORY_CHUNKS + 2)


def test_a_source_that_fails_in_the_middle_leaves_nothing(spool: Spool):
    def chunks() -> Iterator[bytes]:
        yield b"x" * 1000
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spool.keep(NAME, b"note", b"h", chunks())
    assert names(spool.new) == names(spool.tmp) == []


# SIGKILL at each step of keep().

KILLED = """
import os, signal, sys
from postern.base import spool as spools

home, step = sys.argv[1:]
link, fsync, unlink = os.link, os.fsync, os.unlink
synced = []

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def chunks():
    yield b"one"
    if step == "in the middle of writing":
        die()
    yield b"two"

def watched_fsync(fd):
    if step == "before the file is synced":
        die()
    fsync(fd)
    synced.append(fd)
    if step == "after the file is synced":
        die()
    if step == "after the folder is synced" and len(synced) == 2:
        die()

def watched_link(source, target):
    assert synced, "linked before it was synced"
    if step == "before the link":
        die()
    link(source, target)
    if step == "after the link":
        die()

def watched_unlink(path):
    unlink(path)
    if step == "after tmp is emptied":
        die()

os.fsync, os.link, os.unlink = watched_fsync, watched_link, watched_unlink
spools.Spool(home, 10**9, 0).keep("in_1", b"the note", b"header", chunks())
print("kept", len(synced))
"""

STEPS = {
    "in the middle of writing": (False, 1),
    "before the file is synced": (False, 1),
    "after the file is synced": (False, 1),
    "before the link": (False, 1),
    "after the link": (True, 1),
    "after the folder is synced": (True, 1),
    "after tmp is emptied": (True, 0),
    "never": (True, 0),
}
"""Step -> whether spool/new then has the file, and how many files are left in spool/tmp."""


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_spool_new_has_the_whole_file_or_none(spool: Spool, tmp_path: Path, step: str):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), step],
        env={"PYTHONPATH": str(tiers.TOP / "lib")},
        capture_output=True,
        text=True,
    )
    if step == "never":
        assert done.stdout == "kept 2\n", "the file is synced, and then its folder"
    else:
        assert done.returncode == -signal.SIGKILL, done.stderr
    there, left = STEPS[step]
    assert spool.waiting() == (["in_1"] if there else [])
    assert len(names(spool.tmp)) == left
    if there:
        assert spool.read("in_1").note == b"the note"
        assert Path(spool.new, "in_1").read_bytes().endswith(b"headeronetwo")
        with pytest.raises(Conflict):
            spool.keep("in_1", b"", b"", [])
    else:
        spool.keep("in_1", b"again", b"", [])
    spool.sweep(4e9)
    assert names(spool.tmp) == []
    assert spool.waiting() == ["in_1"]


# A drain takes files away while others look.


def test_a_file_that_goes_while_the_folder_is_read_is_no_error(spool: Spool, monkeypatch: pytest.MonkeyPatch):
    for name in ("a", "b", "c"):
        spool.keep(name, b"note", b"h", [])
    scandir = os.scandir

    def racing(folder: str) -> Iterator[os.DirEntry[str]]:
        for entry in list(scandir(folder)):
            if entry.name == "b":
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.path)
            yield entry

    monkeypatch.setattr(spools.os, "scandir", racing)
    assert spool.size() == 2 * (8 + 4 + 1)
    spool.keep("b", b"note", b"h", [])
    assert sorted(spool.waiting()) == ["a", "c"]


# Chunks of one message, in memory while they are few.


@given(st.lists(st.binary(max_size=40), max_size=3 * MEMORY_CHUNKS))
def test_the_holder_gives_back_what_it_was_given_as_often_as_asked(chunks: list[bytes]):
    with contextlib.closing(Holder("/tmp")) as holder:
        for chunk in chunks:
            holder.add(chunk)
        assert holder.count == len(chunks)
        assert list(holder.chunks()) == chunks
        assert list(holder.chunks()) == chunks
        holder.add(b"one more")
        assert list(holder.chunks()) == [*chunks, b"one more"]


def test_few_chunks_stay_in_memory_and_more_go_to_a_file_without_a_name(spool: Spool):
    before = set(os.listdir("/proc/self/fd"))
    with contextlib.closing(Holder(spool.tmp)) as holder:
        for _ in range(MEMORY_CHUNKS):
            holder.add(b"x" * 65536)
        assert set(os.listdir("/proc/self/fd")) == before
        holder.add(b"y" * 65536)
        assert len(set(os.listdir("/proc/self/fd")) - before) == 1
        assert names(spool.tmp) == []
    assert set(os.listdir("/proc/self/fd")) == before
