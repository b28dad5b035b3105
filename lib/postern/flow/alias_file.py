"""Files with aliases, as they come out of other services and of Postern itself: read, and nothing else done with them.

| from | kind | told by | columns or keys |
| --- | --- | --- | --- |
| SimpleLogin, "Export aliases" | CSV | `alias` | `note`, `enabled`, `mailboxes` (blanks between) |
| SimpleLogin, "Export data" | JSON | `aliases` | `email`, `enabled` |
| addy.io, what its import takes | CSV | `alias` | `description`, `recipients` (commas between) |
| addy.io, its export saved as CSV | CSV | `email` | `description`, `active`, `deleted_at` |
| Postern | JSON, CSV | `postern-export`; `alias` | docs/your-data.md |

CSV is that of RFC 4180 with commas, semicolons or tabs, in UTF-8, or in UTF-16 with its mark. Other columns are passed over.
A row that can be read in two ways is not guessed at: an alias that was off must not come back on.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BYTES = 2 * 1024 * 1024
MAX_ALIASES = 20_000

_ADDRESS = ("alias", "email", "address")
_NOTE = ("note", "description")
_ENABLED = ("enabled", "active")
_MAILBOXES = ("mailboxes", "recipients")
_DELETED = ("deleted_at", "deleted")
_ON = frozenset({"true", "1", "yes", "on", "t", "y", "wahr", "vrai", "verdadero", "vero", "waar"})
_OFF = frozenset({"false", "0", "no", "off", "f", "n", "falsch", "faux", "falso", "onwaar"})
"""Spreadsheets write them in the language of their user."""

_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")
"""How our own tables keep a spreadsheet from running a note (flow/export.py)."""


@dataclass(frozen=True)
class Entry:
    """An alias as the file has it, unchecked. `mailboxes`: addresses, often none; `fault`: why it cannot be read."""

    address: str
    note: str = ""
    enabled: bool = True
    mailboxes: tuple[str, ...] = ()
    deleted: bool = False
    fault: str = ""


def read(file: bytes) -> list[Entry]:
    """The aliases of the file, in its order. BadInput says what to do about a file that is none of these."""
    from csv import Error
    from itertools import islice

    if len(file) > MAX_BYTES:
        raise BadInput(
            f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.",
            "Split it, and import one part after the other.",
        )
    text = _text(file)
    found = _json(text) if text.lstrip()[:1] in ("{", "[") else _csv(text)
    try:
        entries = list(islice(found, MAX_ALIASES + 1))
    except Error:
        raise BadInput(
            "The file begins like a table, and breaks off inside a quoted cell or has one that is too long.",
            "Export it anew, and send it as it is.",
        ) from None
    if not entries:
        raise BadInput("There is no alias in this file.", "Export it anew, and send it as it is.")
    if len(entries) > MAX_ALIASES:
        raise BadInput(
            f"There are more than {MAX_ALIASES:,} aliases in this file.",
            "Split it, and import one part after the other.",
        )
    return entries


def _text(file: bytes) -> str:
    if file.startswith(b"PK\x03\x04"):
        raise BadInput("This is a spreadsheet or an archive.", "Open it, and save the table as CSV (UTF-8).")
    is_utf16 = file.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = file.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("The file is no text in UTF-8.", "Save it as CSV in UTF-8, and send that.") from None
    if "\0" in text:
        raise BadInput("The file is no text.", "Send the CSV or JSON file that the other service gave you.")
    return text


def _json(text: str) -> Iterator[Entry]:
    import json

    try:
        # Numbers as they are written: Python takes square time to reckon long ones, before 3.9.14.
        found = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise BadInput(
            "The file begins like JSON, and is none.", "Export it anew, and send it as it is."
        ) from None
    rows = found.get("aliases") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise BadInput('There is no list "aliases" in this file.', "Send the export of all data, as it is.")
    return (_member(place, row) for place, row in enumerate(rows, 1))


def _member(place: int, row: object) -> Entry:
    if not isinstance(row, dict):
        return Entry("", fault=f"Number {place:,} of the list is no alias.")
    return _entry({str(key): _plain(value) for key, value in row.items()})


def _plain(value: object) -> str:
    """A value of JSON as CSV would have it."""
    if isinstance(value, list):
        return " ".join(_plain(one) for one in value if isinstance(one, str))
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return ""
    # JSON can spell a NUL and half a letter (RFC 8259 8.2), which no database and no page takes.
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _csv(text: str) -> Iterator[Entry]:
    import csv
    import io

    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    # Strict: a quote that is never closed would swallow the lines behind it, and nobody would know.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = [name.strip().lower() for name in next(rows, [])]
    if not set(_ADDRESS) & set(names):
        raise BadInput(
            "The first line of the file names no column alias, email or address.",
            "Send the export of aliases as it is, with its first line.",
        )
    for row in rows:
        found = dict(zip(names, row))
        if len(row) > len(names):
            fault = f"Line {rows.line_num:,} has more cells than the first line has names."
            yield Entry(_first(found, _ADDRESS).strip(), fault=fault)
        elif any(row):
            yield _entry(found)


def _entry(row: Mapping[str, str]) -> Entry:
    note, switch = _first(row, _NOTE), _first(row, _ENABLED).strip().lower()
    # addy.io's export leaves the cell of an alias that is off empty: Laravel Excel writes false like null.
    off = switch in _OFF or (not switch and row.get("active") == "" and "enabled" not in row)
    is_told = off or not switch or switch in _ON
    return Entry(
        address=_first(row, _ADDRESS).strip(),
        note=note[1:] if note.startswith(_GUARDED) else note,
        enabled=not off,
        mailboxes=tuple(_first(row, _MAILBOXES).replace(",", " ").split()),
        deleted=_first(row, _DELETED).strip().lower() not in ("", "null", *_OFF),
        fault="" if is_told else "It says neither that it is on nor that it is off.",
    )


def _first(row: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if row.get(name)), "")
