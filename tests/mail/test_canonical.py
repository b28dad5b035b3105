"""mail/canonical.py against dkimpy, for whatever bytes and however they are cut."""

from __future__ import annotations

import hashlib

from dkim.canonicalization import Relaxed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postern.mail import canonical, header
from support.mail import canonical as crlf

BODIES = st.lists(
    st.sampled_from([b"a", b"word", b" ", b"  ", b"\t", b"\r\n", b"\n", b"\r", b".", b"\xe9", b"\0", b"\x0b"])
).map(b"".join)


def judged(body: bytes) -> bytes:
    """dkimpy's hash of the body as the relay gets it."""
    on_the_wire = crlf(body) if body else b""
    return hashlib.sha256(Relaxed.canonicalize_body(on_the_wire)).digest()


@settings(max_examples=80, deadline=None)
@given(BODIES, st.lists(st.integers(0, 60), max_size=5))
@example(b"", [])
@example(b" \t\r\n\r\n", [])
@example(b"a \r\n\r\n\r\n", [2, 3, 4])
@example(b"\r\n\r\na", [1])
@example(b"a\r", [1])
@example(b"a \t b\t \n\r\r\nc", [2, 3, 5, 6])
@example(b"a" + b"\r\n" * 5_000 + b"b", [])
@example(b"a" + b" \t" * 3_000 + b"b \t", [1000])
def test_a_body_has_the_hash_that_dkimpy_finds_however_it_is_cut(body: bytes, cuts: list[int]):
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[begin:end] for begin, end in zip(places, places[1:])]
    assert canonical.body_hash(pieces) == judged(body)


@settings(max_examples=60, deadline=None)
@given(
    st.from_regex(rb"[!-9;-~]{1,12}", fullmatch=True),
    st.lists(st.sampled_from([b"a", b"B:", b" ", b"\t", b"\r\n ", b"\r\n\t", b"\xe9", b"=?utf-8?q?x?="])).map(
        b"".join
    ),
)
@example(b"Subject", b"")
@example(b"Subject", b" \r\n\t ")
def test_a_field_reads_as_dkimpy_reads_it(name: bytes, value: bytes):
    (field,) = header.parse(name + b":" + value + b"\r\n\r\n").fields
    ((expected_name, expected),) = Relaxed.canonicalize_headers([(name, value + b"\r\n")])
    assert canonical.field(field.raw) + b"\r\n" == expected_name + b":" + expected
