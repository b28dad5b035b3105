"""Sealed streams: mail of any length, sealed and opened in pieces.

A header of 25 bytes, then chunks of 65,536 bytes, the last one shorter; docs/sealing.md has the format byte by byte, and
why no piece can be cut off, moved or exchanged unnoticed. It follows the STREAM construction as age uses it
(https://age-encryption.org/v1), with an empty last chunk where age has a full one: so a chunk's length tells
whether it is the last.

Opening hands on each piece as soon as it is proven. That the end is missing shows only at the end: finish nothing
(send no final dot, commit nothing) before the iterator has ended.

Not here: keys (base/keyring.py), and where header and chunks are kept (store/messages.py, base/spool.py).
"""

from __future__ import annotations

import os

from postern.base.errors import SealBroken
from postern.base.keyring import PREFIX_SIZE, STREAM, TAG_SIZE, broken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO, NoReturn

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from postern.base.keyring import KeyRing

SEALED_CHUNK = 65536
"""Bytes. A row of `message_chunks` holds one chunk; PostgreSQL and pg8000 are at their best with 64 KiB a row."""

PLAIN_CHUNK = SEALED_CHUNK - TAG_SIZE
SALT_SIZE = 16
HEADER_SIZE = PREFIX_SIZE + SALT_SIZE


class StreamSealer:
    """Seals one stream. `header` goes in front of the chunks; each chunk is kept as it comes, and finish() gives the last."""

    def __init__(self, ring: KeyRing, place: str) -> None:
        self._begin(ring, place, os.urandom(SALT_SIZE))

    def _begin(self, ring: KeyRing, place: str, salt: bytes) -> None:
        prefix = ring.prefix(STREAM)
        self.header = prefix + salt
        self._cipher = ring.stream_cipher(prefix, salt, place)
        self._pending = bytearray()
        self._number = 0
        self._finished = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream sealer is not pickled or copied: two of them would use the same nonces")

    def update(self, data: bytes) -> list[bytes]:
        """Take more content; returns the sealed chunks that are complete now, often none."""
        if self._finished:
            raise ValueError("the stream is finished")
        self._pending += data
        sealed = []
        while len(self._pending) >= PLAIN_CHUNK:
            sealed.append(self._seal(bytes(self._pending[:PLAIN_CHUNK]), last=False))
            del self._pending[:PLAIN_CHUNK]
        return sealed

    def finish(self) -> bytes:
        """The last chunk. There is always one, also when no content is left for it."""
        if self._finished:
            raise ValueError("the stream is finished")
        self._finished = True
        return self._seal(bytes(self._pending), last=True)

    def _seal(self, piece: bytes, last: bool) -> bytes:
        chunk = self._cipher.encrypt(_nonce(self._number, last), piece, None)
        self._number += 1
        return chunk


def open_stream(ring: KeyRing, place: str, header: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content, piece by piece. SealBroken at once when header or key are wrong, and later where a chunk is."""
    if len(header) != HEADER_SIZE or header[0] != STREAM:
        raise broken(place)
    cipher = ring.stream_cipher(bytes(header[:PREFIX_SIZE]), bytes(header[PREFIX_SIZE:]), place)
    return _pieces(cipher, place, chunks)


def _pieces(cipher: AESGCM, place: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    from cryptography.exceptions import InvalidTag

    ended = False
    for number, chunk in enumerate(chunks):
        if ended:
            raise broken(place)
        ended = len(chunk) < SEALED_CHUNK
        try:
            piece = cipher.decrypt(_nonce(number, ended), chunk, None)
        except InvalidTag:
            raise broken(place) from None
        if piece:
            yield piece
    if not ended:
        raise broken(place)


def read_sealed_file(file: IO[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Header and chunks of a sealed stream that stands in a file, from where the file is positioned to its end."""
    header = _read(file, HEADER_SIZE)
    if len(header) < HEADER_SIZE:
        raise SealBroken("A sealed file ends inside its header.", "It was cut. Bring it back from a backup.")
    return header, _chunks(file)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while True:
        chunk = _read(file, SEALED_CHUNK)
        if chunk:
            yield chunk
        if len(chunk) < SEALED_CHUNK:
            return


def _read(file: IO[bytes], size: int) -> bytes:
    """As much of `size` as there is: an unbuffered file may give less than it was asked for."""
    data = file.read(size)
    while 0 < len(data) < size:
        more = file.read(size - len(data))
        if not more:
            break
        data += more
    return data


def _nonce(number: int, last: bool) -> bytes:
    # The stream's key is used for nothing else, so counting is enough to never use a nonce twice.
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
