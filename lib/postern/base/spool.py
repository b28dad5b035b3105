"""The spool: sealed messages in files, for the time the database is away.

spool/tmp/   being written; swept after a day
spool/new/   accepted: the promise holds for each file here
spool/kept/  imported, but no alias takes it; the operator's to look at

A file is named after the webhook id that brought it, so that an id is accepted once even without a database. Its format:

    "PSP1" | length of note, 4 bytes big-endian | note (a sealed value) | sealed stream, header first (docs/sealing.md)

Not here: what the note says, and sealing (flow/receive.py, base/stream.py).
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from dataclasses import dataclass

from postern.base import clock
from postern.base.errors import Busy, Conflict, SealBroken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

MAGIC = b"PSP1"
MAX_NOTE = 65536
MEMORY_CHUNKS = 4
"""Sealed chunks (64 KiB each) that a message being received may hold in memory; more go to an unlinked file."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Holder:
    """Sealed chunks of one message, written once, read as often as needed: in memory while they are few."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._sizes: list[int] = []

    def add(self, chunk: bytes) -> None:
        """Keep one more chunk. Busy when the disk is full."""
        self._sizes.append(len(chunk))
        if self._file is None and len(self._chunks) < MEMORY_CHUNKS:
            self._chunks.append(chunk)
            return
        try:
            if self._file is None:
                import tempfile

                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)
            _write_all(self._file, chunk)
        except OSError as error:
            raise no_room(error) from None

    @property
    def count(self) -> int:
        """How many chunks it holds."""
        return len(self._sizes)

    def chunks(self) -> Iterator[bytes]:
        """The chunks in order, from the first."""
        yield from self._chunks
        if self._file is not None:
            self._file.seek(0)
            for size in self._sizes[len(self._chunks) :]:
                yield self._file.read(size)

    def close(self) -> None:
        """Forget them."""
        self._chunks.clear()
        if self._file is not None:
            self._file.close()


def _write_all(file: IO[bytes], data: bytes) -> None:
    """An unbuffered write may take less than it was given."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def no_room(error: OSError) -> Busy:
    """The disk does not take it: the sender's server keeps the mail."""
    return Busy(
        f"Nothing can be written to the spool ({error.strerror}).", "Free some disk or raise the quota."
    )


@dataclass(frozen=True)
class SpooledFile:
    """An accepted message in spool/new, opened far enough to know where things stand."""

    path: str
    name: str
    note: bytes
    stream_at: int

    def open(self) -> IO[bytes]:
        """The file, positioned at the sealed stream's header."""
        file = open(self.path, "rb")
        file.seek(self.stream_at)
        return file


class Spool:
    """The folder home/spool."""

    def __init__(self, home: str, max_bytes: int, free_bytes: int) -> None:
        self.tmp, self.new, self.kept = (os.path.join(home, "spool", name) for name in ("tmp", "new", "kept"))
        self._max_bytes = max_bytes
        self._free_bytes = free_bytes

    def check_room(self, size: int) -> None:
        """Busy, when `size` more bytes would leave too little free disk."""
        stat = os.statvfs(self.tmp)
        if stat.f_bavail * stat.f_frsize < size + self._free_bytes:
            raise Busy("The disk is nearly full.", "Free some; see POSTERN_DISK_FREE_BYTES.")

    def has(self, name: str) -> bool:
        """Whether this webhook id was accepted into the spool and is still there."""
        return _NAME.fullmatch(name) is not None and os.path.exists(os.path.join(self.new, name))

    def keep(self, name: str, note: bytes, header: bytes, chunks: Iterable[bytes]) -> None:
        """Write, sync, link into spool/new, sync the folder. When this returns, the message is durable.

        Raises Conflict when the name is taken (a replay), Busy when there is no room.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("not a webhook id")
        if self.size() > self._max_bytes:
            raise Busy("The spool is full.", "The database must come back; see POSTERN_SPOOL_MAX_BYTES.")
        temporary = os.path.join(self.tmp, f"{name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb", buffering=0) as file:
                _write_all(file, MAGIC + struct.pack(">I", len(note)) + note + header)
                for chunk in chunks:
                    _write_all(file, chunk)
                os.fsync(fd)
            os.link(temporary, os.path.join(self.new, name))
            sync_folder(self.new)
        except FileExistsError:
            raise Conflict("This webhook id was accepted already.", "A new attempt has a new id.") from None
        except OSError as error:
            raise no_room(error) from None
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    def size(self) -> int:
        """Bytes that wait in spool/new."""
        return sum(found.st_size for _, found in _look(self.new))

    def waiting(self) -> list[str]:
        """Names in spool/new, oldest first."""
        found = [(stat.st_mtime_ns, name) for name, stat in _look(self.new)]
        return [name for _, name in sorted(found)]

    def oldest(self) -> float:
        """When the oldest file in spool/new was written (Unix time); now, when there is none."""
        return min((stat.st_mtime for _, stat in _look(self.new)), default=clock.now())

    def read(self, name: str, folder: str = "") -> SpooledFile:
        """Open one, in spool/new or in another of its folders. SealBroken when it is no spool file."""
        path = os.path.join(folder or self.new, name)
        with open(path, "rb") as file:
            head = file.read(8)
            size = struct.unpack(">I", head[4:])[0] if len(head) == 8 and head[:4] == MAGIC else MAX_NOTE + 1
            note = file.read(size) if size <= MAX_NOTE else b""
        if len(note) != size:
            raise SealBroken(
                f"spool/new/{name} is not a spooled message, or it is cut.", "Move it away and look at it."
            )
        return SpooledFile(path, name, note, 8 + size)

    def remove(self, name: str) -> None:
        """It is in the database now."""
        os.unlink(os.path.join(self.new, name))
        sync_folder(self.new)

    def set_aside(self, name: str) -> None:
        """No alias takes it: keep it for the operator."""
        os.rename(os.path.join(self.new, name), os.path.join(self.kept, name))
        sync_folder(self.kept)

    def kept_count(self) -> int:
        """How many files wait for the operator."""
        return sum(1 for _ in os.scandir(self.kept))

    def sweep(self, older_than: float) -> None:
        """Remove what a killed receipt left in spool/tmp before `older_than` (Unix time)."""
        for name, stat in _look(self.tmp):
            if stat.st_mtime < older_than:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.tmp, name))


def _look(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Names and sizes of the files in a folder that others change meanwhile: a file may be gone when it is looked at."""
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):
            if entry.is_file():
                yield entry.name, entry.stat()


def sync_folder(path: str) -> None:
    """A new name is durable only when its folder is synced too."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
