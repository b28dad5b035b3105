"""mail/domain.py: host names as A-labels, and what is no host name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.mail.domain import to_ascii

NAMES = [
    ("example.com", "example.com"),
    ("EXAMPLE.Com", "example.com"),
    ("example.com.", "example.com"),
    ("localhost", "localhost"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("bu\u0308cher.example", "xn--bcher-kva.example"),  # u and a combining diaeresis
    ("J\u030c.example", "xn--ska.example"),  # only the small letter can be composed
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("straße.example", "xn--strae-oqa.example"),  # not strasse: another domain
    ("例え。テスト", "xn--r8jz45g.xn--zckzah"),  # an ideographic full stop
    ("ｅｘａｍｐｌｅ．com", "example.com"),  # full width
    ("a-b.example", "a-b.example"),
    ("3.example", "3.example"),
    ("x" * 63 + ".example", "x" * 63 + ".example"),
    (".".join(["x" * 49] * 5 + ["xyz"]), ".".join(["x" * 49] * 5 + ["xyz"])),  # 253 characters
]

NO_NAMES = [
    "",
    ".",
    ".example",
    "a..example",
    "example..",
    "-a.example",
    "a-.example",
    "a_b.example",
    "a b.example",
    "a\n.example",
    "example.com\n",
    "a\0.example",
    "[192.0.2.1]",
    "a@b.example",
    "x" * 64 + ".example",
    "ü" * 60 + ".example",  # its A-label has over 63 characters
    ".".join(["x" * 50] * 5),  # 254
    "ü" * 100_000,
    "💌.example",  # symbols are no letters (RFC 5892)
    "a\u200db.example",
    "\ud800.example",
]


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_a_host_name_becomes_lower_case_a_labels(name: str, expected: str) -> None:
    assert to_ascii(name) == expected


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_host_name_gives_none(name: str) -> None:
    assert to_ascii(name) is None


@given(st.text() | st.text("aÜß.-。", max_size=80))
def test_the_result_is_a_host_name_and_stays_as_it_is(text: str) -> None:
    name = to_ascii(text)
    if name is not None:
        assert len(name) <= 253
        assert all(re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label) for label in name.split("."))
        assert to_ascii(name) == name
