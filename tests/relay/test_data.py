"""relay/data: what goes over the wire is what the message is, with CRLF line ends, stuffed dots and one end mark."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.relay.data import PIECE, transparent

END = b"\r\n.\r\n"

# What people have smuggled mail with: servers that take one of these for the end of a message.
SMUGGLED = [
    b"a\n.\nMAIL FROM:<x@y>\r\n",
    b"a\r.\rMAIL FROM:<x@y>\r\n",
    b"a\r\n.\nMAIL FROM:<x@y>\r\n",
    b"a\n.\r\nMAIL FROM:<x@y>\r\n",
    b"a\r\n.\rMAIL FROM:<x@y>\r\n",
    b"a\r.\r\nMAIL FROM:<x@y>\r\n",
    b"a\r\r\n.\r\r\nMAIL FROM:<x@y>\r\n",
    b"a\r\n\x00.\r\nMAIL FROM:<x@y>\r\n",
    b"a\r\n.\r\nMAIL FROM:<x@y>\r\n",
]

CASES = [
    (b"", b".\r\n"),
    (b"a", b"a\r\n.\r\n"),
    (b"a\r\n", b"a\r\n.\r\n"),
    (b"a\n", b"a\r\n.\r\n"),
    (b"a\r", b"a\r\n.\r\n"),
    (b"\r\n", b"\r\n.\r\n"),
    (b"\n\r", b"\r\n\r\n.\r\n"),
    (b".", b"..\r\n.\r\n"),
    (b".\r\n", b"..\r\n.\r\n"),
    (b"..\r\n", b"...\r\n.\r\n"),
    (b"a.b\r\n.c\r\nd.\r\n", b"a.b\r\n..c\r\nd.\r\n.\r\n"),
    (b"a\n.b", b"a\r\n..b\r\n.\r\n"),
    (b"a\r.b", b"a\r\n..b\r\n.\r\n"),
    (b"a\rb\n", b"a\r\nb\r\n.\r\n"),
    (b"\xff\x00\x80", b"\xff\x00\x80\r\n.\r\n"),
]


def plain_reference(message):
    """The same, written for clarity: whole message in memory, one line at a time."""
    lines = re.split(rb"\r\n|\r|\n", message)
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


def pieces_of(message, cuts):
    """The message cut at these places."""
    places = sorted({min(cut, len(message)) for cut in cuts} | {0, len(message)})
    return [message[a:b] for a, b in zip(places, places[1:])]


@pytest.mark.parametrize(("message", "wanted"), CASES)
def test_line_ends_and_dots_are_as_smtp_wants_them(message, wanted):
    assert b"".join(transparent([message])) == wanted


@pytest.mark.parametrize(("message", "wanted"), CASES)
def test_one_byte_at_a_time_gives_the_same(message, wanted):
    assert b"".join(transparent(bytes([byte]) for byte in message)) == wanted


@pytest.mark.parametrize("message", SMUGGLED)
def test_nothing_inside_a_message_can_end_it(message):
    for at in range(len(message) + 1):
        wire = b"".join(transparent([message[:at], message[at:]]))
        assert wire == plain_reference(message)
        assert wire.index(END) == len(wire) - len(END)
        assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")


tokens = st.sampled_from(
    [b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"\r\n.\r\n", b"a", b"bc", b"\x00", b"\xe9", b""]
)
messages = st.lists(tokens, max_size=40).map(b"".join) | st.binary(max_size=60)


@given(message=messages, cuts=st.lists(st.integers(0, 120), max_size=12))
def test_any_message_in_any_chunks_is_what_the_plain_reference_says(message, cuts):
    assert b"".join(transparent(pieces_of(message, cuts))) == plain_reference(message)


@given(
    message=messages, filler=st.integers(PIECE - 3, PIECE + 3), cuts=st.lists(st.integers(0, 99), max_size=5)
)
def test_chunks_around_the_size_of_a_piece_make_no_difference(message, filler, cuts):
    chunks = [b"x" * filler, *pieces_of(message, cuts), b"y" * filler, *pieces_of(message, cuts)]
    pieces = list(transparent(chunks))
    assert b"".join(pieces) == plain_reference(b"".join(chunks))
    assert pieces[-1].endswith(END), "the end mark travels with what is before it"
    assert not any(piece.endswith(END) for piece in pieces[:-1])


def test_a_long_message_streams():
    asked = []

    def chunks():
        for number in range(50):
            asked.append(number)
            yield b"x" * 65520

    pieces = transparent(chunks())
    next(pieces)
    assert len(asked) <= 2
    assert sum(map(len, pieces)) > 48 * 65520


def test_a_clean_message_is_not_copied():
    chunk = b"a line\r\n" * 8190
    first = next(transparent([chunk, chunk]))
    assert first is chunk


def test_small_chunks_travel_together():
    assert len(list(transparent([b"Subject: x\r\n"] * 1000))) == 1


def test_an_error_of_the_chunks_goes_up_and_no_end_mark_is_made():
    def broken():
        yield b"x" * (2 * PIECE)
        yield b"y" * (2 * PIECE)
        raise OSError("the file is gone")

    pieces = transparent(broken())
    got = [next(pieces)]
    with pytest.raises(OSError, match="the file is gone"):
        got.extend(pieces)
    assert not b"".join(got).endswith(b".\r\n")
