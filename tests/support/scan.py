"""A camera for QR codes that a browser shows: screenshots (PNG, RFC 2083), read by zxing-cpp."""

from __future__ import annotations

import struct
import zlib

import zxingcpp


def scan(png: bytes) -> str:
    """The text of the one code on the picture."""
    width, height, grey = _pixels(png)
    (found,) = zxingcpp.read_barcodes(memoryview(grey).cast("B", (height, width)))
    return str(found.text)


def _pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height, and a byte of brightness for each pixel. Of RGB with or without alpha the green tells enough."""
    at, packed, head = 8, b"", b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        head = data if kind == b"IHDR" else head
        packed += data if kind == b"IDAT" else b""
        at += 12 + length
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    assert (depth, interlaced) == (8, 0) and colour in (2, 6)
    each = 3 if colour == 2 else 4
    lines, raw = [bytearray(width * each)], zlib.decompress(packed)
    for row in range(height):
        start = row * (width * each + 1)
        lines.append(_line(raw[start], raw[start + 1 : start + 1 + width * each], lines[-1], each))
    return width, height, b"".join(bytes(line[1::each]) for line in lines[1:])


def _line(kind: int, data: bytes, above: bytearray, each: int) -> bytearray:
    """A row of pixels out of what its filter left (RFC 2083, 6)."""
    found = bytearray(data)
    for at in range(len(found)):
        left = found[at - each] if at >= each else 0
        corner = above[at - each] if at >= each else 0
        nearest = min((left, above[at], corner), key=lambda one: abs(left + above[at] - corner - one))
        found[at] = (found[at] + (0, left, above[at], (left + above[at]) // 2, nearest)[kind]) & 255
    return found
