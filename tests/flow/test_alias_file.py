"""Files with aliases of other services: what is read of them, and what is said of files that are none."""

from __future__ import annotations

import contextlib
import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.flow.alias_file import MAX_ALIASES, MAX_BYTES, Entry, read

GOOD = {
    "SimpleLogin, aliases": (
        'alias,note,enabled,mailboxes\r\nshop@x.example,"A, ""b""",True,a@r.example b@r.example\r\noff@x.example,,False,\r\n',
        [
            Entry("shop@x.example", 'A, "b"', True, ("a@r.example", "b@r.example")),
            Entry("off@x.example", "", False),
        ],
    ),
    "SimpleLogin, all data": (
        '{"name": "J", "aliases": [{"email": "a@x.example", "enabled": true}, {"email": "b@x.example", "enabled": false}]}',
        [Entry("a@x.example"), Entry("b@x.example", enabled=False)],
    ),
    "addy.io, for its import": (
        'alias,description,recipients\na@x.example,Shop,"r@x.example,s@x.example"\n',
        [Entry("a@x.example", "Shop", True, ("r@x.example", "s@x.example"))],
    ),
    "addy.io, exported": (
        "id,email,active,description,deleted_at\n1,a@x.example,1,Shop,\n2,b@x.example,0,,2024-01-02\n3,c@x.example,,Off,\n",
        [
            Entry("a@x.example", "Shop"),
            Entry("b@x.example", enabled=False, deleted=True),
            Entry("c@x.example", "Off", enabled=False),
        ],
    ),
    "Postern, all data": (
        '{"aliases": [{"address": "a@x.example", "note": "n", "mailboxes": ["r@x.example"], "deleted": null}]}',
        [Entry("a@x.example", "n", True, ("r@x.example",))],
    ),
    "a list of JSON": (
        '[{"alias": "a@x.example"}, 7, null]',
        [
            Entry("a@x.example"),
            Entry("", fault="Number 2 of the list is no alias."),
            Entry("", fault="Number 3 of the list is no alias."),
        ],
    ),
    "JSON that spells what no text holds": (
        '{"aliases": [{"email": "a@x.example", "note": "a\\u0000b\\ud800c", "mailboxes": ["r@r.example\\udfff"]}]}',
        [Entry("a@x.example", "ab?c", True, ("r@r.example?",))],
    ),
    "a spreadsheet of a German": (
        "alias;enabled\na@x.example;WAHR\nb@x.example;FALSCH\nc@x.example;\n",
        [Entry("a@x.example"), Entry("b@x.example", enabled=False), Entry("c@x.example")],
    ),
    "neither on nor off": (
        "alias,enabled\na@x.example,maybe\n",
        [Entry("a@x.example", fault="It says neither that it is on nor that it is off.")],
    ),
    "a comma that moves the cells": (
        "alias,note,enabled\na@x.example,hello, world,False\n",
        [Entry("a@x.example", fault="Line 2 has more cells than the first line has names.")],
    ),
    "semicolons, capitals, blank lines": (
        "Alias ; NOTE\n\na@x.example;x,y\n;\n",
        [Entry("a@x.example", "x,y")],
    ),
    "line ends of an old Mac": ("alias,note\ra@x.example,x\r", [Entry("a@x.example", "x")]),
    "tabs": ("alias\tnote\na@x.example\tx\n", [Entry("a@x.example", "x")]),
    "a line that is short, and one that is long": (
        "note,alias\nx\ny,a@x.example,more\n",
        [Entry("", "x"), Entry("a@x.example", fault="Line 3 has more cells than the first line has names.")],
    ),
    "a note that our table guards, and one that begins so": (
        "alias,note\na@x.example,'=1+1\nb@x.example,'quoted'\nc@x.example,'\t1\n",
        [Entry("a@x.example", "=1+1"), Entry("b@x.example", "'quoted'"), Entry("c@x.example", "\t1")],
    ),
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be with mark"])
def test_what_services_export_is_read(name: str, encoding: str):
    text, entries = GOOD[name]
    file = b"\xfe\xff" + text.encode("utf-16-be") if "mark" in encoding else text.encode(encoding)
    assert read(file) == entries


BAD = {
    "nothing": (b"", "no column alias"),
    "a table of something else": (b"name,price\nx,1\n", "no column alias"),
    "a table without rows": (b"alias,note\n", "no alias"),
    "a spreadsheet": (b"PK\x03\x04" + bytes(20), "spreadsheet"),
    "Latin-1": ("alias,note\na@x.example,Käse\n".encode("latin-1"), "UTF-8"),
    "half of UTF-16": (b"\xff\xfea", "UTF-8"),
    "a NUL": (b"alias\na\0b@x.example\n", "no text"),
    "JSON that ends": (b'{"aliases": [', "begins like JSON"),
    "JSON of something else": (b'{"users": []}', "no list"),
    "JSON with aliases that are no list": (b'{"aliases": {"a": 1}}', "no list"),
    "JSON without aliases": (b'{"aliases": []}', "no alias"),
    "JSON that nests": (b"[" * 500_000, "begins like JSON"),
    "a quote that swallows the rest": (b'alias,note\na@x.example,"oops\nb@x.example,\n', "breaks off"),
    "a quote that ends too early": (b'alias,note\na@x.example,"a"b\n', "breaks off"),
    "a field without an end": (
        b'alias,note\na@x.example,"' + b"x" * 200_000,
        "begins like a table, and breaks off",
    ),
    "too large": (b"alias\n" + b"x" * MAX_BYTES, "larger than 2 MB"),
    "far too many": (b"alias\n" + b"a\n" * 1_000_000, "more than 20,000"),
    "far too many, in JSON": (b"[" + b"{}," * 600_000 + b"{}]", "more than 20,000"),
    "too many": (b"alias\n" + b"a@x.io\n" * (MAX_ALIASES + 1), "more than 20,000"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_such_file_is_refused_in_words(name: str):
    file, words = BAD[name]
    with pytest.raises(BadInput, match=words) as refused:
        read(file)
    assert refused.value.remedy


def test_a_number_is_not_reckoned():
    """Python takes square time for that, before 3.9.14."""
    assert read(b'[{"alias": "a@x.example", "n": ' + b"1" * 1_000_000 + b"}]") == [Entry("a@x.example")]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(file: bytes):
    with contextlib.suppress(BadInput):
        assert read(file)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.example", fullmatch=True),
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
            st.booleans(),
        ),
        min_size=1,
        max_size=9,
    )
)
def test_what_is_written_is_read(rows: list[tuple[str, str, bool]]):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("alias", "note", "enabled"))
    writer.writerows(rows)
    expected = [
        Entry(address, note[1:] if note[:2] in ("'=", "'+", "'-", "'@", "'\t", "'\r") else note, enabled)
        for address, note, enabled in rows
    ]
    assert read(out.getvalue().encode()) == expected
    document = {"aliases": [{"address": a, "note": n, "enabled": e} for a, n, e in rows]}
    assert read(json.dumps(document).encode()) == expected
