"""The file of a backup: writing one, and reading one that may be cut, altered, foreign or of another version.

Its format, numbers big-endian, seals as in docs/sealing.md:

    "PSB1"          magic, and version of the format
    16 bytes        id of the backup: random
    sealed stream   place backup.rows:<id>: zlib over the rows of all tables, back to back (store/tables.py has their format)
    sealed value    place backup.manifest:<id>: the manifest, JSON
    4 bytes         length of that sealed value

The manifest stands at the end because counts and digests are known there; it is found from the end, and says where in the rows
each table ends. Nothing can be cut off, moved or exchanged: both seals are bound to the id.

Not here: what the manifest says (manifest.py), which tables there are (backup.py), what a restore does with them (restore.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import uuid
import zlib

from postern.base.errors import Busy, NotFound, SealBroken
from postern.base.stream import HEADER_SIZE, SEALED_CHUNK, StreamSealer, open_stream
from postern.ops.backups import manifest as manifests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from postern.base.keyring import KeyRing
    from postern.ops.backups.manifest import Entry, Manifest

MAGIC = b"PSB1"
HEAD_SIZE = len(MAGIC) + 16
TAIL_SIZE = 4
MOST_AT_ONCE = 1024 * 1024
"""Bytes that one step of unpacking may give: what is packed could be a thousand times as long."""


class BackupBroken(SealBroken):
    """This file is no whole backup of this instance (EX_DATAERR). `key_id`: the key that it names, where it names one."""

    key_id = ""


def _places(backup_id: bytes) -> tuple[str, str]:
    """What rows and manifest are bound to."""
    name = uuid.UUID(bytes=backup_id)
    return f"backup.rows:{name}", f"backup.manifest:{name}"


class Writer:
    """Writes one backup into an unbuffered file: rows, then the manifest. Busy when the disk does not take it."""

    def __init__(self, ring: KeyRing, file: IO[bytes]) -> None:
        self._ring = ring
        self._file = file
        backup_id = uuid.uuid4().bytes
        rows, self._manifest_place = _places(backup_id)
        self._sealer = StreamSealer(ring, rows)
        # Level 1: mail and addresses are sealed already and do not shrink.
        self._packer = zlib.compressobj(1)
        self._put(MAGIC + backup_id + self._sealer.header)

    def write(self, data: bytes, /) -> None:
        """The next rows."""
        self._seal(self._packer.compress(data))

    def finish(self, manifest: Manifest) -> None:
        """No more rows. When this returns, the file is on the disk."""
        self._seal(self._packer.flush())
        self._put(self._sealer.finish())
        sealed = self._ring.seal(manifests.write(manifest), self._manifest_place)
        self._put(sealed + struct.pack(">I", len(sealed)))
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise no_room(error) from None

    def _seal(self, packed: bytes) -> None:
        for chunk in self._sealer.update(packed) if packed else ():
            self._put(chunk)

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            # Not as OSError: between here and the caller it would be taken for a broken line to the database.
            raise no_room(error) from None


def no_room(error: OSError) -> Busy:
    """The disk does not take it."""
    return Busy(
        f"The backup cannot be written ({error.strerror}).",
        "Free some disk, raise the quota, or name another folder: postern backup --to FOLDER",
    )


@contextlib.contextmanager
def opened(ring: KeyRing, path: str) -> Iterator[Reader]:
    """A backup to read from. NotFound, or BackupBroken when it is none of ours, or its end is not as it was written."""
    try:
        with open(path, "rb") as file:
            yield Reader(ring, file)
    except OSError as error:
        raise NotFound(f"{path} cannot be read ({error.strerror}).", "Name the file of a backup.") from None


def keys_needed(ring: KeyRing, path: str) -> set[str]:
    """Ids of the keys without which it, or what its rows hold, does not open; as far as can be told. Empty: it is broken."""
    try:
        with opened(ring, path) as reader:
            return {reader.key_id, *reader.manifest.keys}
    except BackupBroken as error:
        return {error.key_id} - {""}
    except NotFound:
        return set()


class Reader:
    """A backup whose manifest was opened. The rows are proven as they are read."""

    def __init__(self, ring: KeyRing, file: IO[bytes]) -> None:
        self._ring = ring
        self._file = file
        head = file.read(HEAD_SIZE)
        _check_magic(file.name, head[: len(MAGIC)])
        size = os.fstat(file.fileno()).st_size
        file.seek(max(size - TAIL_SIZE, 0))
        (length,) = struct.unpack(">I", file.read(TAIL_SIZE).rjust(TAIL_SIZE, b"\0"))
        self._rows_end = size - TAIL_SIZE - length
        if self._rows_end < HEAD_SIZE + HEADER_SIZE:
            raise _damaged(file.name)
        self._rows_place, place = _places(head[len(MAGIC) :])
        file.seek(self._rows_end)
        sealed = file.read(length)
        self.manifest = self._open_manifest(sealed, place)
        self.key_id = ring.key_id_of(sealed)

    def _open_manifest(self, sealed: bytes, place: str) -> Manifest:
        try:
            return manifests.read(self._ring.open(sealed, place))
        except SealBroken as error:
            key_id = _key_id(self._ring, sealed)
            if not key_id:
                raise _damaged(self._file.name) from None
            broken = BackupBroken(
                f"{self._file.name} does not open. {error.reason}",
                f"Key {key_id} must be in POSTERN_SEAL_KEYS: put it back, behind the others. "
                "Where it is there, the file is damaged: use another backup.",
            )
            broken.key_id = key_id
            raise broken from None

    def tables(self) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """Each table with its rows in pieces: take all of one before the next. BackupBroken where they are not whole."""
        self._file.seek(HEAD_SIZE)
        rows = _Rows(self._file.name, self._unpacked())
        for entry in self.manifest.tables:
            yield entry, self._proven(entry, rows)
        # Also reads the end of the stream: that it was not cut shows only there.
        if rows.take(1):
            raise _damaged(self._file.name)

    def _proven(self, entry: Entry, rows: _Rows) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), entry.size
        while left:
            piece = rows.take(left)
            if not piece:
                raise _damaged(self._file.name)
            digest.update(piece)
            left -= len(piece)
            yield piece
        if digest.hexdigest() != entry.sha256:
            raise _damaged(self._file.name)

    def _unpacked(self) -> Iterator[bytes]:
        header = self._file.read(HEADER_SIZE)
        unpacker = zlib.decompressobj()
        for packed in open_stream(self._ring, self._rows_place, header, self._chunks()):
            yield unpacker.decompress(packed, MOST_AT_ONCE)
            while unpacker.unconsumed_tail:
                yield unpacker.decompress(unpacker.unconsumed_tail, MOST_AT_ONCE)
        yield unpacker.flush()

    def _chunks(self) -> Iterator[bytes]:
        left = self._rows_end - self._file.tell()
        while left > 0:
            chunk = self._file.read(min(SEALED_CHUNK, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk


class _Rows:
    """Pieces of any length, taken in the lengths that are asked for."""

    def __init__(self, name: str, pieces: Iterator[bytes]) -> None:
        self._name = name
        self._pieces = pieces
        self._rest = b""

    def take(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        try:
            while not self._rest:
                self._rest = next(self._pieces)
        except StopIteration:
            return b""
        except (SealBroken, zlib.error):
            raise _damaged(self._name) from None
        taken, self._rest = self._rest[:most], self._rest[most:]
        return taken


def _key_id(ring: KeyRing, sealed: bytes) -> str:
    try:
        return ring.key_id_of(sealed)
    except SealBroken:
        return ""


def _check_magic(name: str, magic: bytes) -> None:
    if magic[:-1] != MAGIC[:-1] or len(magic) != len(MAGIC):
        raise BackupBroken(f"{name} is no backup of Postern.", "Name a file that `postern backup` wrote.")
    if magic != MAGIC:
        raise BackupBroken(
            f"{name} is a backup in format {magic[-1:].decode('latin-1')!r}; this program reads {MAGIC[-1:].decode()!r}.",
            "Restore it with the version of Postern that wrote it.",
        )


def _damaged(name: str) -> BackupBroken:
    return BackupBroken(
        f"{name} is damaged: it was cut or altered.", "Use another backup, or another copy of this one."
    )
