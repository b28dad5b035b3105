"""base/keyring: the format of sealed values held against pinned vectors and against another implementation written from
docs/sealing.md; every way to alter or move one; weak and misshapen keys; and that key bytes show nowhere.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import itertools
import json
import pickle
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from postern.base import keyring
from postern.base.errors import ConfigError, SealBroken, WeakKey
from postern.base.keyring import Key, KeyRing, new_key, parse_index_key, parse_keys
from support.postgres import Database

TOP = Path(__file__).resolve().parents[2]
VECTORS = json.loads((TOP / "tests/vectors/sealing.json").read_text())
KEYS = {key_id: bytes.fromhex(secret) for key_id, secret in VECTORS["keys"].items()}
INDEX_KEY = bytes.fromhex(VECTORS["index_key"])
PLACE = "contacts.address:0b9e"


def random_looking(seed: str) -> bytes:
    return hashlib.sha256(seed.encode()).digest()


def ring(*key_ids: str) -> KeyRing:
    return KeyRing([Key(key_id, KEYS.get(key_id) or random_looking(key_id)) for key_id in key_ids], INDEX_KEY)


# --- another implementation, from docs/sealing.md alone


def doc_subkey(key: bytes, info: bytes) -> bytes:
    """RFC 5869 with an empty salt, for 32 bytes: one block."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def doc_seal(key_id: str, plain: bytes, place: str, nonce: bytes) -> bytes:
    head = b"\x01" + key_id.encode() + bytes(8 - len(key_id))
    sealer = AESGCM(doc_subkey(KEYS[key_id], b"postern/1 seal value"))
    return head + nonce + sealer.encrypt(nonce, plain, head + place.encode("utf-8"))


def doc_open(sealed: bytes, place: str) -> bytes:
    key_id = sealed[1:9].rstrip(b"\0").decode()
    sealer = AESGCM(doc_subkey(KEYS[key_id], b"postern/1 seal value"))
    return sealer.decrypt(sealed[9:21], sealed[21:], sealed[:9] + place.encode("utf-8"))


# --- the format


@pytest.mark.parametrize("vector", VECTORS["values"], ids=lambda v: v["place"])
def test_a_value_is_sealed_to_the_pinned_bytes(vector: dict[str, str]) -> None:
    plain, sealed = bytes.fromhex(vector["plain"]), bytes.fromhex(vector["sealed"])
    nonce = bytes.fromhex(vector["nonce"])
    assert ring(vector["key_id"])._seal(plain, vector["place"], nonce) == sealed
    assert ring(*KEYS).open(sealed, vector["place"]) == plain
    assert doc_seal(vector["key_id"], plain, vector["place"], nonce) == sealed


@pytest.mark.parametrize("vector", VECTORS["hashes"], ids=lambda v: f"{v['kind']} {v['purpose']}")
def test_hashes_and_tags_are_the_pinned_bytes(vector: dict[str, Any]) -> None:
    value = bytes.fromhex(vector["value"])
    if vector["kind"] == "index":
        made = ring("k1").index(vector["purpose"], value)
    else:
        made = ring("k1").tag(vector["purpose"], value, vector["size"])
    assert made.hex() == vector["result"]
    info = f"postern/1 {vector['kind']} {vector['purpose']}".encode()
    doc = hmac.new(doc_subkey(INDEX_KEY, info), value, hashlib.sha256).digest()
    assert made == doc[: vector.get("size", 32)]


@given(
    plain=st.binary(max_size=300),
    place=st.text(st.characters(exclude_categories=["Cs"])),
    key=st.sampled_from(sorted(KEYS)),
)
def test_what_one_seals_the_implementation_of_the_docs_opens_and_back(
    plain: bytes, place: str, key: str
) -> None:
    sealed = ring(key).seal(plain, place)
    assert doc_open(sealed, place) == plain
    assert len(sealed) == len(plain) + 37
    assert ring(*KEYS).open(doc_seal(key, plain, place, sealed[9:21]), place) == plain


def test_no_two_values_share_a_nonce() -> None:
    sealer = ring("k1")
    assert len({sealer.seal(b"same", PLACE)[9:21] for _ in range(5000)}) == 5000


# --- rotation


def test_the_newest_key_seals_and_all_keys_open() -> None:
    old, new = ring("k1"), ring("longest8", "k1")
    before, after = old.seal(b"x", PLACE), new.seal(b"x", PLACE)
    assert new.key_id_of(before) == "k1"
    assert new.key_id_of(after) == "longest8"
    assert new.open(before, PLACE) == new.open(after, PLACE) == b"x"


def test_a_key_that_left_the_ring_is_named_so_that_the_operator_can_put_it_back() -> None:
    with pytest.raises(SealBroken, match=rf"{PLACE} needs key k1, which is not in the ring"):
        ring("longest8").open(ring("k1").seal(b"x", PLACE), PLACE)


def test_the_index_key_does_not_rotate_with_the_ring() -> None:
    assert ring("k1").index("contact", b"a") == ring("longest8", "k1").index("contact", b"a")


def test_the_database_counts_values_by_key_with_the_statement_of_the_docs(database: Database) -> None:
    statement = re.search(r"```sql\n(.*?);\n```", (TOP / "docs/sealing.md").read_text(), re.DOTALL)
    assert statement
    db = database.connect()
    db.run("CREATE TABLE contacts (address_sealed bytea)")
    for key_id, count in (("k1", 3), ("longest8", 2)):
        for _ in range(count):
            db.run("INSERT INTO contacts VALUES (:v)", v=ring(key_id).seal(b"x", PLACE))
    assert sorted(db.run(statement[1])) == [["k1", 3], ["longest8", 2]]
    db.close()


def test_every_place_in_the_code_stands_in_the_docs() -> None:
    code = "".join(path.read_text() for path in (TOP / "lib/postern").rglob("*.py"))
    places = set(re.findall(r'f"([a-z_]+\.[a-z_]+):\{', code))
    assert {"contacts.address", "messages.body"} <= places
    docs = (TOP / "docs/sealing.md").read_text()
    assert not [place for place in places if f"`{place}:<" not in docs]


# --- altered, cut, moved


def broken(sealed: bytes, place: str = PLACE, opener: KeyRing | None = None) -> bool:
    try:
        (opener or ring("k1")).open(sealed, place)
    except SealBroken:
        return True
    return False


def test_no_single_bit_can_be_changed() -> None:
    sealed = ring("k1").seal(b"jane@example.org", PLACE)
    for at, bit in itertools.product(range(len(sealed)), range(8)):
        altered = bytearray(sealed)
        altered[at] ^= 1 << bit
        assert broken(bytes(altered), opener=ring("k1", "longest8")), f"byte {at}, bit {bit}"


def test_no_byte_can_be_cut_off_or_added() -> None:
    sealed = ring("k1").seal(b"jane@example.org", PLACE)
    for size in range(len(sealed)):
        assert broken(sealed[:size]), f"cut to {size} bytes"
        assert broken(sealed[size + 1 :]), f"{size + 1} bytes gone in front"
    assert broken(sealed + b"\0")


@pytest.mark.parametrize(
    "place",
    [
        "",
        "contacts.address:0b9f",
        "contacts.address:0b9",
        "contacts.address:0b9e0",
        "contacts.name:0b9e",
        "mailboxes.address:0b9e",
    ],
)
def test_a_value_does_not_open_in_another_place(place: str) -> None:
    assert broken(ring("k1").seal(b"x", PLACE), place)


def test_a_value_does_not_open_with_another_key_of_the_same_id() -> None:
    impostor = KeyRing([Key("k1", random_looking("other"))], INDEX_KEY)
    assert broken(impostor.seal(b"x", PLACE))


def test_the_name_of_the_key_is_covered_by_the_tag() -> None:
    """Otherwise a count by key could be forged. The same bytes under two ids are made by hand: a ring refuses them."""
    sealed = ring("k1").seal(b"x", PLACE)
    renamed = b"\x01" + b"longest8" + sealed[9:]
    assert broken(renamed, opener=KeyRing([Key("longest8", KEYS["k1"])], INDEX_KEY))


def test_a_broken_value_tells_its_place_and_not_which_check_failed() -> None:
    sealed = ring("k1").seal(b"x", PLACE)
    said = set()
    for attempt in (
        sealed[:-1],
        b"",
        b"\x02" + sealed[1:],
        sealed[:9] + bytes(12) + sealed[21:],
        b"\x01" + b"\xff" * 60,
    ):
        with pytest.raises(SealBroken) as caught:
            ring("k1").open(attempt, PLACE)
        said.add(str(caught.value))
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert len(said) == 1
    assert PLACE in said.pop()


NAMELESS = [
    b"",
    b"\x01",
    b"\x01k1",
    b"\x03k1\0\0\0\0\0\0",
    b"\x01\0\0\0\0\0\0\0\0",
    b"\x01K1\0\0\0\0\0\0",
    b"\x01k\0" + b"1\0\0\0\0\0",
    b"\x01\xff\xff\xff\xff\xff\xff\xff\xff",
]


@pytest.mark.parametrize("data", NAMELESS)
def test_what_names_no_key_has_no_key_id(data: bytes) -> None:
    with pytest.raises(SealBroken):
        ring("k1").key_id_of(data)


def test_a_streams_header_names_its_key_too() -> None:
    assert ring("k1").key_id_of(b"\x02k1\0\0\0\0\0\0" + bytes(16)) == "k1"


# --- hashes


def test_hashes_differ_by_purpose_value_key_and_kind() -> None:
    one, other = ring("k1"), KeyRing([Key("k1", KEYS["k1"])], random_looking("another index key"))
    made = [
        one.index("mailbox", b"a"),
        one.index("contact", b"a"),
        one.index("mailbox", b"b"),
        other.index("mailbox", b"a"),
        one.tag("mailbox", b"a", 32),
    ]
    assert len(set(made)) == len(made)
    assert one.index("mailbox", b"a") == made[0]


@pytest.mark.parametrize("size", [-1, 0, 3, 33])
def test_a_tag_is_neither_guessable_nor_longer_than_its_hash(size: int) -> None:
    with pytest.raises(ValueError, match="4 to 32"):
        ring("k1").tag("loop", b"1", size)


# --- keys

GOOD = random_looking("good")
WEAK = {
    "empty": b"",
    "short": GOOD[:31],
    "long": GOOD + b"\x00",
    "AES-128": GOOD[:16],
    "zeros": bytes(32),
    "one byte": b"\xa5" * 32,
    "two bytes": b"\x00\xff" * 16,
    "a pattern of 5": (b"\x01\x80\xf3\x0c\x99" * 7)[:32],
    "a pattern of 16": GOOD[:16] * 2,
    "15 different bytes": bytes(range(200, 215)) + b"\xc8" * 16 + b"\xca",
    "hex digits": b"3f9a0c1d2b4e5867f0e1d2c3b4a59687",
    "a pass phrase": b"Correct-Horse_Battery Staple,42!",
}


@pytest.mark.parametrize("secret", WEAK.values(), ids=WEAK)
def test_a_weak_key_is_refused_wherever_it_comes_from(secret: bytes) -> None:
    encoded = base64.b64encode(secret).decode()
    attempts: list[Callable[[], object]] = [
        lambda: Key("k1", secret),
        lambda: parse_keys(f"good:{base64.b64encode(GOOD).decode()} k1:{encoded}"),
        lambda: parse_index_key(encoded),
        lambda: KeyRing([Key("k1", GOOD)], secret),
    ]
    for attempt in attempts:
        with pytest.raises(WeakKey) as caught:
            attempt()
        assert "postern keys new" in caught.value.remedy
        assert not shows(str(caught.value), secret)


@pytest.mark.parametrize(
    "secret", [GOOD, bytes(range(32)), bytes(range(16)) + b"\0" * 16], ids=["hash", "count", "16 bytes"]
)
def test_what_is_not_weak_is_taken(secret: bytes) -> None:
    assert Key("k1", secret).secret == secret


def b64(seed: str) -> str:
    return base64.b64encode(random_looking(seed)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "k2:{b} k1:{a}",
        "k2:{b},k1:{a}",
        " k2:{b} ,\n\tk1:{a}, ",
    ],
)
def test_keys_are_parsed_in_order(text: str) -> None:
    keys = parse_keys(text.format(a=b64("a"), b=b64("b")))
    assert [(key.id, key.secret) for key in keys] == [
        ("k2", random_looking("b")),
        ("k1", random_looking("a")),
    ]


MISSHAPEN = {
    "nothing": "",
    "blanks": " , ",
    "no id": "{a}",
    "empty id": ":{a}",
    "upper case": "K1:{a}",
    "long id": "ninechars:{a}",
    "no base64": "k1:!!!",
    "not ASCII": "k1:ä{a}",
    "two colons": "k1:k2:{a}",
    "no padding": "k1:{cut}",
    "same id": "k1:{a} k1:{b}",
    "second is bad": "k1:{a} {b}",
}


@pytest.mark.parametrize("text", MISSHAPEN.values(), ids=MISSHAPEN)
def test_misshapen_keys_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_keys(text.format(a=b64("a"), b=b64("b"), cut=b64("a").rstrip("=")))
    assert not isinstance(caught.value, WeakKey)
    assert not shows(str(caught.value), random_looking("a"))
    assert not shows(str(caught.value), random_looking("b"))


def test_one_key_under_two_names_is_refused() -> None:
    with pytest.raises(WeakKey, match="same key"):
        parse_keys(f"k1:{b64('a')} k2:{b64('a')}")
    with pytest.raises(WeakKey, match="INDEX_KEY"):
        KeyRing(parse_keys(f"k1:{b64('a')}"), random_looking("a"))


def test_a_ring_without_keys_is_refused() -> None:
    with pytest.raises(ConfigError):
        KeyRing([], INDEX_KEY)


def test_the_index_key_is_parsed() -> None:
    assert parse_index_key(f" {b64('a')}\n") == random_looking("a")
    with pytest.raises(ConfigError):
        parse_index_key("k1:" + b64("a"))


def test_fresh_keys_are_good_and_all_different() -> None:
    made = [new_key() for _ in range(200)]
    keys = parse_keys(" ".join(made))
    assert len({key.secret for key in keys}) == len({key.id for key in keys}) == 200
    assert parse_keys(new_key("mine"))[0].id == "mine"
    with pytest.raises(ConfigError):
        new_key("not an id")


# --- key bytes show nowhere


def shows(text: str, secret: bytes) -> bool:
    """Whether the text holds the secret in one of the forms in which Python would print it."""
    forms = [
        base64.b64encode(secret).decode(),
        secret.hex(),
        repr(secret)[2:-1],
        secret.decode("latin-1"),
        str(list(secret))[1:-1],
    ]
    return any(form and form in text for form in forms)


SUBKEYS = [
    doc_subkey(KEYS["k1"], b"postern/1 seal value"),
    doc_subkey(INDEX_KEY, b"postern/1 index contact"),
    doc_subkey(INDEX_KEY, b"postern/1 tag loop"),
]


def used_ring() -> KeyRing:
    used = ring("k1")
    used.open(used.seal(b"x", PLACE), PLACE)
    used.index("contact", b"a")
    used.tag("loop", b"1", 8)
    return used


def assert_hidden(text: str) -> None:
    for secret in (*KEYS.values(), INDEX_KEY, *SUBKEYS):
        assert not shows(text, secret)


def test_printing_shows_ids_and_no_bytes() -> None:
    used = used_ring()
    for thing in (used, Key("k1", KEYS["k1"])):
        for text in (repr(thing), str(thing), f"{thing}", f"{[thing]}", "%s" % thing, ascii({"x": (thing,)})):  # noqa: UP031
            assert "k1" in text
            assert_hidden(text)


@pytest.mark.parametrize("thing", [used_ring(), Key("k1", KEYS["k1"])], ids=["ring", "key"])
def test_keys_cannot_be_pickled_copied_or_listed(thing: object) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(thing, protocol)
    for attempt in (copy.copy, copy.deepcopy, vars, json.dumps):
        with pytest.raises(TypeError):
            attempt(thing)


def test_the_attributes_of_a_ring_hold_no_bytes_of_keys_or_subkeys() -> None:
    used = used_ring()
    for name in KeyRing.__slots__:
        assert_hidden(repr(getattr(used, name)))


def test_a_traceback_with_variables_shows_no_key_bytes() -> None:
    """As error pages and crash reporters make it. The frame of this test holds keys itself, hence only those of the module."""
    used = used_ring()
    attempts: list[Callable[[], object]] = [
        lambda: used.open(used.seal(b"x", PLACE), "elsewhere"),
        lambda: used.open(b"\x01nokey\0\0\0" + bytes(40), PLACE),
        lambda: used.stream_cipher(b"\x02nokey\0\0\0", bytes(16), PLACE),
        lambda: used.seal(b"x", "\ud800"),
        lambda: used.tag("loop", b"", 99),
        lambda: used.index("loop", None),  # type: ignore[arg-type]
        lambda: KeyRing([Key("k1", KEYS["k1"]), Key("k1", KEYS["longest8"])], INDEX_KEY),
        lambda: KeyRing([Key("k1", INDEX_KEY)], INDEX_KEY),
        lambda: KeyRing([], INDEX_KEY),
        lambda: pickle.dumps(used),
    ]
    for attempt in attempts:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
            attempt()
        report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [frame for frame in report.stack if frame.filename == keyring.__file__]
        assert frames
        for frame in frames:
            for shown in (frame.locals or {}).values():
                assert_hidden(shown)
        assert_hidden(str(caught.value))
