"""QR codes, as pictures for pages (ISO/IEC 18004:2015). Drawn here, for a service that draws them would learn what they hold.

A code is a square of modules, dark or light; around it, four light ones (6.3.8). Numbers of sections are those of the standard.
Not here: what bits it holds (web/qr_words.py).
"""

from __future__ import annotations

import math
import re

from postern.web import qr_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Square = list[list[int]]

QUIET = 4
"""Light modules around the code."""

_LEVEL_M = 0b00
_FORMAT, _FORMAT_MASK = 0b10100110111, 0b101010000010010
_VERSION = 0b1111100100101
"""Generators of the codes that guard format and version, and the mask of the format (annexes C and D)."""

_FINDER = ("1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111")
_LIKE_A_FINDER = (re.compile("(?=10111010000)"), re.compile("(?=00001011101)"))
_RUN = re.compile("0{5,}|1{5,}")

_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, _: row % 2 == 0,
    lambda _, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)
"""What turns a module over, by the number of the mask (table 10)."""


def draw(text: str) -> tuple[int, str]:
    """The picture of a text: how wide it is in modules, with its border, and the path of an SVG that fills the dark ones."""
    rows = symbol(text)
    path = []
    for number, row in enumerate(rows):
        for dark in re.finditer("1+", row):
            width = dark.end() - dark.start()
            path.append(f"M{dark.start() + QUIET} {number + QUIET}h{width}v1h-{width}z")
    return len(rows) + 2 * QUIET, "".join(path)


def symbol(text: str) -> list[str]:
    """The code, a row a text of 0 and 1. BadInput when the text is longer than a code holds."""
    data = text.encode()
    version = qr_words.version_for(data)
    square, taken = _fixed(version)
    _fill(square, taken, qr_words.codewords(data, version))
    masked = [_masked(square, taken, mask) for mask in range(len(_MASKS))]
    return min(masked, key=_penalty)


def _fixed(version: int) -> tuple[Square, Square]:
    """What each code of this version has, and (1) where no bit of the text stands."""
    size = 17 + 4 * version
    square = [[0] * size for _ in range(size)]
    taken = [[0] * size for _ in range(size)]
    for at in range(size):
        for row, column in ((6, at), (at, 6)):
            square[row][column], taken[row][column] = 1 - at % 2, 1
    for row, column in ((0, 0), (0, size - 7), (size - 7, 0)):
        _finder(square, taken, row, column)
    for row, column in _alignments(version):
        _alignment(square, taken, row, column)
    for at, bit in enumerate(_version_bits(version)):
        for row, column in ((at // 3, size - 11 + at % 3), (size - 11 + at % 3, at // 3)):
            square[row][column], taken[row][column] = bit, 1
    for at in range(15):
        for row, column in _format_places(size, at):
            taken[row][column] = 1
    square[size - 8][8], taken[size - 8][8] = 1, 1
    return square, taken


def _finder(square: Square, taken: Square, top: int, left: int) -> None:
    """A corner, with the light modules around it (6.3.3, 6.3.4)."""
    for row in range(max(top - 1, 0), min(top + 8, len(square))):
        for column in range(max(left - 1, 0), min(left + 8, len(square))):
            inside = 0 <= row - top < 7 and 0 <= column - left < 7
            square[row][column] = int(_FINDER[row - top][column - left]) if inside else 0
            taken[row][column] = 1


def _alignments(version: int) -> list[tuple[int, int]]:
    """The middles of the alignment patterns (annex E): evenly spaced, save the first, and not in the corners."""
    if version == 1:
        return []
    last, gaps = 10 + 4 * version, version // 7 + 1
    step = 2 * math.ceil((last - 6) / (2 * gaps))
    places = [6, *(last - step * back for back in range(gaps))]
    corners = {(6, 6), (6, last), (last, 6)}
    return [(row, column) for row in places for column in places if (row, column) not in corners]


def _alignment(square: Square, taken: Square, middle_row: int, middle_column: int) -> None:
    for row in range(-2, 3):
        for column in range(-2, 3):
            square[middle_row + row][middle_column + column] = int(max(abs(row), abs(column)) != 1)
            taken[middle_row + row][middle_column + column] = 1


def _version_bits(version: int) -> list[int]:
    """The version, from 7 on, lowest bit first (annex D)."""
    if version < 7:
        return []
    word = version << 12 | _remainder(version << 12, _VERSION)
    return [word >> at & 1 for at in range(18)]


def _remainder(word: int, generator: int) -> int:
    """Of a division of polynomials over two elements (annexes C and D)."""
    while word.bit_length() >= generator.bit_length():
        word ^= generator << word.bit_length() - generator.bit_length()
    return word


def _format_places(size: int, at: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where the format's bit stands, lowest first, twice (figure 25)."""
    if at < 6:
        first = (at, 8)
    elif at < 9:
        first = ((7, 8), (8, 8), (8, 7))[at - 6]
    else:
        first = (8, 14 - at)
    return first, ((8, size - 1 - at) if at < 8 else (size - 15 + at, 8))


def _fill(square: Square, taken: Square, words: bytes) -> None:
    """The bits of the text: two columns at a time from the right, up and down in turns (7.7.3)."""
    bits = [word >> 7 - at & 1 for word in words for at in range(8)]
    size = len(square)
    free = []
    for turn, right in enumerate([*range(size - 1, 6, -2), 5, 3, 1]):
        rows = range(size) if turn % 2 else range(size - 1, -1, -1)
        free += [(row, column) for row in rows for column in (right, right - 1) if not taken[row][column]]
    for (row, column), bit in zip(free, bits):
        square[row][column] = bit


def _masked(square: Square, taken: Square, mask: int) -> list[str]:
    """The code under this mask, which it names (7.8, 7.9)."""
    turns = _MASKS[mask]
    size = len(square)
    rows = [
        [square[row][column] ^ (not taken[row][column] and turns(row, column)) for column in range(size)]
        for row in range(size)
    ]
    wanted = _LEVEL_M << 3 | mask
    word = (wanted << 10 | _remainder(wanted << 10, _FORMAT)) ^ _FORMAT_MASK
    for at in range(15):
        for row, column in _format_places(size, at):
            rows[row][column] = word >> at & 1
    return ["".join("1" if one else "0" for one in row) for row in rows]


def _penalty(rows: list[str]) -> int:
    """How hard it is to read (7.8.3): long runs, blocks, what looks like a corner, too much of one colour."""
    lines = [*rows, *("".join(column) for column in zip(*rows))]
    score = sum(len(run[0]) - 2 for line in lines for run in _RUN.finditer(line))
    score += sum(40 for line in lines for like in _LIKE_A_FINDER for _ in like.finditer(line))
    for upper, lower in zip(rows, rows[1:]):
        for at in range(len(upper) - 1):
            if upper[at] == upper[at + 1] == lower[at] == lower[at + 1]:
                score += 3
    dark, size = sum(row.count("1") for row in rows), len(rows)
    return score + 10 * (abs(20 * dark - 10 * size * size) // (size * size))
