"""Our block in a text file that others write to as well (.htaccess, a crontab): between two marker lines, nothing else touched.

A file that holds somebody else's lines keeps them byte for byte, whether our block is put in, replaced or taken out.
"""

from __future__ import annotations

BEGIN = "# BEGIN Postern"
END = "# END Postern"
NOTE = "# Made by install.sh. Between these two marks a change by hand is lost."


def put(text: str, body: str, label: str = "") -> str:
    """`text` with our block holding `body`: in its old place, else in front. `label` tells several blocks of a file apart."""
    block = f"{_mark(BEGIN, label)}\n{NOTE}\n{body.strip()}\n{_mark(END, label)}\n"
    before, _, after = _split(text, label)
    return before + block + after


def take_out(text: str, label: str = "") -> str:
    """`text` without our block."""
    before, _, after = _split(text, label)
    return before + after


def body_of(text: str, label: str = "") -> str:
    """What stands between our marks; empty when there is no block."""
    lines = [line.rstrip() for line in _split(text, label)[1].splitlines()[1:-1]]
    return "\n".join(line for line in lines if line != NOTE)


def _mark(mark: str, label: str) -> str:
    return f"{mark} {label}".rstrip()


def _split(text: str, label: str) -> tuple[str, str, str]:
    """Before, our block, after. A block whose end is missing (a cut-off file) goes no further than its first line."""
    lines = text.splitlines(keepends=True)
    plain = [line.rstrip() for line in lines]
    begin, end = _mark(BEGIN, label), _mark(END, label)
    if begin not in plain:
        return "", "", text
    first = plain.index(begin)
    last = plain.index(end, first) if end in plain[first:] else first
    return "".join(lines[:first]), "".join(lines[first : last + 1]), "".join(lines[last + 1 :])
