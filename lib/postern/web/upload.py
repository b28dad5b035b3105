"""The message inside a webhook's body: the body itself, or the one file part of multipart/form-data (RFC 7578).

Nothing is held in memory but the last bytes, where the closing boundary stands: the message is not searched for it.
"""

from __future__ import annotations

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.web.request import Request

MAX_PART_HEADER = 4096


def message(request: Request) -> Iterator[bytes]:
    """The message's bytes in pieces."""
    pieces = request.body(request.content_length)
    if not request.content_type.lower().startswith("multipart/form-data"):
        return pieces
    return _file_part(pieces, boundary(request.content_type))


def boundary(content_type: str) -> bytes:
    """What divides the parts, as the header Content-Type names it. BadInput."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "boundary" and 0 < len(value.strip('"')) <= 70:
            return value.strip('"').encode("ascii", "replace")
    raise BadInput("multipart/form-data without a boundary.", "Name it in the header Content-Type.")


def _file_part(pieces: Iterator[bytes], mark: bytes) -> Iterator[bytes]:
    """The content of the first part, which must be the only one."""
    held = _after_part_header(pieces, mark)
    closing = b"\r\n--" + mark + b"--"
    keep = len(closing) + 2
    for piece in pieces:
        held += piece
        if len(held) > keep:
            yield held[:-keep]
            held = held[-keep:]
    content, found, rest = held.rpartition(closing)
    if not found or rest not in (b"", b"\r\n"):
        raise BadInput(
            "The multipart body does not end where its one part ends.", "Send exactly one file part."
        )
    yield content


def _after_part_header(pieces: Iterator[bytes], mark: bytes) -> bytes:
    """What was read beyond the part's header."""
    start = b"--" + mark + b"\r\n"
    held = b""
    for piece in pieces:
        held += piece
        end = held.find(b"\r\n\r\n")
        if held.startswith(start) and 0 <= end <= MAX_PART_HEADER:
            return held[end + 4 :]
        if len(held) > MAX_PART_HEADER or not start.startswith(held[: len(start)]):
            break
    raise BadInput("The multipart body has no file part.", "Send exactly one file part.")
