"""The codewords of a QR code: a text as bytes, and what a reader mends them with (ISO/IEC 18004, 7.4 and 7.5).

Byte mode and error correction level M alone: text of any kind, and 15 % of the picture may be hidden. Versions 1 to 20 hold up
to 666 bytes. Where the bits stand in the picture: web/qr.py.
"""

from __future__ import annotations

from postern.base.errors import BadInput

_BLOCKS = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16)
_MENDING = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26)
"""For versions 1 to 20 at level M: blocks, and error correction codewords of each (table 9)."""

_BYTE_MODE = 0b0100
_PADDING = (0xEC, 0x11)

_FIELD = 0x11D
"""x^8 + x^4 + x^3 + x^2 + 1, by which the bytes are a field (7.5.2)."""


def version_for(data: bytes) -> int:
    """The smallest version that holds it. BadInput when none does."""
    for version in range(1, len(_BLOCKS) + 1):
        if 4 + _count_bits(version) + 8 * len(data) <= 8 * _room(version):
            return version
    raise BadInput("The text is too long for a QR code.", "Shorten it to 666 bytes.")


def codewords(data: bytes, version: int) -> bytes:
    """All of them, in the order in which they are drawn: of each block the first, of each block the second, and so on."""
    filled, count = _filled(data, version), _BLOCKS[version - 1]
    short, longer = divmod(len(filled), count)
    blocks, at = [], 0
    for number in range(count):
        # The longer blocks stand behind the others.
        end = at + short + (number >= count - longer)
        blocks.append(filled[at:end])
        at = end
    mending = [_mending(block, _MENDING[version - 1]) for block in blocks]
    return _in_turns(blocks) + _in_turns(mending)


def modules(version: int) -> int:
    """How many modules of the picture hold codewords, with what is left over."""
    size, beside = 17 + 4 * version, version // 7 + 2
    corners, formats, timing = 3 * 8 * 8, 2 * 15 + 1, 2 * (size - 16)
    free = size * size - corners - formats - timing
    if version >= 2:
        # All crossings of so many lines but the corners; some lie on the timing patterns, with five modules.
        free -= 25 * (beside * beside - 3) - 5 * 2 * (beside - 2)
    return free - (2 * 18 if version >= 7 else 0)


def _count_bits(version: int) -> int:
    """How long the number of bytes is written (table 3)."""
    return 8 if version < 10 else 16


def _room(version: int) -> int:
    """How many codewords are data."""
    return modules(version) // 8 - _BLOCKS[version - 1] * _MENDING[version - 1]


def _filled(data: bytes, version: int) -> bytes:
    """Mode, length, data and end, filled up with padding."""
    room, length = _room(version), _count_bits(version)
    bits = (_BYTE_MODE << length | len(data)) << 8 * len(data) | int.from_bytes(data, "big")
    used = 4 + length + 8 * len(data)
    # Four zero bits end the data, fewer where there is no room; used is 4 more than whole bytes, so they make it whole.
    whole = (bits << 4).to_bytes((used + 4) // 8, "big")
    return whole + bytes(_PADDING[number % 2] for number in range(room - len(whole)))


def _mending(block: bytes, count: int) -> bytes:
    """The remainder of the block by the generator polynomial (Reed-Solomon)."""
    generator, rest = _generator(count), [0] * count
    for byte in block:
        factor = byte ^ rest[0]
        rest = [*rest[1:], 0]
        for at, term in enumerate(generator):
            rest[at] ^= _times(term, factor)
    return bytes(rest)


def _generator(degree: int) -> list[int]:
    """(x - 1)(x - 2)(x - 2^2)…, without the leading 1."""
    terms, root = [0] * (degree - 1) + [1], 1
    for _ in range(degree):
        terms = [_times(term, root) ^ after for term, after in zip(terms, [*terms[1:], 0])]
        root = _times(root, 2)
    return terms


def _times(one: int, other: int) -> int:
    product = 0
    while other:
        if other & 1:
            product ^= one
        one <<= 1
        if one & 0x100:
            one ^= _FIELD
        other >>= 1
    return product


def _in_turns(blocks: list[bytes]) -> bytes:
    longest = max(map(len, blocks))
    return bytes(block[at] for at in range(longest) for block in blocks if at < len(block))
