"""mail/address_list.py: lists of addresses read from header fields, single ones written.

Tables for RFC 5322's forms, obsolete and broken ones; properties for hostile bytes; read-back by Python's email package.
"""

from __future__ import annotations

import email.policy
import email.utils
import unicodedata
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.mail import address_list, words
from postern.mail.address_list import Mailbox, format_mailbox, is_usable, parse_list

LISTS: list[tuple[bytes, list[tuple[str, str]]]] = [
    # plain forms
    (b"jane@example.com", [("", "jane@example.com")]),
    (b"<jane@example.com>", [("", "jane@example.com")]),
    (b"Jane Doe <jane@example.com>", [("Jane Doe", "jane@example.com")]),
    (b"Jane  \t Doe<jane@example.com>", [("Jane Doe", "jane@example.com")]),
    (
        b'"Doe, Jane" <jane@example.com>, bob@example.org',
        [("Doe, Jane", "jane@example.com"), ("", "bob@example.org")],
    ),
    (b'"a \\"b\\" \\\\c" <jane@example.com>', [('a "b" \\c', "jane@example.com")]),
    (
        b"jane@[192.0.2.1], <joe@[IPv6:2001:db8::1]>",
        [("", "jane@[192.0.2.1]"), ("", "joe@[IPv6:2001:db8::1]")],
    ),
    (b'"jane doe"@example.com', [("", '"jane doe"@example.com')]),
    (b'"jane"@example.com', [("", "jane@example.com")]),
    (b'<"ja\\"ne"@example.com>', [("", '"ja\\"ne"@example.com')]),
    # comments
    (b"jane@example.com (Jane Doe)", [("Jane Doe", "jane@example.com")]),
    (b"(first) jane@example.com", [("first", "jane@example.com")]),
    (b"jane@example.com (the \\(one\\))", [("the (one)", "jane@example.com")]),
    (b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [("Pete", "pete@silly.test")]),
    (b"a(b(c)d)e <jane@example.com>", [("a e", "jane@example.com")]),
    # groups
    (
        b"A Group:Chris Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
        [("Chris Jones", "c@a.test"), ("", "joe@where.test"), ("John", "jdoe@one.test")],
    ),
    (b"Undisclosed recipients:;", []),
    (b"none: ;, jane@example.com", [("", "jane@example.com")]),
    # encoded words
    (b"=?utf-8?q?Zo=C3=AB?= =?utf-8?b?IERvZQ==?= <z@example.com>", [("Zoë Doe", "z@example.com")]),
    (b"=?utf-8?Q?Doe,_Jane_(x)?= <jane@example.com>", [("Doe, Jane (x)", "jane@example.com")]),
    (b'"=?utf-8?q?Zo=C3=AB?=" <z@example.com>', [("Zoë", "z@example.com")]),
    (b"jane@example.com (=?utf-8?q?Zo=C3=AB?=)", [("Zoë", "jane@example.com")]),
    (b"=?utf-8?q?a=40b=2Etest?= <z@example.com>", [("a@b.test", "z@example.com")]),
    (b"=?utf-8?q?jane=40example=2Ecom?=", []),  # RFC 2047 5: never inside an address
    (b"=?utf-8?q?x=3Ca=40b=2Etest=3E?= <z@example.com>", [("x<a@b.test>", "z@example.com")]),
    # raw 8-bit
    ("Zoë <zoë@example.com>".encode(), [("Zoë", "zoë@example.com")]),
    (b"Zo\xeb <z@example.com>", [("Zoë", "z@example.com")]),
    ("Zoë <z@bücher.example>".encode(), [("Zoë", "z@bücher.example")]),
    # obsolete syntax
    (b"jane . doe @ example . com", [("", "jane.doe@example.com")]),
    (b"Jane <@a.test,@b.test:jane@example.com>", [("Jane", "jane@example.com")]),
    (b"Joe Q. Public <joe.q.public@example.com>", [("Joe Q. Public", "joe.q.public@example.com")]),
    (b", , jane@example.com,,", [("", "jane@example.com")]),
    # broken, and understood
    (b"Jane <jane@example.com", [("Jane", "jane@example.com")]),
    (b'"Jane <jane@example.com>', [("Jane", "jane@example.com")]),
    (b"Jane (Doe <jane@example.com>", [("Jane Doe", "jane@example.com")]),
    (b"jane@example.com>, joe@example.com", [("", "jane@example.com"), ("", "joe@example.com")]),
    (b"<jane@example.com, joe@example.com>", [("", "jane@example.com"), ("", "joe@example.com")]),
    (b"<jane@example.com> <joe@example.com>", [("", "jane@example.com"), ("", "joe@example.com")]),
    (b"<<jane@example.com>>", [("", "jane@example.com")]),
    (b"Jane Doe jane@example.com", [("Jane Doe", "jane@example.com")]),
    (b"jane@example.com Jane Doe", [("Jane Doe", "jane@example.com")]),
    (b"jane@example.com <jane@example.com>", [("jane@example.com", "jane@example.com")]),
    (b"<mailto:jane@example.com>", [("", "jane@example.com")]),
    (b"[Ticket 5] Jane <jane@example.com>", [("[Ticket 5] Jane", "jane@example.com")]),
    (b"jane@example.com; joe@example.com", [("", "jane@example.com"), ("", "joe@example.com")]),
    (b".jane..doe.@example.com", [("", ".jane..doe.@example.com")]),
    # nothing to understand
    (b"", []),
    (b"Jane Doe", []),
    (b"<>", []),
    (b"jane@", []),
    (b"@example.com", []),
    (b"jane@home@example.com", []),
    (b"<jane doe@example.com>", []),
    (b"<jane@example.com doe>", []),
    (b'"a\nb"@example.com', []),
    (b'"a\0b"@example.com', []),
    (b"jane@exam\0ple.com", []),
    (b"jane@exam\\ple.com", []),
    (b"x" * 243 + b"@example.com", []),  # 255
    (b"x" * 242 + b"@example.com", [("", "x" * 242 + "@example.com")]),
    (b"Jane\r\n Doe\r\nBcc: x@example.org <jane@example.com>", [("x@example.org", "jane@example.com")]),
    (b"Ja\0ne\x1b \xe2\x80\xa8Doe <jane@example.com>", [("Ja ne Doe", "jane@example.com")]),
    (b"=?utf-8?b?eA0KQmNjOiBhQGIuYw==?= <jane@example.com>", [("x Bcc: a@b.c", "jane@example.com")]),
    (b"=?utf-8?q?a=E2=80=A8b=E2=80=AEc=00d?= <jane@example.com>", [("a bc d", "jane@example.com")]),
]


@pytest.mark.parametrize(("value", "expected"), LISTS)
def test_a_list_is_read(value: bytes, expected: list[tuple[str, str]]) -> None:
    assert parse_list(value) == [Mailbox(*pair) for pair in expected]


def check_harmless(found: list[Mailbox]) -> None:
    assert len(found) <= address_list.MAX_MAILBOXES
    for mailbox in found:
        assert is_usable(mailbox.address)
        assert len(mailbox.name) <= words.MAX_NAME
        for text in (mailbox.name, mailbox.address):
            assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") for c in text)


PIECES = [
    b"a",
    b"Jane",
    b"@",
    b"example.com",
    b".",
    b",",
    b";",
    b":",
    b"<",
    b">",
    b'"',
    b"(",
    b")",
    b"\\",
    b" ",
    b"\t",
]
ODD_PIECES = [
    b"\r\n ",
    b"\r",
    b"\n",
    b"\0",
    b"\xff",
    "é".encode(),
    b"[",
    b"]",
    b"=?utf-8?q?=0D=0A?=",
    b"=?",
    b"?=",
]


@given(st.binary() | st.lists(st.sampled_from(PIECES + ODD_PIECES)).map(b"".join))
def test_whatever_bytes_come_the_list_is_harmless(value: bytes) -> None:
    check_harmless(parse_list(value))


@given(
    st.lists(
        st.tuples(
            st.text("ab Zé,.\"'\\<>@()", max_size=20),
            st.from_regex("[a-z]{1,9}@[a-z]{1,9}\\.example", fullmatch=True),
        )
    )
)
def test_a_list_that_python_writes_is_read_back(pairs: list[tuple[str, str]]) -> None:
    value = ", ".join(email.utils.formataddr((words.clean(name), address)) for name, address in pairs)
    assert parse_list(value.encode()) == [Mailbox(words.clean(name), address) for name, address in pairs]


HARD = [
    b'"',
    b'\\"',
    b"(",
    b"()",
    b"(\\",
    b"=?utf-8?q?",
    b"=?a?q?x?= ",
    b"@",
    b"<",
    b":",
    b"a ",
    b". ",
    b'"" ',
    b"<@a,",
    b"a:;",
    b"\\",
    b"[",
]


@pytest.mark.parametrize("piece", HARD)
def test_the_longest_hostile_lists_are_read_in_linear_time(piece: bytes) -> None:
    # In square time each of these would take minutes.
    check_harmless(parse_list(piece * (address_list.MAX_LIST_BYTES // len(piece))))


def test_a_quoted_string_of_the_longest_size_is_read() -> None:
    name = b'"' + b"\\a" * (address_list.MAX_LIST_BYTES // 2 - 20) + b'" <jane@example.com>'
    assert parse_list(name) == [Mailbox("a" * 397 + "...", "jane@example.com")]


def test_no_more_mailboxes_than_the_cap_are_read() -> None:
    found = parse_list(b",".join(b"u%d@example.com" % n for n in range(address_list.MAX_MAILBOXES + 1)))
    assert [m.address for m in found] == [f"u{n}@example.com" for n in range(address_list.MAX_MAILBOXES)]


def test_a_list_that_is_too_long_is_cut_between_two_addresses() -> None:
    filler = b"(" + b"x" * (address_list.MAX_LIST_BYTES - 40) + b")"
    value = b"jane@example.com," + filler + b",joe@example.com.evil.example"
    assert len(value) > address_list.MAX_LIST_BYTES > value.index(b".evil")
    assert parse_list(value) == [Mailbox("", "jane@example.com")]


FORMATTED = [
    ("", "a@b.example", b"a@b.example"),
    ("Jane Doe", "a@b.example", b'"Jane Doe" <a@b.example>'),
    ("Doe, Jane", "a@b.example", b'"Doe, Jane" <a@b.example>'),
    ('a"b\\c', "a@b.example", b'"a\\"b\\\\c" <a@b.example>'),
    ("Zoë", "a@b.example", b"=?utf-8?b?Wm/Dqw==?= <a@b.example>"),
    ("=?utf-8?q?x?=", "a@b.example", b"=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@b.example>"),
    ("x\r\nBcc: y", "a@b.example", b'"x Bcc: y" <a@b.example>'),
    ("x\0\u2028\u2029\u202ey", "a@b.example", b'"x y" <a@b.example>'),
    ("\r\n", "a@b.example", b"a@b.example"),
    ("Jane", "a@bücher.example", b'"Jane" <a@xn--bcher-kva.example>'),
    ("Jane", "zoë@b.example", '"Jane" <zoë@b.example>'.encode()),
    ("Jane", '"a b"@b.example', b'"Jane" <"a b"@b.example>'),
    (
        "Jane Doe of the Department - jane.doe(at)example.com",
        "re-abcdefghijklmnop@alias.example",
        b'"Jane Doe of the Department - jane.doe(at)example.com"\r\n <re-abcdefghijklmnop@alias.example>',
    ),
]


@pytest.mark.parametrize(("name", "address", "expected"), FORMATTED)
def test_a_mailbox_is_written(name: str, address: str, expected: bytes) -> None:
    assert format_mailbox(name, address) == expected


BAD = [
    "",
    "a",
    "a@",
    "@b",
    "a@b@c",
    "a b@c",
    "a@b c",
    "a@b\r\nBcc: x",
    "a\n@b",
    "a@b\0",
    "a@b\r",
    "\ud800@b.example",
]
BAD += [
    "a@b\u2028c",
    "a\u202e@b.example",
    "a@b\u2066.example",
    "a@b\ufeff",
    "a\u2029@b",
    "a@b>",
    "<a@b",
    "a@b,c@d",
    "a@b;",
    "(a)@b",
    '"a\r\n"@b',
    '"a\n"@b',
    "a" * 250 + "@b.example",
]


@pytest.mark.parametrize("address", BAD)
def test_an_address_that_could_break_out_is_refused(address: str) -> None:
    assert not is_usable(address)
    with pytest.raises(BadInput):
        format_mailbox("Jane", address)


ADDRESS = st.from_regex(r"[a-z0-9+_-]{1,30}(\.[a-z]{1,9})?@([a-z0-9]{1,20}\.){1,3}[a-z]{2,9}", fullmatch=True)
NAMES = (
    st.text()
    | st.text(st.characters(max_codepoint=0x7F), max_size=300)
    | st.text('aé "\\=?<>@,\r\n\u2028', max_size=80)
)


@given(NAMES, ADDRESS)
@example("word " * 80, "a@b.example")
@example("x" * 400, "a@b.example")
@example("日本" * 200, "a@b.example")
def test_what_is_written_reads_back_and_cannot_break_the_header(name: str, address: str) -> None:
    value = format_mailbox(name, address)
    lines = value.split(b"\r\n")
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    assert all(0x20 <= byte < 0x7F for line in lines for byte in line)
    assert len(b"Reply-To: " + lines[0]) <= 78 or b" " not in lines[0]
    assert all(len(line) <= 78 or b" " not in line.strip() for line in lines)
    assert all(len(line) < 300 for line in lines)
    parsed = message_from_bytes(
        b"From: " + value + b"\r\nSubject: x\r\n\r\nbody", policy=email.policy.default
    )
    assert parsed.keys() == ["From", "Subject"]
    (found,) = parsed["From"].addresses
    assert found.addr_spec == address
    if value.count(b"=?utf-8?b?") > 1:
        # Python's headerregistry leaves the blanks between two encoded words in; its older reader follows RFC 2047 6.2.
        phrase = value.replace(b"\r\n", b"").decode("ascii").rpartition(" <")[0]
        assert str(make_header(decode_header(phrase))) == words.clean(name)
    else:
        assert found.display_name == words.clean(name)
    assert parse_list(value.replace(b"\r\n", b"")) == [Mailbox(words.clean(name), address)]


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=300), ADDRESS)
def test_what_is_written_reads_back_by_the_older_reader_too(name: str, address: str) -> None:
    value = format_mailbox(name, address).replace(b"\r\n", b"").decode("ascii")
    found, where = email.utils.parseaddr(value)
    assert where == address
    if "=?" not in value:
        assert found == words.clean(name)
