"""Two header blocks side by side: what came in, what went out, and what became of each field."""

from __future__ import annotations

import textwrap
import unicodedata

MARKS = {"kept": " ", "gone": "-", "new": "+", "changed": "~"}


def compare(before: bytes, after: bytes, width: int) -> str:
    """A table as wide as the terminal. Fields of one name stand beside each other: `~` changed, `-` gone, `+` new."""
    column = max(30, (min(width, 160) - 5) // 2)
    lines = [f"  {'as it came in':<{column}} | as it arrived", f"  {'-' * column}-+-{'-' * column}"]
    for fate, left, right in _align(_fields(before), _fields(after)):
        lefts, rights = _wrap(left, column), _wrap(right, column)
        for number in range(max(len(lefts), len(rights))):
            mark = MARKS[fate] if number == 0 else " "
            left_part = lefts[number] if number < len(lefts) else ""
            right_part = rights[number] if number < len(rights) else ""
            lines.append(f"{mark} {_padded(left_part, column)} | {right_part}".rstrip())
    return "\n".join(lines) + "\n"


def _padded(text: str, column: int) -> str:
    """Filled up to the column, wide characters counted as two."""
    wide = sum(unicodedata.east_asian_width(letter) in "FW" for letter in text)
    return text + " " * (column - len(text) - wide)


def _fields(mime: bytes) -> list[str]:
    """Each header field unfolded, its encoded words readable."""
    from email.header import decode_header, make_header

    block = mime.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    unfolded = block.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    return [str(make_header(decode_header(field))) for field in unfolded]


def _wrap(text: str, column: int) -> list[str]:
    if not text:
        return []
    return textwrap.wrap(
        text, column - 1, max_lines=3, placeholder=" …", subsequent_indent="  ", break_on_hyphens=False
    )


def _align(before: list[str], after: list[str]) -> list[tuple[str, str, str]]:
    """Rows of (fate, left, right), in the order of what came in; what is new comes first, where it stands."""
    left_over = list(after)
    rows = []
    for field in before:
        name = field.partition(":")[0].lower()
        twin = next((other for other in left_over if other.partition(":")[0].lower() == name), None)
        if twin is None:
            rows.append(("gone", field, ""))
            continue
        left_over.remove(twin)
        rows.append(("kept" if twin == field else "changed", field, twin))
    return [("new", "", field) for field in left_over] + rows
