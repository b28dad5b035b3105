"""Relaxed canonicalisation (RFC 6376 3.4.2 and 3.4.4): what a signature says of fields and of a body.

A body is hashed as it stands on the wire, after relay/data.py made its line ends CRLF: a bare CR or LF ends a line here, too.
It passes in pieces and is never whole in memory. Stuffed dots are the wire's alone, so nothing is done about them.
"""

from __future__ import annotations

import hashlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

EMPTY_LINES = 4096
"""Line ends hashed at a time: a body may end with megabytes of them, or only seem to."""


def field(raw: bytes) -> bytes:
    """A whole field, "Name: value" with its folds, as it is signed; without the line end that follows it."""
    name, _, value = raw.partition(b":")
    return name.rstrip(b" \t").lower() + b":" + _one_blank(value.replace(b"\r\n", b"")).strip(b" ")


def body_hash(pieces: Iterable[bytes]) -> bytes:
    """SHA-256 of the body. How it is cut into pieces makes no difference."""
    body = _Body()
    for piece in pieces:
        body.add(piece)
    return body.digest()


class _Body:
    """Hashes lines as they come. What may turn out to be the end of the body, or of a line, waits."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._held = b""  # a blank or a CR at the end of what came
        self._empty = 0  # line ends that are hashed once something stands behind them
        self._begun = False  # this line has something in it

    def add(self, piece: bytes) -> None:
        data = self._held + piece
        self._held = data[-1:] if data.endswith(b"\r") else b""
        lines = _lf(data[:-1] if self._held else data)
        lines = _one_blank(lines).replace(b" \n", b"\n")
        if lines.endswith(b" "):
            # The only blank before a CR that waits, or before whatever comes next.
            lines, self._held = lines[:-1], b" " + self._held
        self._add_lines(lines)

    def _add_lines(self, lines: bytes) -> None:
        """`lines` has LF for each line end, and no blank before one."""
        text = lines.rstrip(b"\n")
        if text:
            self._flush()
            self._hash.update(text.replace(b"\n", b"\r\n"))
        self._empty += len(lines) - len(text)

    def _flush(self) -> None:
        while self._empty:
            some = min(self._empty, EMPTY_LINES)
            self._hash.update(b"\r\n" * some)
            self._empty -= some
        self._begun = True

    def digest(self) -> bytes:
        # A held CR ends a line, a held blank stands at its end: neither is hashed. Any text ends with one CRLF.
        if self._begun:
            self._hash.update(b"\r\n")
        return self._hash.digest()


def _lf(data: bytes) -> bytes:
    """LF for CRLF, for a bare CR and for a bare LF."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def _one_blank(data: bytes) -> bytes:
    """One blank for each run of blanks and tabs. Each pass halves the longest run, so a hostile one costs little."""
    data = data.replace(b"\t", b" ")
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data
