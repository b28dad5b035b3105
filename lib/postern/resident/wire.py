"""What the door and the resident say to each other, over a Unix socket in home/run that only the account can reach.

    resident  READY     a thread of it is free
    door      REQUEST, and with it four open files: standard input, output and error, and the token
    resident  OWNED     it has the token: the request is its own
              WRITING   from here on the visitor may have seen a part of the answer
              DONE      the answer is written

The token is a byte in a pipe. Whoever reads it owns the request, and nobody else can: so a door that has waited long enough
takes it back and answers by itself, and a resident that wakes up later finds nothing to do. Files that are on their way keep
the visitor's line open, so none are sent to a resident that does not say that it is there.

A message is its kind (1 byte), its length (4 bytes, big endian) and its payload. A request's payload is the environment of the
door, `name=value` between zero bytes, as the kernel keeps it. STATUS and STOP come without a payload (postern resident).
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET = "run/resident.sock"
"""Below the home."""

LONGEST_PATH = 107
"""Bytes of a Unix socket's path (unix(7))."""

REQUEST, STATUS, STOP = b"R", b"S", b"Q"
READY, OWNED, WRITING, DONE = b"H", b"A", b"O", b"D"

HEADER_BYTES = 5
MOST_BYTES = 1 << 20
"""Of a payload; Apache takes a hundred header lines of 8 KiB."""

FILES = 4
_INT = 4

PEER_BYTES = 12
"""struct ucred: process id, user id, group id (unix(7), SO_PEERCRED)."""


def pack(kind: bytes, payload: bytes = b"") -> bytes:
    """A message."""
    return kind + len(payload).to_bytes(HEADER_BYTES - 1, "big") + payload


def unpack(header: bytes) -> tuple[bytes, int]:
    """Kind and payload's length. ValueError where that is longer than any honest one."""
    length = int.from_bytes(header[1:HEADER_BYTES], "big")
    if length > MOST_BYTES:
        raise ValueError("a message that is too long")
    return header[:1], length


def pack_environ(environ: Mapping[bytes, bytes]) -> bytes:
    """The payload of a request."""
    return b"\0".join(name + b"=" + value for name, value in environ.items())


def unpack_environ(payload: bytes) -> dict[str, str]:
    """The same as WSGI has it: bytes as Latin-1 (PEP 3333)."""
    pairs = (entry.partition("=") for entry in payload.decode("latin-1").split("\0"))
    return {name: value for name, _, value in pairs}


def pack_files(files: tuple[int, ...]) -> bytes:
    """Open files as the kernel passes them on (cmsg(3), SCM_RIGHTS)."""
    return b"".join(file.to_bytes(_INT, sys.byteorder) for file in files)


def unpack_files(data: bytes) -> tuple[int, ...]:
    """The same here, under the numbers that they have in this process."""
    return tuple(
        int.from_bytes(data[at : at + _INT], sys.byteorder) for at in range(0, len(data) - _INT + 1, _INT)
    )


def peer_user(credentials: bytes) -> int:
    """The user id in what SO_PEERCRED says."""
    return int.from_bytes(credentials[_INT : 2 * _INT], sys.byteorder)
