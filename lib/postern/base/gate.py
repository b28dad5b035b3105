"""The gate in front of the database: shut while an upgrade changes the program and its schema, so that nobody is inside then.

Two files in home/run, locked with flock(2), which the kernel lets go of when a process dies, however it dies:

    gate.door   shared for the moment of coming in; exclusive while the gate is shut. Empty, or the process id of who shut it.
    gate.room   shared as long as somebody is inside; exclusive while the gate is shut.

Who shuts it takes the door first, so nobody new comes in, and then waits until the room is empty. The id is written when both
are held and taken out before they are let go: an id in a door that nobody holds is an upgrade that died half-way, and the gate
stays shut until it was mended. A thread that is inside may enter again while the door is shut. So may the process that shut the
gate, and those that it starts: they get the locks as open files (`Shut.files`), so an orphan of a killed upgrade holds them on.

A process that lives on must not ask a newer schema with older code: nobody enters whose program is no longer the one on disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time

import postern
from postern.base import clock
from postern.base.errors import Busy, DatabaseUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_SECONDS = 0.02
"""flock cannot wait for a limited time, so it is tried again so often."""

MOST_FILES = 1024
"""Open files that a process usually may have; those that it was started with have low numbers."""


class Interrupted(DatabaseUnavailable):
    """An upgrade died half-way, and nobody has mended it yet."""


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    """What tells one release's files from another's."""
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def identity(path: str) -> tuple[int, int, int]:
    """The file that is there now. All zero: there is none, for a moment."""
    try:
        return _identity(os.stat(path))
    except OSError:
        return (0, 0, 0)


def was_replaced() -> bool:
    """Whether the program on disk is another than the one that this process runs."""
    return identity(postern.__file__) != _RUNNING


_RUNNING = _identity(postern.LOADED_FROM)


def running() -> str:
    """A name for the program that this process runs: the same for all its processes, another after an upgrade."""
    return _name(_RUNNING)


def release_in(top: str) -> str:
    """The name of the program in this folder; what its processes call running()."""
    return _name(_identity(os.stat(os.path.join(top, "lib", "postern", "__init__.py"))))


def _name(identity: tuple[int, int, int]) -> str:
    """Hashed: it is shown to strangers, and a version would tell them which faults to try."""
    from hashlib import sha256

    return sha256(repr(identity).encode()).hexdigest()[:12]


class Shut:
    """The gate, while it is shut by this process."""

    def __init__(self, files: tuple[int, int]) -> None:
        self.files = files
        """For `pass_fds`: a process that is started with them may enter, and holds the gate shut as long as it lives."""
        self.stays = False
        """Set it where things are left half-done: then nobody enters until the next one has mended them."""


class Gate:
    """The gate of one home. One object serves all threads."""

    def __init__(self, home: str) -> None:
        self._door = os.path.join(home, "run", "gate.door")
        self._room = os.path.join(home, "run", "gate.room")
        self._thread = threading.local()

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """Be inside. DatabaseUnavailable while the gate is shut; never waits."""
        depth = getattr(self._thread, "depth", 0)
        place = self._come_in() if depth == 0 else -1
        self._thread.depth = depth + 1
        try:
            if depth == 0 and was_replaced():
                raise DatabaseUnavailable(
                    "This process runs a program that was replaced.",
                    "It ends by itself, and the next one runs the new program.",
                )
            yield
        finally:
            self._thread.depth = depth
            if place >= 0:
                os.close(place)

    def _come_in(self) -> int:
        """The file that holds our place in the room; -1: this process belongs to who shut the gate."""
        door = _open(self._door)
        try:
            free = _lock(door, fcntl.LOCK_SH)
            if free and os.fstat(door).st_size:
                raise Interrupted("An upgrade was interrupted.", "Run: postern rollback --mend")
            if not free and _is_ours(door):
                return -1
            place = _open(self._room) if free else -1
            if place < 0 or not _lock(place, fcntl.LOCK_SH):
                if place >= 0:
                    os.close(place)
                raise DatabaseUnavailable("Postern is being upgraded.", "It goes on by itself in a moment.")
            return place
        finally:
            os.close(door)

    def closed(self) -> bool:
        """Whether nobody new may enter: for those inside, who should leave soon."""
        door = _open(self._door)
        try:
            return not _lock(door, fcntl.LOCK_SH) or os.fstat(door).st_size > 0
        finally:
            os.close(door)

    def interrupted(self) -> bool:
        """Whether an upgrade died and was not mended."""
        door = _open(self._door)
        try:
            return _lock(door, fcntl.LOCK_SH) and os.fstat(door).st_size > 0
        finally:
            os.close(door)

    @contextlib.contextmanager
    def close(self, seconds: float) -> Iterator[Shut]:
        """Shut the gate, once those inside have left. Busy when they have not within `seconds`."""
        deadline = clock.elapsed() + seconds
        with contextlib.ExitStack() as files:
            door = _open(self._door)
            files.callback(os.close, door)
            _wait(door, deadline, "Somebody else has shut Postern's gate.")
            room = _open(self._room)
            files.callback(os.close, room)
            _wait(room, deadline, "Somebody is still at work in the database.")
            shut = Shut((door, room))
            try:
                _write_id(door, str(os.getpid()))
                yield shut
            finally:
                if not shut.stays:
                    _write_id(door, "")


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _refused(path, error) from None


def _refused(path: str, error: OSError) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"{path} cannot be written ({error.strerror}).",
        "Its folder must belong to this account, on a disk with room.",
    )


def _lock(file: int, kind: int) -> bool:
    """Without waiting. False: somebody else holds it."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(file: int, deadline: float, reason: str) -> None:
    while not _lock(file, fcntl.LOCK_EX):
        if clock.elapsed() >= deadline:
            raise Busy(reason, "Try again in a few minutes; see: postern queue list")
        time.sleep(LOOK_SECONDS)


def _is_ours(door: int) -> bool:
    """Whether this process shut it, or was started by the one that did and holds its files."""
    text = os.pread(door, 20, 0)
    who = int(text) if text.isdigit() else 0
    return who == os.getpid() or (
        who == os.getppid() and any(_holds(file, door) for file in range(3, MOST_FILES))
    )


def _holds(file: int, door: int) -> bool:
    """Whether this is the door, opened by who shut it: for him the lock is no obstacle."""
    try:
        return file != door and os.path.sameopenfile(file, door) and _lock(file, fcntl.LOCK_EX)
    except OSError:
        return False


def _write_id(file: int, text: str) -> None:
    """Synced: after a loss of power, too, nobody may enter what is half-done."""
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, text.encode(), 0)
        os.fsync(file)
    except OSError as error:
        raise _refused("The gate of Postern, home/run/gate.door,", error) from None
