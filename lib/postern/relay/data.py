"""The message as SMTP wants it on the wire after DATA.

Line ends: CRLF only. A bare CR or a bare LF becomes CRLF, whatever side of a chunk border it falls on (RFC 5321
section 2.3.8). A stray one is not only forbidden: servers that disagree on where a message ends can be made
to take one message for two (SMTP smuggling).
Dots: a line that begins with a dot gets one more (RFC 5321 section 4.5.2).
End: CRLF "." CRLF; the first CRLF is the message's own last line end where it has one.

Not here: the socket, and anything about header fields. A message that is already clean passes without being copied.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Bytes. Smaller pieces wait for each other, so that the header block does not travel alone; a chunk
# of a sealed stream (65520) passes by itself, uncopied.
PIECE = 32 * 1024

_NO_ENDS = bytes(set(range(256)) - set(b"\r\n"))
_BARE_CR = re.compile(rb"\r[^\n]")


def transparent(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks with CRLF line ends, dots stuffed, and the end mark glued to the last piece.

    Glued, because a final dot in a packet of its own waits 40 ms for the other side's delayed acknowledgement.
    An error of the chunks passes through before the end mark is made.
    """
    ready: list[bytes] = []
    size = 0
    carry = b""
    fresh = True  # at the start of a line
    for chunk in chunks:
        if size >= PIECE:
            yield b"".join(ready)
            ready, size = [], 0
        data = carry + chunk if carry else chunk
        # Whether a CR at the border is bare is known only when the next byte is.
        carry = b"\r" if data.endswith(b"\r") else b""
        piece = _stuff(_crlf(data[:-1] if carry else data), fresh)
        if piece:
            ready.append(piece)
            size += len(piece)
            fresh = piece.endswith(b"\n")
    if carry:
        ready.append(b"\r\n")
        fresh = True
    ready.append(b".\r\n" if fresh else b"\r\n.\r\n")
    yield b"".join(ready)


def _crlf(data: bytes) -> bytes:
    """Every line end as CRLF. What follows `data` is no LF, so a CR at its end is bare."""
    # Half the time of counting CRLF. Each CR has an LF behind it, the last one too, and there are as many of both.
    ends = data.translate(None, _NO_ENDS)
    if ends == b"\r\n" * (len(ends) // 2) and not _BARE_CR.search(data):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _stuff(data: bytes, fresh: bool) -> bytes:
    """One more dot before each dot that begins a line. `data` has CRLF line ends only."""
    if b"." not in data:
        return data
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if fresh and stuffed.startswith(b".") else stuffed
