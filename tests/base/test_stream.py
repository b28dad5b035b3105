"""base/stream: the format held against pinned vectors and against another implementation written from docs/sealing.md, both
ways, at every size around a chunk's border; and everything that can be done to a sealed stream is noticed.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import io
import itertools
import json
import pickle
import random
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.base.errors import SealBroken
from postern.base.keyring import Key, KeyRing
from postern.base.stream import (
    HEADER_SIZE,
    PLAIN_CHUNK,
    SEALED_CHUNK,
    StreamSealer,
    open_stream,
    read_sealed_file,
)

TOP = Path(__file__).resolve().parents[2]
VECTORS = json.loads((TOP / "tests/vectors/sealing.json").read_text())
KEYS = {key_id: bytes.fromhex(secret) for key_id, secret in VECTORS["keys"].items()}
INDEX_KEY = bytes.fromhex(VECTORS["index_key"])
RING = KeyRing([Key(key_id, secret) for key_id, secret in KEYS.items()], INDEX_KEY)
PLACE = "messages.body:0b9e"

Sealed = tuple[bytes, list[bytes]]


def content(size: int) -> bytes:
    """As the vectors have it."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def seal(data: bytes, place: str = PLACE, ring: KeyRing = RING, cuts: Iterable[int] = ()) -> Sealed:
    """Header and chunks; `cuts` are the places where the content is cut before it is handed over."""
    sealer = StreamSealer(ring, place)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [chunk for start, end in zip(edges, edges[1:]) for chunk in sealer.update(data[start:end])]
    return sealer.header, [*chunks, sealer.finish()]


def opened(header: bytes, chunks: Iterable[bytes], place: str = PLACE, ring: KeyRing = RING) -> bytes:
    return b"".join(open_stream(ring, place, header, chunks))


# --- another implementation, from docs/sealing.md alone


def doc_cipher(key_id: str, salt: bytes, place: str) -> AESGCM:
    extracted = hmac.new(salt, KEYS[key_id], hashlib.sha256).digest()
    info = b"postern/1 seal stream" + place.encode("utf-8")
    return AESGCM(hmac.new(extracted, info + b"\x01", hashlib.sha256).digest())


def doc_seal(key_id: str, salt: bytes, place: str, data: bytes) -> Sealed:
    cipher = doc_cipher(key_id, salt, place)
    full = len(data) // 65520
    chunks = []
    for number in range(full + 1):
        nonce = number.to_bytes(11, "big") + bytes([number == full])
        chunks.append(cipher.encrypt(nonce, data[number * 65520 : (number + 1) * 65520], None))
    return b"\x02" + key_id.encode() + bytes(8 - len(key_id)) + salt, chunks


def doc_open(header: bytes, chunks: list[bytes], place: str) -> bytes:
    assert header[0] == 2
    assert len(header) == 25
    cipher = doc_cipher(header[1:9].rstrip(b"\0").decode(), header[9:], place)
    pieces = []
    for number, chunk in enumerate(chunks):
        last = number == len(chunks) - 1
        assert (len(chunk) < 65536) == last
        pieces.append(cipher.decrypt(number.to_bytes(11, "big") + bytes([last]), chunk, None))
    return b"".join(pieces)


# --- the format


@pytest.mark.parametrize("vector", VECTORS["streams"], ids=lambda v: f"{v['size']} bytes")
def test_a_stream_is_sealed_to_the_pinned_bytes(vector: dict[str, Any]) -> None:
    data, place, salt = content(vector["size"]), vector["place"], bytes.fromhex(vector["salt"])
    key_id = vector["key_id"]
    sealer = StreamSealer(RING, place)
    sealer._begin(KeyRing([Key(key_id, KEYS[key_id])], INDEX_KEY), place, salt)
    chunks = [*sealer.update(data), sealer.finish()]
    assert sealer.header.hex() == vector["header"]
    assert [len(chunk) for chunk in chunks] == vector["chunk_sizes"]
    assert [hashlib.sha256(chunk).hexdigest() for chunk in chunks] == vector["chunk_sha256"]
    assert "last_chunk" not in vector or chunks[-1].hex() == vector["last_chunk"]
    assert doc_seal(key_id, salt, place, data) == (sealer.header, chunks)
    assert opened(sealer.header, chunks, place) == data


BORDERS = sorted(
    {PLAIN_CHUNK * n + d for n in range(4) for d in (-16, -1, 0, 1, 16) if PLAIN_CHUNK * n + d >= 0}
)


@pytest.mark.parametrize("size", BORDERS)
def test_every_size_around_a_border_goes_both_ways(size: int) -> None:
    data = content(size)
    header, chunks = seal(data)
    assert doc_open(header, chunks, PLACE) == data
    assert opened(*doc_seal("longest8", header[9:], PLACE, data)) == data
    assert len(header) == HEADER_SIZE
    assert all(len(chunk) == SEALED_CHUNK for chunk in chunks[:-1])
    assert 16 <= len(chunks[-1]) < SEALED_CHUNK


@settings(max_examples=30)
@given(
    size=st.integers(0, 3 * PLAIN_CHUNK + 5),
    cuts=st.lists(st.integers(0, 3 * PLAIN_CHUNK + 5), max_size=8),
    seed=st.integers(0, 2**32),
)
def test_however_the_content_arrives_it_comes_back_whole(size: int, cuts: list[int], seed: int) -> None:
    data = random.Random(seed).randbytes(size)
    header, chunks = seal(data, cuts=cuts)
    assert opened(header, chunks) == doc_open(header, chunks, PLACE) == data


def test_content_of_no_bytes_gives_one_chunk_and_no_piece() -> None:
    header, chunks = seal(b"")
    assert [len(chunk) for chunk in chunks] == [16]
    assert list(open_stream(RING, PLACE, header, chunks)) == []


def test_two_streams_of_the_same_content_have_nothing_in_common() -> None:
    (one, one_chunks), (other, other_chunks) = seal(content(100)), seal(content(100))
    assert one[:9] == other[:9]
    assert one[9:] != other[9:]
    assert one_chunks[0][:100] != other_chunks[0][:100]


def test_an_older_key_of_the_ring_opens_the_stream_it_sealed() -> None:
    old = KeyRing([Key("k1", KEYS["k1"])], INDEX_KEY)
    rotated = KeyRing([Key("longest8", KEYS["longest8"]), Key("k1", KEYS["k1"])], INDEX_KEY)
    header, chunks = seal(content(70000), ring=old)
    assert opened(header, chunks, ring=rotated) == content(70000)
    with pytest.raises(SealBroken, match="needs key k1, which is not in the ring"):
        opened(header, chunks, ring=KeyRing([Key("longest8", KEYS["longest8"])], INDEX_KEY))


def test_a_finished_sealer_seals_nothing_more() -> None:
    sealer = StreamSealer(RING, PLACE)
    sealer.finish()
    for attempt in (sealer.finish, lambda: sealer.update(b"x"), lambda: sealer.update(b"")):
        with pytest.raises(ValueError, match="finished"):
            attempt()


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_sealer_cannot_be_copied_so_no_nonce_is_used_twice(how: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        how(StreamSealer(RING, PLACE))


def test_sealing_and_opening_hold_a_few_chunks_and_not_the_mail() -> None:
    size = 6 * 1024 * 1024
    piece = content(50_000)
    sealer = StreamSealer(RING, PLACE)

    def chunks() -> Iterable[bytes]:
        for _ in range(size // len(piece)):
            yield from sealer.update(piece)
        yield sealer.finish()

    list(open_stream(RING, PLACE, *seal(b"x")))  # what is imported on the first use does not count
    tracemalloc.start()
    try:
        total = sum(len(opened_piece) for opened_piece in open_stream(RING, PLACE, sealer.header, chunks()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == size // len(piece) * len(piece)
    assert peak < 8 * SEALED_CHUNK


# --- altered, cut, moved

DATA = content(3 * PLAIN_CHUNK + 1000)
HEADER, CHUNKS = seal(DATA)
OTHER_HEADER, OTHER_CHUNKS = seal(DATA)


def broken(header: bytes, chunks: Iterable[bytes], place: str = PLACE, ring: KeyRing = RING) -> bool:
    """Whether it is noticed, and whether all that was given out before is the true beginning."""
    given_out = b""
    try:
        for piece in open_stream(ring, place, header, chunks):
            given_out += piece
    except SealBroken as error:
        return place in error.reason and DATA.startswith(given_out)
    return False


def test_the_untouched_stream_opens() -> None:
    assert opened(HEADER, CHUNKS) == DATA
    assert len(CHUNKS) == 4


@pytest.mark.parametrize("count", range(len(CHUNKS)))
def test_a_stream_that_ends_at_a_border_is_cut(count: int) -> None:
    assert broken(HEADER, CHUNKS[:count])


@pytest.mark.parametrize("at", range(len(CHUNKS)))
def test_a_stream_that_ends_inside_a_chunk_is_cut(at: int) -> None:
    for size in (0, 1, 15, 16, 17, len(CHUNKS[at]) // 2, len(CHUNKS[at]) - 1):
        cut = CHUNKS[at][:size]
        assert broken(HEADER, [*CHUNKS[:at], cut]), f"chunk {at} cut to {size}"
        assert broken(HEADER, [*CHUNKS[:at], cut, *CHUNKS[at + 1 :]]), (
            f"chunk {at} cut to {size}, others follow"
        )


def test_every_other_order_is_noticed() -> None:
    orders = [order for order in itertools.permutations(CHUNKS) if list(order) != CHUNKS]
    assert len(orders) == 23
    assert all(broken(HEADER, order) for order in orders)


@pytest.mark.parametrize("at", range(len(CHUNKS)))
def test_a_chunk_left_out_doubled_or_added_is_noticed(at: int) -> None:
    assert broken(HEADER, CHUNKS[:at] + CHUNKS[at + 1 :])
    assert broken(HEADER, CHUNKS[: at + 1] + CHUNKS[at:])
    assert broken(HEADER, [*CHUNKS, CHUNKS[at]])
    assert broken(HEADER, [*CHUNKS[:at], b"", *CHUNKS[at:]])


def test_nothing_may_follow_the_last_chunk() -> None:
    for more in (b"", b"\0", bytes(16), bytes(SEALED_CHUNK), OTHER_CHUNKS[-1]):
        assert broken(HEADER, [*CHUNKS, more])


@pytest.mark.parametrize("at", range(len(CHUNKS)))
def test_a_chunk_of_another_stream_of_the_same_place_is_noticed(at: int) -> None:
    assert broken(HEADER, [*CHUNKS[:at], OTHER_CHUNKS[at], *CHUNKS[at + 1 :]])
    assert broken(HEADER, CHUNKS[:at] + OTHER_CHUNKS[at:])
    assert broken(OTHER_HEADER, CHUNKS)


def test_chunks_cut_elsewhere_are_not_the_stream() -> None:
    whole = b"".join(CHUNKS)
    assert broken(HEADER, [whole])
    for size in (SEALED_CHUNK - 1, SEALED_CHUNK + 1, SEALED_CHUNK // 2, 2 * SEALED_CHUNK):
        assert broken(HEADER, [whole[at : at + size] for at in range(0, len(whole), size)])


def test_no_bit_of_the_header_can_be_changed() -> None:
    for at, bit in itertools.product(range(HEADER_SIZE), range(8)):
        altered = bytearray(HEADER)
        altered[at] ^= 1 << bit
        assert broken(bytes(altered), CHUNKS), f"byte {at}, bit {bit}"


def test_a_header_of_another_length_or_kind_is_refused_before_any_chunk_is_read() -> None:
    def nobody_reads_this() -> Iterable[bytes]:
        raise AssertionError("a chunk was read")
        yield b""

    for header in (b"", HEADER[:-1], HEADER + b"\0", b"\x01" + HEADER[1:], b"\x02k3" + HEADER[3:]):
        with pytest.raises(SealBroken):
            open_stream(RING, PLACE, header, nobody_reads_this())


@given(where=st.integers(0, sum(len(chunk) for chunk in CHUNKS) - 1), bit=st.integers(0, 7))
def test_no_bit_of_any_chunk_can_be_changed(where: int, bit: int) -> None:
    at, offset = divmod(where, SEALED_CHUNK)
    altered = bytearray(CHUNKS[at])
    altered[offset] ^= 1 << bit
    assert broken(HEADER, [*CHUNKS[:at], bytes(altered), *CHUNKS[at + 1 :]])


@pytest.mark.parametrize(
    "place", ["", "messages.body:0b9f", "messages.body:0b9", "messages.body:0b9e0", "spool.body:0b9e"]
)
def test_a_stream_does_not_open_in_another_place(place: str) -> None:
    assert broken(HEADER, CHUNKS, place)


def test_a_stream_does_not_open_with_another_key_of_the_same_id() -> None:
    impostor = KeyRing([Key(key_id, hashlib.sha256(key_id.encode()).digest()) for key_id in KEYS], INDEX_KEY)
    assert broken(HEADER, CHUNKS, ring=impostor)


def test_a_short_stream_cannot_be_passed_off_as_the_end_of_a_long_one() -> None:
    """The last mark is in the nonce: the third chunk of a finished stream is not the third of a longer one."""
    salt = HEADER[9:]
    short_header, short = doc_seal("k1", salt, PLACE, DATA[: 2 * PLAIN_CHUNK + 500])
    long_header, long = doc_seal("k1", salt, PLACE, DATA)
    assert short_header == long_header
    assert short[:2] == long[:2]
    assert broken(long_header, [*long[:2], short[2], *long[3:]])
    assert broken(short_header, [*short[:2], long[2]])


# --- in a file


class Dribble(io.RawIOBase):
    """A file that gives less than it is asked for, as pipes and network file systems may."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 1 + self._data.tell() % 9973))


FILE = HEADER + b"".join(CHUNKS)


@pytest.mark.parametrize("size", [0, 1, PLAIN_CHUNK - 1, PLAIN_CHUNK, PLAIN_CHUNK + 1, 2 * PLAIN_CHUNK])
@pytest.mark.parametrize("kind", [io.BytesIO, Dribble])
def test_a_stream_in_a_file_is_read_chunk_by_chunk(size: int, kind: Callable[[bytes], Any]) -> None:
    header, chunks = seal(content(size))
    found_header, found = read_sealed_file(kind(header + b"".join(chunks)))
    assert (found_header, list(found)) == (header, chunks)


def test_a_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"something before" + FILE)
    file.seek(16)
    assert opened(*read_sealed_file(file)) == DATA


CUTS = sorted(
    {HEADER_SIZE + n * SEALED_CHUNK + d for n in range(4) for d in (0, 1, 15, 16, 17, 40_000)} - {len(FILE)}
)


@pytest.mark.parametrize("size", [size for size in CUTS if size < len(FILE)] + [len(FILE) - 1])
def test_a_file_cut_anywhere_does_not_open(size: int) -> None:
    header, chunks = read_sealed_file(io.BytesIO(FILE[:size]))
    assert broken(header, chunks)


@pytest.mark.parametrize("size", [0, 1, HEADER_SIZE - 1])
def test_a_file_cut_inside_its_header_does_not_open(size: int) -> None:
    with pytest.raises(SealBroken, match="header"):
        read_sealed_file(io.BytesIO(FILE[:size]))


def test_a_file_with_something_behind_its_end_does_not_open() -> None:
    for more in (b"\0", bytes(16), bytes(SEALED_CHUNK), FILE):
        assert broken(*read_sealed_file(io.BytesIO(FILE + more)))
