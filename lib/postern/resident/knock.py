"""The door's side: hand the request to the resident, and know when to answer it here instead.

A warm request spends most of its time in Python's own start and end, so this file imports what the interpreter has in it
already: `_socket` and `posix`, on which `socket` and `os` are built, are 8 ms cheaper. What it says: resident/wire.py.
"""

from __future__ import annotations

import _socket
import posix
import sys

from postern.base import home
from postern.resident import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

ANSWER_SECONDS = 300
"""Long enough for 25 MB over a slow line; the alarm of a door that answers by itself is as long (doors.py)."""

OWN_SECONDS = 0.25
"""How long the resident may take to say that it is there, and to begin; then the request is better answered here."""

SAFE = (b"GET", b"HEAD")
"""Methods that may be answered twice (RFC 9110 9.2.2)."""

COME_BACK = (
    b"Status: 503 Service Unavailable\r\nRetry-After: 60\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Closed for a moment. Please try again in a few minutes. Mail is not lost meanwhile.\n"
)


def home_of_process() -> str:
    """The home of this process, as its environment was when it began."""
    named = posix.environ.get(b"POSTERN_HOME", b"")
    return home.of(named.decode(sys.getfilesystemencoding(), "surrogateescape"))


def answered(place: str) -> bool:
    """Whether the resident has answered the request of this process. False: answer it here, nothing was read or written."""
    resident = _find(place)
    if resident is None:
        return False
    token, keep = posix.pipe()
    try:
        posix.set_blocking(token, False)
        posix.write(keep, b"1")
        if not _hand_over(resident, token) and _took_back(token):
            return False
        return _wait(resident)
    finally:
        resident.close()
        posix.close(token)
        posix.close(keep)


def _find(place: str) -> _socket.socket | None:
    """A line to the resident; None where there is none, it is at work with all its threads, or it is somebody else's."""
    found = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        found.settimeout(OWN_SECONDS)
        found.connect(f"{place}/{wire.SOCKET}")
        credentials = found.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, wire.PEER_BYTES)
        if wire.peer_user(credentials) == posix.getuid() and found.recv(1) == wire.READY:
            return found
    except OSError:
        pass
    found.close()
    return None


def _hand_over(resident: _socket.socket, token: int) -> bool:
    """Whether the resident says that the request is its own."""
    message = wire.pack(wire.REQUEST, wire.pack_environ(posix.environ))
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, wire.pack_files((0, 1, 2, token)))
    try:
        sent = resident.sendmsg([message], [rights])
        resident.sendall(message[sent:])
        return resident.recv(1) == wire.OWNED
    except OSError:
        return False


def _took_back(token: int) -> bool:
    """Whether the request is ours again: the resident had not begun."""
    try:
        return posix.read(token, 1) != b""
    except BlockingIOError:
        return False


def _wait(resident: _socket.socket) -> bool:
    """Until the answer is written. False: the resident died, and answering here does no harm."""
    said = b""
    try:
        resident.settimeout(ANSWER_SECONDS)
        while wire.DONE not in said:
            piece = resident.recv(16)
            if not piece:
                break
            said += piece
    except OSError:
        pass
    if wire.DONE in said or wire.WRITING in said:
        return True
    if posix.environ.get(b"REQUEST_METHOD", b"GET") in SAFE:
        return False
    posix.write(1, COME_BACK)
    return True


def leave() -> NoReturn:
    """End this process at once, its answer written: Python's own end takes 2 ms, and has nothing to do.

    Under mod_cgid stdin and stdout are one socket, and one that is closed with unread bytes in it is reset: the answer is
    lost. So it takes no more, and what came already is read: at most the socket's buffer, however slow the sender.
    """
    if (
        posix.environ.get(b"CONTENT_LENGTH", b"0") not in (b"", b"0")
        or b"HTTP_TRANSFER_ENCODING" in posix.environ
    ):
        _leave_unread()
    posix._exit(0)


def _leave_unread() -> None:
    try:
        stdin = _socket.socket(fileno=posix.dup(0))
    except OSError:
        return  # a file or a pipe: nobody waits at its other end
    try:
        stdin.shutdown(_socket.SHUT_RD)
        while stdin.recv(65536):
            pass
    except OSError:
        pass
    finally:
        stdin.close()
