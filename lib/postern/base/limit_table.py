"""A leaky bucket for everybody, in memory that all processes of the account share: the file home/run/limits, mapped.

The file is a header of 64 bytes (mark, and a random key of 16) and 65,536 slots of 16: a keyed hash of who is counted (8), and
when his bucket will be empty (8, nanoseconds on the clock that counts from the machine's start). Eight slots are a bucket of
the table; a newcomer takes the slot of that bucket which is empty soonest, so the file never grows and a check never searches.

That time is the whole state (GCRA, the algorithm of ATM's traffic contracts): each request moves it on by its share of the
rate, and one that would move it further ahead than the burst allows is refused. A torn slot, or one from before the machine's
last start, is at worst a wrong time: too early counts as empty, too late as empty too. So a kill at any instruction harms one
count, once. What is no table any more is thrown away and made anew.

Record locks (fcntl(2)) keep two processes apart at the same eight slots; a lock of this process keeps its threads apart, and
the file open, for record locks are let go of with any descriptor of the file. Not here: which rules there are (web/limits.py).
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import time
from dataclasses import dataclass
from hashlib import blake2b

MARK = b"postern limits 1"
KEY_BYTES = 16
HEADER_BYTES = 64
SLOT = struct.Struct("=8sQ")
WAYS = 8
BUCKETS = 8192
BUCKET_BYTES = WAYS * SLOT.size
FILE_BYTES = HEADER_BYTES + BUCKETS * BUCKET_BYTES

LONGEST_SECONDS = 86400
"""No bucket takes longer to empty. What says so is of another time: before the machine's last start."""

_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Rate:
    """`count` requests in `seconds`, evenly; up to `burst` of them at once."""

    count: int
    seconds: int
    burst: int


@dataclass(frozen=True)
class Verdict:
    """Whether it may go on. `wait`: seconds until it may; `left`: how many more at once; `reset`: seconds until all of them."""

    allowed: bool
    wait: int
    left: int
    reset: int


class LimitTable:
    """The table of one home. One object serves all threads; nothing is opened before the first check."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._file = -1
        self._map: mmap.mmap | None = None
        self._key = b""

    def take(self, rate: Rate, who: bytes, cost: int = 1) -> Verdict:
        """Count `cost` requests of `who`. OSError where the table can be neither opened nor made."""
        with self._guard:
            table = self._map or self._open()
            digest = blake2b(who, key=self._key, digest_size=12).digest()
            at = HEADER_BYTES + int.from_bytes(digest[8:], "big") % BUCKETS * BUCKET_BYTES
            fcntl.lockf(self._file, fcntl.LOCK_EX, BUCKET_BYTES, at)
            try:
                return _count(table, at, digest[:8], rate, cost)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, BUCKET_BYTES, at)

    def close(self) -> None:
        """Let the file go; the next check opens it again."""
        with self._guard:
            if self._map is not None:
                self._map.close()
                os.close(self._file)
                self._map, self._file = None, -1

    def _open(self) -> mmap.mmap:
        for _ in range(2):
            try:
                file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                self._make()
                continue
            if os.fstat(file).st_size == FILE_BYTES:
                table = mmap.mmap(file, FILE_BYTES)
                if table[: len(MARK)] == MARK:
                    self._file, self._map = file, table
                    self._key = table[len(MARK) : len(MARK) + KEY_BYTES]
                    return table
                table.close()
            os.close(file)
            self._make()
        raise OSError(f"{self._path} cannot be made")

    def _make(self) -> None:
        """A new table in the place of what is there. Its blocks are reserved: writing to a map on a full disk kills."""
        new = f"{self._path}.{os.urandom(6).hex()}"
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, FILE_BYTES)
            os.pwrite(file, MARK + os.urandom(KEY_BYTES), 0)
            os.rename(new, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(new)
            raise
        finally:
            os.close(file)


def _count(table: mmap.mmap, at: int, tag: bytes, rate: Rate, cost: int) -> Verdict:
    now = time.monotonic_ns()
    step = rate.seconds * _SECOND // rate.count
    most = step * rate.burst
    place, full_until = _slot(table, at, tag, now)
    if not now < full_until <= now + most:
        full_until = now
    after = full_until + step * cost
    if after > now + most:
        return Verdict(
            False, _seconds(after - most - now), (now + most - full_until) // step, _seconds(full_until - now)
        )
    table[place : place + SLOT.size] = SLOT.pack(tag, after)
    return Verdict(True, 0, (now + most - after) // step, _seconds(after - now))


def _slot(table: mmap.mmap, at: int, tag: bytes, now: int) -> tuple[int, int]:
    """Where this one is counted, and until when; for a newcomer the slot that is empty soonest, and 0."""
    soonest, place = now + LONGEST_SECONDS * _SECOND, at
    for position, (found, until) in enumerate(SLOT.iter_unpack(table[at : at + BUCKET_BYTES])):
        if found == tag:
            return at + position * SLOT.size, until
        empty = until if until <= now + LONGEST_SECONDS * _SECOND else 0
        if empty < soonest:
            soonest, place = empty, at + position * SLOT.size
    return place, 0


def _seconds(nanoseconds: int) -> int:
    """Rounded up: whoever waits so long is let in."""
    return -(-nanoseconds // _SECOND)
