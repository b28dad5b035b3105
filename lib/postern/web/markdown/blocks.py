"""What a page of Markdown is made of: headings, paragraphs, lists, tables, code and pictures, in their order.

Read as CommonMark 0.31 reads them, and tables as GitHub does; quotes, rules, references and HTML are not understood, but for
the one shape of a picture by day and by night. Text within a block stays as it is written (web/markdown/inline.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """`level`: from 1."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Its lines, as they are wrapped."""

    text: str


@dataclass(frozen=True)
class Code:
    """Lines that are shown as they are; `text` ends with a line end."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list. `start`: its first number, 0 for one without. `loose`: its paragraphs stand apart."""

    start: int
    items: tuple[tuple[Block, ...], ...]
    loose: bool


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first is the head."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """`dark`, `light`: the files for night and day; `words`: what it shows; `width` in CSS pixels."""

    dark: str
    light: str
    words: str
    width: int


@dataclass(frozen=True)
class Pictures:
    """Pictures beside one another."""

    pictures: tuple[Picture, ...]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Union

    Block = Union[Heading, Paragraph, Code, Items, Table, Pictures]
    Found = tuple[Block, int]

_ITEM = re.compile(r" {0,3}(?:[-*+]|(\d{1,9})[.)]) (?=\S)")
_HEADING = re.compile(r"(#{1,6}) +(.*?)(?: +#+)?$")
_FENCE = re.compile(r"( {0,3})```")
_RULE = re.compile(r"\|(?: *-+ *\|)+$")
_CELL = re.compile(r"(?<!\\)\|")
_PICTURE = re.compile(
    r'<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">'
    r'\s*<img src="([^"]+)" alt="([^"]+)" width="(\d+)">\s*</picture>'
)


def read(text: str) -> tuple[Block, ...]:
    """The blocks of a page."""
    return _blocks(text.split("\n"))


def _blocks(lines: list[str]) -> tuple[Block, ...]:
    found: list[Block] = []
    at = 0
    while at < len(lines):
        if lines[at].strip():
            block, at = _block(lines, at)
            found.append(block)
        else:
            at += 1
    return tuple(found)


def _block(lines: list[str], at: int) -> Found:
    """The block that begins there, and where the next one may."""
    for begins, reader in _KINDS:
        if begins(lines, at):
            return reader(lines, at)
    return _paragraph(lines, at)


def _is_table(lines: list[str], at: int) -> bool:
    return lines[at].startswith("|") and at + 1 < len(lines) and bool(_RULE.match(lines[at + 1]))


def _ends_paragraph(lines: list[str], at: int) -> bool:
    """Whether a paragraph goes no further than here."""
    line = lines[at]
    item = _ITEM.match(line)
    # A line that begins with a number is a list only where it is the first one: else it is a year, or a sum.
    begins_list = item is not None and item[1] in (None, "1")
    return not line.strip() or begins_list or bool(_HEADING.match(line) or _FENCE.match(line))


def _paragraph(lines: list[str], at: int) -> Found:
    end = at + 1
    while end < len(lines) and not _ends_paragraph(lines, end):
        end += 1
    return Paragraph("\n".join(line.strip() for line in lines[at:end])), end


def _heading(lines: list[str], at: int) -> Found:
    found = _HEADING.match(lines[at])
    assert found
    return Heading(len(found[1]), found[2]), at + 1


def _fenced(lines: list[str], at: int) -> Found:
    found = _FENCE.match(lines[at])
    assert found
    end = at + 1
    while end < len(lines) and not lines[end].strip().startswith("```"):
        end += 1
    indent = re.compile(f" {{0,{len(found[1])}}}")
    return Code("".join(indent.sub("", line, count=1) + "\n" for line in lines[at + 1 : end])), end + 1


def _indented(lines: list[str], at: int) -> Found:
    end = at
    while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
        end += 1
    return Code("\n".join(line[4:] for line in lines[at:end]).strip("\n") + "\n"), end


def _table(lines: list[str], at: int) -> Found:
    end = at + 2
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return Table(tuple(_cells(line) for line in (lines[at], *lines[at + 2 : end]))), end


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELL.split(line.strip())[1:-1])


def _pictures(lines: list[str], at: int) -> Found:
    end = at
    while end < len(lines) and lines[end].strip():
        end += 1
    found = _PICTURE.findall("\n".join(lines[at:end]))
    pictures = (Picture(dark, light, words, int(width)) for dark, light, words, width in found)
    return Pictures(tuple(pictures)), end


def _list(lines: list[str], at: int) -> Found:
    first = _ITEM.match(lines[at])
    assert first
    items: list[tuple[Block, ...]] = []
    loose = False
    while at < len(lines):
        mark = _ITEM.match(lines[at])
        if mark is None or (mark[1] is None) is not (first[1] is None):
            break
        inner, at = _item(lines, at, mark.end())
        ended = inner and not inner[-1]
        while inner and not inner[-1]:
            inner.pop()
        blocks = _blocks(inner)
        items.append(blocks)
        followed = at < len(lines) and bool(_ITEM.match(lines[at]))
        loose = loose or bool(ended and followed) or (len(blocks) > 1 and "" in inner)
    return Items(int(first[1] or 0), tuple(items), loose), at


def _item(lines: list[str], at: int, width: int) -> tuple[list[str], int]:
    """The lines of an item without what they are indented by, and where the next block begins."""
    inner = [lines[at][width:]]
    at += 1
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            inner.append("")
        elif line.startswith(" " * width):
            inner.append(line[width:])
        elif not inner[-1] or _ITEM.match(line) or _ends_paragraph(lines, at):
            break
        else:
            inner.append(line.strip())
        at += 1
    return inner, at


_KINDS: tuple[tuple[Callable[[list[str], int], bool], Callable[[list[str], int], Found]], ...] = (
    (lambda lines, at: lines[at].startswith("    "), _indented),
    (lambda lines, at: bool(_FENCE.match(lines[at])), _fenced),
    (lambda lines, at: bool(_HEADING.match(lines[at])), _heading),
    (_is_table, _table),
    (lambda lines, at: bool(_ITEM.match(lines[at])), _list),
    (lambda lines, at: lines[at].startswith("<picture>"), _pictures),
)
"""Whether such a block begins there, and what reads it; a paragraph is what is none of them."""
