"""dns/message.py: questions and answers. dnspython is the second opinion, and writes the answers that make sense."""

from __future__ import annotations

import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.dns import message
from postern.dns.message import CNAME, MX, TXT, Record, Unusable

NAME = "example.com"
KINDS = {"TXT": TXT, "MX": MX, "CNAME": CNAME}

NAMES = [
    ("example.com", "example.com"),
    ("EXAMPLE.com.", "example.com"),
    ("_dmarc.example.com", "_dmarc.example.com"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("com", "com"),
    ("x" * 63 + ".example", "x" * 63 + ".example"),
    (".".join(["x" * 49] * 5 + ["xyz"]), ".".join(["x" * 49] * 5 + ["xyz"])),  # 253 characters
]

NO_NAMES = [
    "",
    ".",
    "..",
    ".example",
    "a..example",
    "example..",
    "a b.example",
    "a\0.example",
    "example.com\n",
    "a\\.b.example",
    "bücher.example",
    "\u212a.example",  # the Kelvin sign, whose small letter is k
    "*.example",
    "x" * 64 + ".example",
    ".".join(["x" * 49] * 5 + ["xyzz"]),  # 254
    "x." * 200_000,
    "x" * 1000 + ".example",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_a_question_is_what_others_understand(name: str, expected: str, kind: str) -> None:
    parsed = dns.message.from_wire(message.query(name, KINDS[kind]))
    usual = dns.message.make_query(expected, kind, id=0)
    assert parsed == usual
    assert parsed.flags == dns.flags.RD


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        message.query(name, TXT)
    assert len(str(caught.value)) < 200


def answer(kind: str, *lines: str, name: str = NAME, code: int = 0) -> bytes:
    """Of lines like "example.com. TXT hello", all in the answer section; dnspython compresses names."""
    made = dns.message.make_response(dns.message.make_query(name, kind, id=0))
    for line in lines:
        owner, word, text = line.split(" ", 2)
        made.answer.append(dns.rrset.from_text(owner, 60, "IN", word, text))
    made.set_rcode(dns.rcode.Rcode(code))
    return made.to_wire(max_size=65535)


def texts(kind: str, *lines: str, name: str = NAME) -> list[str]:
    return [found.text for found in message.read(answer(kind, *lines, name=name), name, KINDS[kind])]


def test_each_kind_of_record_is_read() -> None:
    txt = answer("TXT", 'example.com. TXT "one " "two"')
    assert message.read(txt, NAME, TXT) == [Record(NAME, TXT, "one two")]
    mx = answer("MX", "example.com. MX 300 mail.example.com.")
    assert message.read(mx, NAME, MX) == [Record(NAME, MX, "mail.example.com", 300)]
    cname = answer("CNAME", "example.com. CNAME Other.Example.")
    assert message.read(cname, NAME, CNAME) == [Record(NAME, CNAME, "other.example")]


def test_the_name_may_be_asked_for_and_answered_in_any_case() -> None:
    found = message.read(answer("TXT", "EXAMPLE.com. TXT a", name="eXample.com"), "Example.COM.", TXT)
    assert [record.text for record in found] == ["a"]


def test_names_in_an_answer_are_written_so_that_none_looks_like_another() -> None:
    assert texts("MX", r"example.com. MX 1 a\.b.example.", r"example.com. MX 2 a\009b.example.") == [
        r"a\046b.example",
        r"a\009b.example",
    ]


ALIASES = {
    "one": (("a CNAME b", "b TXT x"), ["x"]),
    "two": (("a CNAME b", "b CNAME c", "c TXT x"), ["x"]),
    "any order": (("c TXT x", "b CNAME c", "a CNAME b"), ["x"]),
    "to nowhere": (("a CNAME b",), []),
    "beside it": (("a CNAME b", "b TXT x", "a TXT y", "z TXT z"), ["x"]),
    "of others": (("z CNAME b", "b TXT x"), []),
    "sixteen": ((*(f"{chr(97 + n)} CNAME {chr(98 + n)}" for n in range(16)), "q TXT x"), ["x"]),
}


@pytest.mark.parametrize("case", ALIASES)
def test_aliases_inside_the_answer_are_followed(case: str) -> None:
    short, expected = ALIASES[case]
    lines = [
        f"{owner}. {word} {text}{'.' * (word == 'CNAME')}" for owner, word, text in map(str.split, short)
    ]
    assert texts("TXT", *lines, name="a") == expected


def test_aliases_that_lead_in_a_circle_are_no_answer() -> None:
    with pytest.raises(Unusable, match="aliases without end"):
        texts("TXT", "a. CNAME b.", "b. CNAME a.", name="a")
    with pytest.raises(Unusable, match="aliases without end"):
        texts("TXT", *(f"{chr(97 + n)}. CNAME {chr(98 + n)}." for n in range(17)), "r. TXT x", name="a")


def test_other_kinds_and_classes_are_left_out() -> None:
    lines = ("example.com. A 192.0.2.1", "example.com. TXT x", "example.com. MX 1 m.example.")
    assert texts("TXT", *lines) == ["x"]
    made = dns.message.from_wire(answer("TXT", "example.com. TXT x"))
    made.answer.append(dns.rrset.from_text("example.com.", 60, "CH", "TXT", "chaos"))
    assert [found.text for found in message.read(made.to_wire(), NAME, TXT)] == ["x"]


def test_a_name_that_does_not_exist_has_no_records() -> None:
    assert message.read(answer("TXT", code=3), NAME, TXT) == []
    assert message.read(answer("TXT", "example.com. CNAME gone.example.", code=3), NAME, TXT) == []
    assert message.read(answer("TXT"), NAME, TXT) == []


@pytest.mark.parametrize("code", [1, 2, 4, 5, 9, 15])
def test_an_error_of_the_resolver_is_no_answer(code: int) -> None:
    with pytest.raises(Unusable, match="it says "):
        message.read(answer("TXT", code=code), NAME, TXT)


@pytest.mark.parametrize(("name", "kind"), [("example.org", TXT), ("www.example.com", TXT), (NAME, MX)])
def test_the_answer_to_another_question_is_no_answer(name: str, kind: int) -> None:
    with pytest.raises(Unusable, match="another question"):
        message.read(answer("TXT", "example.com. TXT x", code=0), name, kind)
    with pytest.raises(Unusable, match="another question"):
        message.read(answer("TXT", code=3), name, kind)


def test_an_answer_cut_anywhere_is_no_answer() -> None:
    whole = answer(
        "MX", "www.example.com. CNAME example.com.", "example.com. MX 1 m.example.com.", name="www." + NAME
    )
    assert message.read(whole, "www." + NAME, MX)
    for end in range(len(whole)):
        with pytest.raises(Unusable):
            message.read(whole[:end], "www." + NAME, MX)


HEAD = struct.pack(">6H", 0, 0x8180, 1, 1, 0, 0)
QUESTION = message.query(NAME, MX)[12:]
QUESTION_TXT = message.query(NAME, TXT)[12:]
HERE = len(HEAD) + len(QUESTION)


def pointer(to: int) -> bytes:
    return struct.pack(">H", 0xC000 | to)


def record(data: bytes, kind: int = MX, owner: bytes = pointer(12)) -> bytes:
    return owner + struct.pack(">2HIH", kind, 1, 60, len(data)) + data


MX_AT = HERE + 12 + 2
"""Where the host of a first MX record begins."""

BROKEN = {
    "a pointer to itself": (record(b"\0\1" + pointer(MX_AT)), "without end"),
    "a pointer forward": (record(b"\0\1" + pointer(MX_AT + 2) + b"\0"), "without end"),
    "pointers in a circle": (record(b"\0\1" + b"\1a" + pointer(MX_AT)), "without end"),
    "an owner that points to itself": (record(b"\0\1\0", owner=pointer(HERE)), "without end"),
    "a reserved kind of label": (record(b"\0\1" + b"\x40\0"), "without end"),
    "another reserved kind of label": (record(b"\0\1" + b"\x80\0"), "without end"),
    "an over-long name": (record(b"\0\1" + (b"\x3f" + b"a" * 63) * 4 + b"\0"), "over-long"),
    "data after the name": (record(b"\0\1\1a\0\0"), "broken"),
    "a name beyond the data": (record(b"\0\1\1") + b"a\0", "broken"),
    "no host": (record(b"\0\1"), "cut off"),
    "data beyond the end": (record(b"\0\1\0")[:-1], "cut off"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_record_is_no_answer(case: str) -> None:
    made, why = BROKEN[case]
    with pytest.raises(Unusable, match=why):
        message.read(HEAD + QUESTION + made, NAME, MX)


@pytest.mark.parametrize("data", [b"", b"\2a", b"\1ab", b"\xff"])
def test_broken_strings_are_no_answer(data: bytes) -> None:
    with pytest.raises(Unusable, match="broken"):
        message.read(HEAD + QUESTION_TXT + record(data, TXT), NAME, TXT)


def test_the_longest_name_is_read_and_a_pointer_may_lead_into_the_middle_of_another() -> None:
    host = b"\0\1" + (b"\x3f" + b"a" * 63) * 3
    (found,) = message.read(HEAD + QUESTION + record(host + b"\x31" + b"b" * 49 + pointer(12)), NAME, MX)
    assert found.text.endswith("b.example.com")
    assert len(found.text) == 253
    with pytest.raises(Unusable, match="over-long"):
        message.read(HEAD + QUESTION + record(host + b"\x32" + b"b" * 50 + pointer(12)), NAME, MX)
    (found,) = message.read(HEAD + QUESTION + record(b"\0\1" + pointer(20)), NAME, MX)
    assert found.text == "com"


def test_strings_may_be_empty() -> None:
    (found,) = message.read(HEAD + QUESTION_TXT + record(b"\0\1a\0", TXT), NAME, TXT)
    assert found.text == "a"


def test_an_answer_made_to_keep_its_reader_busy_is_refused() -> None:
    chain = b"".join(pointer(12 if n == 0 else HERE + 14 + 2 * (n - 1)) for n in range(8000))
    opaque = record(b"\0\1" + chain, kind=99)  # passed over, and then pointed into
    head = struct.pack(">6H", 0, 0x8180, 1, 900, 0, 0)
    far = record(b"\0\1" + pointer(HERE + 14 + 2 * 7999))
    with pytest.raises(Unusable, match="without end"):
        message.read(head + QUESTION + opaque + far * 899, NAME, MX)
    with pytest.raises(Unusable, match="more than 1000 records"):
        message.read(
            struct.pack(">6H", 0, 0x8180, 1, 1001, 0, 0) + QUESTION + record(b"\0\1\0") * 1001, NAME, MX
        )


def test_nothing_longer_than_a_message_is_read() -> None:
    whole = answer("TXT", "example.com. TXT x")
    assert message.read(whole.ljust(message.MAX_BYTES, b"\0"), NAME, TXT)
    with pytest.raises(Unusable, match="64 KiB"):
        message.read(whole.ljust(message.MAX_BYTES + 1, b"\0"), NAME, TXT)


GOOD = answer("MX", "example.com. CNAME b.example.", "b.example. MX 1 m.example.", "b.example. TXT x")


def read_or_refuse(data: bytes) -> None:
    try:
        found = message.read(data, NAME, MX)
    except Unusable:
        return
    assert all(item.kind == MX and len(item.text) <= 4 * 255 for item in found)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    read_or_refuse(data)
    read_or_refuse(HEAD + QUESTION + data)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
def test_an_altered_answer_is_an_answer_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    read_or_refuse(bytes(data))
