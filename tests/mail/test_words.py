"""mail/words.py: encoded words read and written, names cleaned."""

from __future__ import annotations

import base64
import unicodedata
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.mail import words

DECODED = [
    ("plain", "plain"),
    ("", ""),
    ("  two  blanks ", "  two  blanks "),
    ("=?utf-8?q?Zo=C3=AB?=", "Zoë"),
    ("=?UTF-8?Q?Zo=C3=AB?=", "Zoë"),
    ("=?utf-8*en?q?Zo=C3=AB?=", "Zoë"),  # RFC 2231: with a language
    ("=?windows-1251*ru?q?=D0?=", "Р"),  # Cyrillic
    ("=?utf-8?b?Wm/Dqw==?=", "Zoë"),
    ("=?utf-8?b?Wm/Dqw?=", "Zoë"),  # the padding was forgotten
    ("=?utf-8?b?Wm/Dq w==?=", "Zoë"),  # a blank inside
    ("=?utf-8?b?Wm/!Déqw==?=", "Zoë"),  # rubbish inside
    ("=?utf-8?b?A?=", ""),
    ("=?utf-8?q?a_b=20c?=", "a b c"),
    ("=?utf-8?q?with blanks inside?=", "with blanks inside"),
    ("=?utf-8?q?=ZZ=4?=", "=ZZ=4"),
    ("a =?utf-8?q?b?= c", "a b c"),
    ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),  # RFC 2047 6.2
    ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
    ("=?utf-8?q?a?=\t \t=?iso-8859-1?q?=E9?=", "aé"),
    ("=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
    (" =?utf-8?q?a?=", " a"),
    ("=?utf-8?b?ww==?= =?utf-8?b?qQ==?=", "é"),
    ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),  # one character cut in two
    ("=?iso-8859-1?q?=E9?=", "é"),
    ("=?windows-1251?q?=D0?=", "Р"),  # Cyrillic
    ("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
    ("=?shift_jis?b?k/qWew==?=", "日本"),
    ("=?gb2312?b?yNWxvg==?=", "日本"),
    ("=?nonsense?q?=C3=A9?=", "é"),
    ("=?nonsense?q?=E9?=", "é"),
    ("=?cp9999?q?=E9?=", "é"),  # of the right form, and unknown
    ("=?utf-8?q?=E9?=", "é"),  # it says utf-8 and is not
    ("=?idna?q?xn--bcher-kva?=", "xn--bcher-kva"),  # a codec that no mail uses
    ("=?unicode_escape?q?=5Cn?=", "\\n"),
    ("=?rot13?q?uryyb?=", "uryyb"),
    ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
    ("=?utf-8?q?open", "=?utf-8?q?open"),
    ("=??q?a?=", "=??q?a?="),
]


@pytest.mark.parametrize(("text", "expected"), DECODED)
def test_encoded_words_are_read(text: str, expected: str) -> None:
    assert words.decode(text) == expected


@given(st.text("=?utf-8BbQq_ \taé0F*", max_size=200))
def test_whatever_it_holds_is_read(text: str) -> None:
    assert isinstance(words.decode(text), str)


def test_a_million_half_words_are_read() -> None:
    for piece in ("=?", "=?utf-8?q?", "=?a?b?x?", "=?a?q?x?= "):
        assert words.decode(piece * (1_000_000 // len(piece)))


CLEANED = [
    ("Jane Doe", "Jane Doe"),
    ("  Jane \t Doe ", "Jane Doe"),
    ("a\r\nBcc: b@c.d", "a Bcc: b@c.d"),
    ("a\0b\x1bc\x7fd\x85e\x9bf", "a b c d e f"),
    ("a\u2028b\u2029c", "a b c"),
    ("a\u202eb\u2066c\ufeffd", "abcd"),
    ("\ud800", "?"),
    ("a" * 401, "a" * 397 + "..."),
    ("👩\u200d🚀", "👩\u200d🚀"),  # a joiner inside an emoji stays
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), CLEANED)
def test_a_name_is_cleaned(text: str, expected: str) -> None:
    assert words.clean(text) == expected


@given(st.text() | st.text("a \r\n\0\u2028\u2029\u202e\x85\x0b\x0c\x1c"))
def test_a_clean_name_is_one_line_and_stays_as_it_is(text: str) -> None:
    name = words.clean(text)
    assert len(name) <= words.MAX_NAME
    assert len(name.splitlines()) <= 1
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") for c in name)
    assert words.clean(name) == name


@given(st.text(st.characters(blacklist_categories=("Cs",)), min_size=1))
def test_a_name_written_as_encoded_words_is_read_back(name: str) -> None:
    written = words.encode(name)
    assert all(len(word) <= 75 and word.isascii() and " " not in word for word in written)  # RFC 2047 2
    for word in written:
        base64.b64decode(word[10:-2], validate=True).decode("utf-8")  # whole characters
    assert words.decode("\r\n ".join(written)) == name
    assert str(make_header(decode_header(" ".join(written)))) == name
