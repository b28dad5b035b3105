"""mail/address.py: addresses that people type, look-up keys, reserved names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.mail import address
from postern.mail.address import (
    Address,
    is_bounce,
    is_reserved,
    is_reverse,
    normalise,
    parse_address,
)

TYPED = [
    ("jane@example.com", Address("jane", "example.com")),
    ("  jane@example.com\n", Address("jane", "example.com")),
    ("Jane.Doe+x@EXAMPLE.com", Address("Jane.Doe+x", "example.com")),
    ("a!#$%&'*+/=?^_`{|}~-b@example.com", Address("a!#$%&'*+/=?^_`{|}~-b", "example.com")),
    ("jane@bücher.example", Address("jane", "xn--bcher-kva.example")),
    ("jane@example.com.", Address("jane", "example.com")),
    ("x" * 64 + "@example.com", Address("x" * 64, "example.com")),
]

NO_ADDRESSES = [
    "",
    "jane",
    "@",
    "@example.com",
    "jane@",
    "jane@localhost",
    "jane@192.0.2.1",
    "jane@[192.0.2.1]",
    "jane@@example.com",
    "jane@home@example.com",
    "jane doe@example.com",
    ".jane@example.com",
    "jane.@example.com",
    "ja..ne@example.com",
    '"jane"@example.com',
    "jané@example.com",
    "Jane <jane@example.com>",
    "jane@example.com, joe@example.com",
    "jane@exam ple.com",
    "jane@example.com\r\nBcc: x@example.com",
    "jane\0@example.com",
    "jane@example.com\0",
    "x" * 65 + "@example.com",
    "x" * 64 + "@" + ".".join(["y" * 62] * 3 + ["com"]),  # 257
    "jane@" + "y" * 1_000_000,
]


@pytest.mark.parametrize(("text", "expected"), TYPED)
def test_an_address_that_somebody_typed_is_understood(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_address(text)
    assert caught.value.remedy
    assert "jane" not in caught.value.reason
    assert "yyyy" not in str(caught.value)


def test_an_address_is_written_with_its_at() -> None:
    assert str(parse_address("Jane@Example.com")) == "Jane@example.com"


@given(st.text())
def test_typed_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = parse_address(text)
    except BadInput:
        return
    assert len(str(found)) <= 254
    assert str(found).isascii()
    assert str(found).isprintable()


KEYS = [
    ("Jane@Example.COM", "jane@example.com"),
    (" jane@example.com ", "jane@example.com"),
    ('"Jane"@example.com', "jane@example.com"),
    ('"jane doe"@example.com', '"jane doe"@example.com'),
    ("jane@BÜCHER.example", "jane@xn--bcher-kva.example"),
    ("JANÉ@example.com", "jané@example.com"),
    ("jane\u0301@example.com", "jané@example.com"),  # the accent as a character of its own
    ("jane@example.com.", "jane@example.com"),
    ("a@b@Example.com", "a@b@example.com"),
    ("Jane@[192.0.2.1]", "jane@[192.0.2.1]"),
    ("Jane@not a host", "jane@not a host"),
    ("Postmaster", "postmaster"),
    ("@", "@"),
    ('""@example.com', '""@example.com'),
    ("", ""),
    ("\ud800@example.com", "?@example.com"),
]


@pytest.mark.parametrize(("text", "expected"), KEYS)
def test_the_look_up_key_of_an_address(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.text() | st.text('"aÉß@.。 \ud800İΣ', max_size=40))
def test_every_text_has_a_key_that_can_be_hashed_and_is_its_own_key(text: str) -> None:
    key = normalise(text)
    assert key.encode("utf-8") is not None
    assert normalise(key) == key


@given(st.from_regex(r"[A-Za-z0-9._+-]{1,20}@[A-Za-z0-9ü-]{1,20}\.[a-z]{2,4}", fullmatch=True))
def test_a_typed_address_and_what_was_typed_have_the_same_key(text: str) -> None:
    try:
        found = parse_address(text)
    except BadInput:
        return
    assert normalise(str(found)) == normalise(text)


OURS = [
    # local part, reverse address?, bounce address?, reserved?
    ("re-abcdefghijklmnop", True, False, True),
    ("RE-ABCDEFGHIJKLMNOP", True, False, True),
    ("re-abcdefghijkl2345", True, False, True),
    ("re-abcdefghijklmnop+x", False, False, True),
    ("re-abcdefghijklmno", False, False, False),  # 15
    ("re-abcdefghijklmnopq", False, False, False),  # 17
    ("re-abcdefghijklmno1", False, False, False),  # 1 is not in the alphabet
    ("re-abcdefghijklmno\u212a", False, False, True),  # the Kelvin sign: its lower case is k
    ("re-abcdefghijklmnop\n", False, False, False),
    ("bn-a", False, True, True),
    ("BN-" + "7" * 40, False, True, True),
    ("bn-" + "a" * 41, False, False, False),
    ("bn-", False, False, False),
    ("bn-a1", False, False, False),
    ("re-port", False, False, False),
    ("jane", False, False, False),
    ("info", False, False, False),
    ("", False, False, False),
]


@pytest.mark.parametrize(("local", "reverse", "bounce", "reserved"), OURS)
def test_the_forms_of_our_own_addresses(local: str, reverse: bool, bounce: bool, reserved: bool) -> None:
    assert (is_reverse(local), is_bounce(local), is_reserved(local)) == (reverse, bounce, reserved)


NAMES = [
    "postmaster",
    "Abuse",
    "MAILER-DAEMON",
    "hostmaster",
    "webmaster",
    "admin",
    "administrator",
    "security",
]
VARIANTS = [
    "noreply",
    "no-reply",
    "no_reply",
    "No.Reply",
    "do-not-reply",
    "donotreply",
    "noreply+x",
    "post.master",
]


@pytest.mark.parametrize("local", NAMES + VARIANTS)
def test_an_alias_may_not_take_a_name_that_speaks_for_the_domain_or_a_machine(local: str) -> None:
    assert is_reserved(local)


def test_every_reserved_name_is_written_as_it_is_compared() -> None:
    assert all(is_reserved(name) for name in address.RESERVED)
