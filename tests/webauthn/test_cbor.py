"""cbor.py: one reading for each value, and nothing that hostile bytes can do but be refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.webauthn import authenticator_data, cbor, cose
from postern.webauthn.refused import Refused
from support.authenticator import encode

# RFC 8949, appendix A: those that CTAP2 knows.
EXAMPLES = (
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("1903e8", 1000),
    ("1a000f4240", 1000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("20", -1),
    ("3903e7", -1000),
    ("3bffffffffffffffff", -18446744073709551616),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("40", b""),
    ("4401020304", b"\1\2\3\4"),
    ("60", ""),
    ("6449455446", "IETF"),
    ("62c3bc", "ü"),
    ("80", []),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("a0", {}),
    ("a201020304", {1: 2, 3: 4}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("a2616201616102", {"b": 1, "a": 2}),  # not sorted
)

REFUSED = (
    ("", "cut off"),
    ("18", "cut off"),
    ("1817", "shortest"),
    ("1900ff", "shortest"),
    ("1a0000ffff", "shortest"),
    ("1b00000000ffffffff", "shortest"),
    ("5801ff", "shortest"),
    ("f814", "shortest"),
    ("1c", "left open"),
    ("1f", "left open"),
    ("5f4101ff", "left open"),
    ("7f6161ff", "left open"),
    ("9f01ff", "left open"),
    ("bf0102ff", "left open"),
    ("ff", "left open"),
    ("c001", "kind of value"),
    ("d82a01", "kind of value"),
    ("f7", "kind of value"),  # undefined
    ("e0", "kind of value"),
    ("f93c00", "kind of value"),  # 1.0
    ("fb3ff0000000000000", "kind of value"),
    ("4401", "cut off"),
    ("9bffffffffffffffff", "cut off"),
    ("bbffffffffffffffff", "cut off"),
    ("5bffffffffffffffff", "cut off"),
    ("8201", "cut off"),
    ("a101", "cut off"),
    ("61ff", "UTF-8"),
    ("63eda080", "UTF-8"),  # a surrogate
    ("a201020103", "twice"),
    ("a2616101616102", "twice"),
    ("a14001", "a key"),
    ("a1f501", "a key"),
    ("a18001", "a key"),
    ("0000", "behind its end"),
    ("a000", "behind its end"),
)


@pytest.mark.parametrize(("data", "value"), EXAMPLES)
def test_examples_of_the_standard_are_read(data: str, value: object) -> None:
    found = cbor.decode(bytes.fromhex(data))
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(("data", "why"), REFUSED)
def test_what_is_not_canonical_is_refused(data: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        cbor.decode(bytes.fromhex(data))


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1\x00"])
def test_depth_has_its_limit(opening: bytes) -> None:
    cbor.decode(opening * cbor.MAX_DEPTH + b"\0")
    for depth in (cbor.MAX_DEPTH + 1, 20_000):
        with pytest.raises(Refused, match="too deep"):
            cbor.decode(opening * depth + b"\0")


def test_size_has_its_limit() -> None:
    assert cbor.decode(b"\x59\xff\xfd" + bytes(0xFFFD)) == bytes(0xFFFD)
    with pytest.raises(Refused, match="too long"):
        cbor.decode(b"\x5a\0\1\0\0" + bytes(0x10000))


def test_the_first_value_ends_where_it_ends() -> None:
    assert cbor.decode_first(b"\x82\x01\x02rest") == ([1, 2], 3)


KEYS = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=8)
LEAVES = st.none() | st.booleans() | KEYS | st.binary(max_size=300)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
).filter(lambda value: depth(value) <= cbor.MAX_DEPTH)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES)
def test_whatever_is_written_is_read(value: object) -> None:
    assert cbor.decode(encode(value)) == value


@given(VALUES, st.data())
def test_cut_anywhere_it_is_refused(value: object, data: st.DataObject) -> None:
    written = encode(value)
    with pytest.raises(Refused):
        cbor.decode(written[: data.draw(st.integers(0, len(written) - 1))])


HEADS = st.sampled_from(
    [bytes([kind << 5 | info]) for kind in range(8) for info in (0, 1, 2, 23, 24, 25, 26, 27, 31)]
)
HOSTILE = st.binary(max_size=200) | st.lists(HEADS | st.binary(max_size=4), max_size=60).map(b"".join)


@settings(max_examples=300)
@given(HOSTILE)
def test_hostile_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (cbor.decode, cose.read, lambda data: authenticator_data.read(data, "example.org", False)):
        try:
            read(data)
        except Refused:
            continue
        if read is cbor.decode:
            # A second reading: what is accepted is what its value is written as, but for the order of keys.
            assert len(encode(cbor.decode(data))) == len(data)
