"""The message inside a webhook's body: bare, or as the one file part of multipart/form-data, however the bytes are cut."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.web import upload
from postern.web.request import LengthRequired, Request
from support.mail import message

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
PART = b'Content-Disposition: form-data; name="message"; filename="message.eml"\r\nContent-Type: message/rfc822\r\n'


class Cut(io.RawIOBase):
    """A body that comes in pieces of these sizes, whatever is asked for."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = data
        self._sizes = iter(sizes)

    def read(self, size: int = -1) -> bytes:
        size = min(size, next(self._sizes, size))
        piece, self._data = self._data[:size], self._data[size:]
        return piece


def taken(body: bytes, content_type: str, sizes: list[int] | None = None, length: int | None = None) -> bytes:
    """What the webhook gets of this request."""
    environ = {
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body) if length is None else length),
        "wsgi.input": Cut(body, sizes or []),
    }
    return b"".join(upload.message(Request("id", "POST", "/hooks/inbound", environ)))


def wrapped(content: bytes, boundary: str = BOUNDARY, part: bytes = PART, end: bytes = b"\r\n") -> bytes:
    """As a browser, or the Worker, posts one file."""
    edge = boundary.encode()
    return b"--" + edge + b"\r\n" + part + b"\r\n" + content + b"\r\n--" + edge + b"--" + end


MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

MESSAGES = {
    "empty": b"",
    "plain": message(),
    "ends without a line end": b"Subject: x\r\n\r\nend",
    "ends with many": b"x\r\n\r\n\r\n",
    "looks like the end": b"x\r\n--" + BOUNDARY.encode(),
    "holds an end": b"x\r\n--" + BOUNDARY.encode() + b"--\r\nmore",
    "holds a beginning": b"--" + BOUNDARY.encode() + b"\r\n\r\nx",
    "every byte": bytes(range(256)) * 300,
    "dashes": b"--" * 1000,
    "larger than a read": b"0123456789abcdef\r\n" * 10_000,
}


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["closed", "closed by a line"])
def test_the_file_comes_out_byte_for_byte(content: bytes, end: bytes):
    assert taken(wrapped(content, end=end), MULTIPART) == content


def test_the_file_comes_out_whole_wherever_the_body_is_cut_in_two():
    content = b"--x\r\n\r\n--" + BOUNDARY.encode()[:10] + b"\r\n"
    body = wrapped(content)
    for cut in range(1, len(body)):
        assert taken(body, MULTIPART, [cut]) == content


def test_the_file_comes_out_whole_byte_by_byte():
    body = wrapped(MESSAGES["plain"])
    assert taken(body, MULTIPART, [1] * len(body)) == MESSAGES["plain"]


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"--b", b"\r\n--b", b"x"])).map(b"".join),
    st.lists(st.integers(1, 60), max_size=40),
    st.sampled_from([b"", b"\r\n"]),
)
@example(b"\r\n--b", [1] * 40, b"")
@example(b"\r\n--b-", [5, 1], b"\r\n")
def test_the_file_comes_out_byte_for_byte_over_every_cut(content: bytes, sizes: list[int], end: bytes):
    body = wrapped(content, boundary="b", part=b"A: b\r\n", end=end)
    assert taken(body, "multipart/form-data; boundary=b", sizes) == content


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), max_size=40))
def test_a_bare_body_is_the_message(content: bytes, sizes: list[int]):
    for content_type in ("application/octet-stream", "message/rfc822", "text/plain", ""):
        assert taken(content, content_type, sizes) == content


BOUNDARIES = {
    "multipart/form-data; boundary=x": "x",
    'multipart/form-data; boundary="x"': "x",
    "Multipart/Form-Data; Boundary=x": "x",
    "multipart/form-data;boundary=x": "x",
    "multipart/form-data; charset=utf-8; boundary=x; more=y": "x",
    'multipart/form-data; boundary="a b"': "a b",
    "multipart/form-data; boundary='()+_,-./:=?": "'()+_,-./:=?",
    "multipart/form-data; boundary=" + "x" * 70: "x" * 70,
}


@pytest.mark.parametrize("content_type", BOUNDARIES)
def test_the_boundary_is_found(content_type: str):
    assert taken(wrapped(b"content", BOUNDARIES[content_type]), content_type) == b"content"


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data;",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; nodary=x",
    ],
)
def test_a_boundary_that_is_none_is_refused(content_type: str):
    with pytest.raises(BadInput, match="boundary"):
        taken(wrapped(b"content", "x"), content_type)


BAD = {
    "nothing": b"",
    "another boundary": wrapped(b"content", "other"),
    "no boundary": b"content",
    "a preamble": b"hello\r\n" + wrapped(b"content"),
    "no end": wrapped(b"content")[:-8],
    "cut in the end": wrapped(b"content")[:-3],
    "cut in the part's header": wrapped(b"content")[:60],
    "cut after the part's header": wrapped(b"content")[: len(BOUNDARY) + 4 + len(PART) + 2],
    "an epilogue": wrapped(b"content") + b"more",
    "a line after the end": wrapped(b"content") + b"\r\n",
    "a part's header too long": wrapped(b"content", part=b"A: " + b"x" * 5000 + b"\r\n"),
    "a part's header without end": b"--" + BOUNDARY.encode() + b"\r\n" + b"A: b\r\n" * 50_000,
    "bare line feeds": wrapped(b"content").replace(b"\r\n", b"\n"),
    "only an end": b"--" + BOUNDARY.encode() + b"--\r\n",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
@pytest.mark.parametrize("step", [0, 1, 7])
def test_what_is_not_one_whole_file_part_is_refused(body: bytes, step: int):
    with pytest.raises(BadInput):
        taken(body, MULTIPART, [step] * min(len(body), 9000) if step else None)


def test_the_search_for_a_part_ends_early():
    """A stranger's endless header is not read to its end."""
    read = []

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            read.append(size)
            return b"A: b\r\n" * (size // 6)

    environ = {"CONTENT_TYPE": MULTIPART, "CONTENT_LENGTH": "1000000000", "wsgi.input": Endless()}
    with pytest.raises(BadInput):
        list(upload.message(Request("id", "POST", "/", environ)))
    assert sum(read) <= 65536


def test_little_is_held_of_a_large_message():
    """All but the last bytes of a read are handed on before the next one."""
    content = bytes(1_000_000)
    environ = {
        "CONTENT_TYPE": MULTIPART,
        "CONTENT_LENGTH": str(len(wrapped(content))),
        "wsgi.input": Cut(wrapped(content), []),
    }

    def pieces() -> Iterator[int]:
        handed = 0
        for piece in upload.message(Request("id", "POST", "/", environ)):
            handed += len(piece)
            left = len(environ["wsgi.input"]._data)
            yield len(content) - handed - left

    assert max(pieces()) <= len(BOUNDARY) + 8


# How long the body is.


LENGTHS = {
    "": LengthRequired,
    "-1": BadInput,
    "1.0": BadInput,
    "1e3": BadInput,
    " 5": BadInput,
    "+5": BadInput,
    "５": BadInput,
    "0x5": BadInput,
    "5,5": BadInput,
    "9" * 16: BadInput,
}


@pytest.mark.parametrize("length", LENGTHS, ids=ascii)
def test_a_length_that_is_none_is_refused(length: str):
    with pytest.raises(LENGTHS[length]) as caught:
        Request("id", "POST", "/", {"CONTENT_LENGTH": length}).content_length  # noqa: B018
    assert type(caught.value) is LENGTHS[length]


def test_a_chunked_body_is_refused_even_with_a_length():
    environ = {"CONTENT_LENGTH": "5", "HTTP_TRANSFER_ENCODING": "chunked"}
    with pytest.raises(LengthRequired) as caught:
        Request("id", "POST", "/", environ).content_length  # noqa: B018
    assert caught.value.http_status == 411


def test_no_more_is_read_than_was_announced():
    assert taken(b"content and the next request", "", length=7) == b"content"
    assert taken(wrapped(b"content") + b"more", MULTIPART, length=len(wrapped(b"content"))) == b"content"


def test_a_client_that_goes_away_leaves_what_it_sent():
    assert taken(b"cont", "", length=7) == b"cont"
