"""A message from the host's own mail server, as Exim's pipe transport hands it over: on standard input, with its envelope in
the environment.

Lines end with LF alone, and the first one may be mbox's `From sender date`, with an empty one at the end: all
that is undone, for DKIM signs CRLF (RFC 6376 3.7).
The message is held in memory while it is read, at most the largest that is taken: its size and hash must be known first.
"""

from __future__ import annotations

import hashlib
import os

from postern.base.errors import PosternError
from postern.flow.recipient import Refused
from postern.mail import envelope
from postern.mail.envelope import Envelope, Malformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import IO

    from postern.flow.context import Context

SOURCE = "pipe"
STORED, LATER = 0, 75
READ_BYTES = 65536
_CODES = {"5.1": 67, "5.2": 67, "5.3": 65, "5.4": 69, "5.6": 65, "5.7": 77}
"""What a refusal begins with -> EX_NOUSER, EX_DATAERR, EX_UNAVAILABLE, EX_NOPERM (sysexits.h)."""


def take_piped(context: Context, environ: Mapping[str, str], stdin: IO[bytes]) -> int:
    """Take it in. Returns the exit code: 0 stored, 75 to come again, else refused for good."""
    from postern.flow.receive import take

    try:
        pieces, size, digest = _read(stdin, context.config.max_message_bytes)
        sent = Envelope(environ.get("SENDER", "").strip("<>"), _recipient(environ), size, digest, SOURCE)
        verified = envelope.vouch(f"in_{os.urandom(16).hex()}", sent)
        take(context, verified, pieces)
    except Refused as refused:
        return _CODES.get(refused.smtp[:3], 69)
    except Malformed as error:
        context.log.warning("pipe.malformed", reason=error.reason)
        return 65
    except PosternError as error:
        context.log.error("pipe.later", reason=error.reason, remedy=error.remedy)
        return LATER
    return STORED


def _recipient(environ: Mapping[str, str]) -> str:
    """Whom it is for. Busy mail servers keep what comes without: it may be a mistake of the operator's, and passing."""
    named = environ.get("RECIPIENT", "")
    if not named and environ.get("LOCAL_PART") and environ.get("DOMAIN"):
        named = f"{environ['LOCAL_PART']}@{environ['DOMAIN']}"
    if not named:
        raise PosternError(
            "The mail server does not say whom the message is for (RECIPIENT).", "See docs/pipe.md."
        )
    return named


def _read(stdin: IO[bytes], limit: int) -> tuple[list[bytes], int, str]:
    """The message with CRLF, its size and its SHA-256. Beyond `limit` it is only counted."""
    first = stdin.readline(READ_BYTES)
    is_mbox = first.startswith(b"From ")
    pieces: list[bytes] = []
    size = 0
    for piece in crlf(_message(first, stdin)):
        size += len(piece)
        pieces.append(piece)
        if size > limit:
            pieces.clear()
    if is_mbox and b"".join(pieces[-4:])[-4:] == b"\r\n\r\n":
        pieces, size = _without_last_line(pieces), size - 2
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return pieces, size, digest.hexdigest()


def _without_last_line(pieces: list[bytes]) -> list[bytes]:
    """Exim puts an empty line behind what it puts `From sender date` before (message_prefix, message_suffix)."""
    end = b"".join(pieces[-4:])
    return [*pieces[:-4], end[:-2]]


def _message(first: bytes, stdin: IO[bytes]) -> Iterator[bytes]:
    """All of it, without mbox's first line, however long that is."""
    line = first
    while first.startswith(b"From ") and line and not line.endswith(b"\n"):
        line = stdin.readline(READ_BYTES)
    if not first.startswith(b"From "):
        yield first
    yield from iter(lambda: stdin.read(READ_BYTES), b"")


def crlf(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same with each bare LF made CRLF."""
    held = b""
    for came in pieces:
        piece = held + came
        held = b"\r" if piece.endswith(b"\r") else b""
        piece = piece[: len(piece) - len(held)]
        if piece:
            yield piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if held:
        yield held
