"""mail/header.py: where the block ends, in whatever chunks it comes, and what its fields are.

A table a rule; properties over random cuts, random bytes and well-formed headers (compared with Python's email
package); the caps.
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterator
from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.mail import header
from postern.mail.header import Field, HeaderBlock, HeaderTooLarge, parse, split

SPLITS = [
    # block, body
    (b"A: 1\r\nB: 2\r\n\r\n", b"text\r\n"),
    (b"A: 1\r\n\r\n", b""),
    (b"A: 1\r\n", b""),
    (b"A: 1", b""),
    (b"A:", b""),
    (b"A: 1\r\n\r\n", b"\r\n\r\nB: 2\r\n"),
    # line ends
    (b"A: 1\nB: 2\n\n", b"text\n\n"),
    (b"A: 1\r\nB: 2\n\r\n", b"text"),
    (b"A: 1\r\r\nB: 2\r\r\n\r\r\n", b"text"),
    (b"A: 1\rB: 2\r\n\r\n", b"text"),
    (b"A: 1\r\n\rB: 2\r\n\r\n", b"text"),
    (b"A: 1\r", b""),
    # folds
    (b"A: 1\r\n 2\r\n\t3\r\n\r\n", b" text"),
    (b"A: 1\r\n \r\n\t\r\nB: 2\r\n\r\n", b"text"),
    # names
    (b"A : 1\r\nB\t : 2\r\n\r\n", b"text"),
    (b"!#$%&'*+-./09AZ^_`az{|}~:\r\n\r\n", b"text"),
    (b"n" * 999 + b":\r\n\r\n", b"text"),
    (b"A: 1\r\n", b"n" * 1000 + b":\r\n\r\ntext"),
    # a line that is neither field nor continuation
    (b"A: 1\r\n", b"no field\r\nB: 2\r\n\r\ntext"),
    (b"A: 1\r\n", b"no field: 2\r\n\r\ntext"),
    (b"A: 1\r\n", b": no name\r\n\r\ntext"),
    (b"A: 1\r\n", b"\xc3\xa4: 2\r\n\r\ntext"),
    (b"A: 1\r\n", b"B\0: 2\r\n\r\ntext"),
    (b"A: 1\r\n", b"\0B: 2\r\n\r\ntext"),
    (b"A: 1\r\n", b"B\r: 2\r\n\r\ntext"),
    (b"A: 1\r\n", b"From jane Tue Nov  3\r\nB: 2\r\n\r\ntext"),
    (b"A: 1\r\n", b"no line end"),
    (b"A: 1\r\n", b"x" * 3_000_000),
    # before the first field
    (b"From jane Tue Nov  3\n>From old\nA: 1\n\n", b"text"),
    (b"From : jane\r\n\r\n", b"text"),
    (b"From jane Tue Nov  3\n\n", b"text"),
    (b"From jane\n 2\n\t3\nA: 1\n\n", b"text"),
    (b" 1\r\nA: 1\r\n\r\n", b"text"),
    # no field at all
    (b"", b""),
    (b"\r\n", b"text\r\n\r\n"),
    (b"\n", b"A: 1\n\n"),
    (b"", b"no field\r\n\r\nA: 1\r\n"),
    (b"", b"  indented\r\n\r\ntext"),
    (b"", b"  indented"),
    (b"", b"From here on\r\nthere is no field\r\n\r\n"),
    (b"", b"From here on"),
    (b"", b"\r"),
    (b"", b"\0"),
]


@pytest.mark.parametrize(("block", "body"), SPLITS, ids=[repr((a[:30], b[:30])) for a, b in SPLITS])
def test_the_block_ends_where_it_should(block: bytes, body: bytes) -> None:
    found, rest = split([block + body])
    assert (found, b"".join(rest)) == (block, body)


@pytest.mark.parametrize(("block", "body"), SPLITS, ids=[repr((a[:30], b[:30])) for a, b in SPLITS])
def test_the_block_ends_there_byte_by_byte_too(block: bytes, body: bytes) -> None:
    data = block + body[:5000]
    found, rest = split(data[n : n + 1] for n in range(len(data)))
    assert (found, b"".join(rest)) == (block, body[:5000])


LINES = [
    b"A: 1",
    b"From: x",
    b"From : x",
    b" more",
    b"\tmore",
    b" ",
    b"",
    b"junk",
    b"From x",
    b">From x",
    b"\r",
    b"\rA: 2",
]
LINES += [
    b"A\r: 1",
    b"\xff: 1",
    b"a:\0\xe9",
    b":",
    b"n" * 1200 + b":",
    b"A: " + b"x" * 1200,
    b"\r" * 1200,
    b"B:",
]
MESSAGES = st.lists(
    st.tuples(st.sampled_from(LINES), st.sampled_from([b"\r\n", b"\n", b"\r\r\n", b"\r", b""])), max_size=9
)


@given(MESSAGES.map(lambda lines: b"".join(a + b for a, b in lines)) | st.binary(), st.data())
def test_any_cut_into_chunks_gives_the_same_result(message: bytes, data: st.DataObject) -> None:
    block, rest = split([message])
    body = b"".join(rest)
    assert block + body == message
    cuts = sorted(data.draw(st.lists(st.integers(0, len(message)), max_size=12)))
    pieces = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)])]
    other, other_rest = split(pieces)
    assert (other, b"".join(other_rest)) == (block, body)


def test_the_body_is_not_read_before_it_is_asked_for() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"A: 1\r\n\r\nfirst"
        raise AssertionError("read too far")

    block, body = split(chunks())
    assert block == b"A: 1\r\n\r\n"
    assert next(body) == b"first"
    with pytest.raises(AssertionError, match="read too far"):
        next(body)


PARSED: list[tuple[bytes, list[tuple[bytes, bytes, bytes]]]] = [
    # block, and of each field: name, raw, value
    (b"Subject: hello\r\n\r\n", [(b"Subject", b"Subject: hello", b"hello")]),
    (b"Subject:hello\n\n", [(b"Subject", b"Subject:hello", b"hello")]),
    (b"Subject:\r\n\r\n", [(b"Subject", b"Subject:", b"")]),
    (b"Subject: \t \r\n\r\n", [(b"Subject", b"Subject: \t ", b"")]),
    (b"A: 1\r\n 2\r\n\t3 \r\n", [(b"A", b"A: 1\r\n 2\r\n\t3 ", b"1 2\t3")]),
    (b"A: 1\n 2\n", [(b"A", b"A: 1\r\n 2", b"1 2")]),
    (b"A:\r\n 1\r\n", [(b"A", b"A:\r\n 1", b"1")]),
    (b"A : 1\r\n", [(b"A", b"A: 1", b"1")]),
    (b"A \t :1\r\n", [(b"A", b"A:1", b"1")]),
    (b"A: \xe9\xff\r\n", [(b"A", b"A: \xe9\xff", b"\xe9\xff")]),
    (b"A: " + b"x" * 5000 + b"\r\n", [(b"A", b"A: " + b"x" * 5000, b"x" * 5000)]),
    (b"A: 1\r2\r\n", [(b"A", b"A: 1 2", b"1 2")]),
    (b"A: 1\r\r\n", [(b"A", b"A: 1", b"1")]),
    (b"A: 1\r\n\rB: 2\r\n", [(b"A", b"A: 1\r\n B: 2", b"1 B: 2")]),
    (b"A: 1\0\0002\r\n", [(b"A", b"A: 1  2", b"1  2")]),
    (b"A: 1\r", [(b"A", b"A: 1", b"1")]),
    (b"A: 1\r\n\r", [(b"A", b"A: 1", b"1")]),
    (b"A: 1\r\n" + b"\r" * 2000 + b"\nB: 2\r\n", [(b"A", b"A: 1", b"1"), (b"B", b"B: 2", b"2")]),
    (b"From x\n>From y\n more\nA: 1\n", [(b"A", b"A: 1", b"1")]),
    (b" more\r\nA: 1\r\n", [(b"A", b"A: 1", b"1")]),
    (b"A: 1\r\nA: 2\r\na: 3\r\n", [(b"A", b"A: 1", b"1"), (b"A", b"A: 2", b"2"), (b"a", b"a: 3", b"3")]),
    (b"A: 1\r\njunk\r\nB: 2\r\n", [(b"A", b"A: 1", b"1")]),
    (b"A: 1\r\n\r\nB: 2\r\n", [(b"A", b"A: 1", b"1")]),
    (b"A: 1\r\nFrom x\r\nB: 2\r\n", [(b"A", b"A: 1", b"1")]),
    (b"", []),
    (b"\r\n", []),
    (b"From x\r\n\r\n", []),
]


@pytest.mark.parametrize(("block", "fields"), PARSED, ids=[repr(block[:40]) for block, _ in PARSED])
def test_the_fields_of_a_block(block: bytes, fields: list[tuple[bytes, bytes, bytes]]) -> None:
    parsed = parse(block)
    assert [(f.name, f.raw, f.value) for f in parsed.fields] == fields
    assert parsed.newline == b"\r\n"
    assert parsed.to_bytes() == b"".join(raw + b"\r\n" for _, raw, _ in fields) + b"\r\n"


def test_fields_are_found_by_name_in_either_case() -> None:
    block = parse(b"To: a\r\nTO: b\r\nCc: c\r\n\r\n")
    assert [f.value for f in block.all(b"to")] == [b"a", b"b"]
    assert block.first(b"tO") == Field(b"To", b"To: a")
    assert block.first(b"Bcc") is None
    assert block.all(b"Bcc") == []


@given(MESSAGES.map(lambda lines: b"".join(a + b for a, b in lines)) | st.binary())
def test_whatever_bytes_come_the_block_written_is_well_formed(data: bytes) -> None:
    block = parse(data)
    for field in block.fields:
        assert re.fullmatch(rb"[!-9;-~]+", field.name)
        assert field.raw.startswith(field.name + b":")
        assert re.fullmatch(rb"[^\r\n\0]*(\r\n[ \t][^\r\n\0]*)*", field.raw)
        assert not re.search(rb"[\r\n\0]", field.value)
    written = block.to_bytes()
    assert parse(written) == block
    found, rest = split([written, b"body"])
    assert (found, b"".join(rest)) == (written, b"body")


@given(
    st.lists(
        st.tuples(st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True), st.binary(max_size=60)),
        min_size=1,
    )
)
def test_a_proper_header_is_read_as_python_reads_it(pairs: list[tuple[bytes, bytes]]) -> None:
    fields = [(name, re.sub(rb"[^!-~ ]", b" ", value).strip()) for name, value in pairs]
    raw = b"".join(name + b": " + value + b"\r\n" for name, value in fields) + b"\r\n"
    theirs = message_from_bytes(raw, policy=email.policy.compat32)
    assert [(f.name.decode(), f.value.decode()) for f in parse(raw).fields] == theirs.items()


FULL = b"A: " + b"x" * (header.MAX_HEADER_BYTES - 7) + b"\r\n\r\n"


@pytest.mark.parametrize("size", [7, 1000, 1 << 30])
def test_a_block_of_the_largest_size_is_taken_and_one_byte_more_is_not(size: int) -> None:
    assert len(FULL) == header.MAX_HEADER_BYTES
    block, body = split(_chunks(FULL + b"body", size))
    assert (block, b"".join(body)) == (FULL, b"body")
    for longer in (b"B:" + FULL, FULL[:-4] + b"xxxxx", FULL[:-2] + b"B: 2\r\n\r\n"):
        with pytest.raises(HeaderTooLarge):
            split(_chunks(longer, size))


def test_a_header_that_never_ends_is_not_held() -> None:
    held = 0

    def endless() -> Iterator[bytes]:
        nonlocal held
        while True:
            held += 1000
            yield b" " * 1000

    with pytest.raises(BadInput) as caught:
        split(endless())
    assert held <= header.MAX_HEADER_BYTES + 1000
    assert caught.value.remedy


def test_too_many_fields_are_refused() -> None:
    most = b"a:\n" * header.MAX_FIELDS
    block, _ = split([most + b"\n"])
    assert len(parse(block).fields) == header.MAX_FIELDS
    with pytest.raises(HeaderTooLarge):
        split([most + b"a:\n\n"])


@pytest.mark.parametrize(
    "piece", [b"a:\n", b"\n ", b"a", b"\r", b" ", b"From \n", b"a: " + b"x" * 120 + b"\r\n", b"\0"]
)
def test_the_largest_hostile_blocks_are_split_in_linear_time_in_the_smallest_chunks(piece: bytes) -> None:
    # In square time each of these would take hours.
    data = piece * (header.MAX_HEADER_BYTES // len(piece))
    try:
        block, body = split(data[n : n + 1] for n in range(len(data)))
    except HeaderTooLarge:
        return
    assert len(block) + sum(map(len, body)) == len(data)
    assert isinstance(parse(block), HeaderBlock)


def _chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[n : n + size] for n in range(0, len(data), size))
