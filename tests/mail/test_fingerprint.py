"""mail/fingerprint.py: the same mail sent twice has one fingerprint, any other mail another."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.mail.fingerprint import Fingerprint
from postern.mail.header import parse, split

RCPT = "shop.blue@alias.example"
MAIL = (
    b"From: jane@example.com\r\nDate: Tue, 03 Nov 2026 10:14:00 +0100\r\n"
    b"Message-ID: <1@example.com>\r\nSubject: s\r\n\r\nbody\r\n"
)
NAMELESS = MAIL.replace(b"Message-ID: <1@example.com>\r\n", b"")


def digest(message: bytes, rcpt: str = RCPT, chunk: int = 1 << 20) -> bytes:
    block, body = split(message[n : n + chunk] for n in range(0, len(message), chunk))
    fingerprint = Fingerprint(rcpt)
    fingerprint.header(parse(block))
    for piece in body:
        fingerprint.body(piece)
    return fingerprint.digest()


TRACES = (
    b"Received: from a.example by cloudflare-email.net (cloudflare)\r\n id 42; Tue, 03 Nov 2026 09:20:00 +0000\r\n"
    b"ARC-Seal: i=2; a=rsa-sha256; s=cf2024-1; d=cloudflare-email.net; cv=pass; b=QUFB\r\n"
    b"ARC-Message-Signature: i=2; b=QUFB\r\nARC-Authentication-Results: i=2; mx.cloudflare.net\r\n"
    b"Received-SPF: pass\r\nAuthentication-Results: mx.cloudflare.net; dkim=pass\r\nX-CF-SpamH-Score: 3\r\n"
)

SAME = [
    ("new trace fields on top", TRACES + MAIL, RCPT, MAIL),
    ("new trace fields on top of mail without a Message-ID", TRACES + NAMELESS, RCPT, NAMELESS),
    ("the recipient in another case", MAIL, "Shop.Blue@ALIAS.example", MAIL),
    ("the Message-ID field in another case", MAIL.replace(b"Message-ID:", b"MESSAGE-Id :"), RCPT, MAIL),
    ("the Message-ID folded", MAIL.replace(b"Message-ID: ", b"Message-ID:\r\n "), RCPT, MAIL),
    ("another Date beside a Message-ID", MAIL.replace(b"10:14", b"10:15"), RCPT, MAIL),
    ("an empty Message-ID is none", MAIL.replace(b"<1@example.com>", b""), RCPT, NAMELESS),
]


@pytest.mark.parametrize(("message", "rcpt", "first"), [c[1:] for c in SAME], ids=[c[0] for c in SAME])
def test_the_same_mail_sent_again_has_the_same_fingerprint(message: bytes, rcpt: str, first: bytes) -> None:
    assert message != first or rcpt != RCPT
    assert digest(message, rcpt) == digest(first)


OTHERS = [
    ("another recipient", MAIL, "shop.red@alias.example", MAIL),
    ("another Message-ID", MAIL.replace(b"<1@", b"<2@"), RCPT, MAIL),
    ("another body", MAIL + b".", RCPT, MAIL),
    ("a body with other line ends", MAIL[:-2] + b"\n", RCPT, MAIL),
    ("no Message-ID", NAMELESS, RCPT, MAIL),
    ("no Message-ID and another Date", NAMELESS.replace(b"10:14", b"10:15"), RCPT, NAMELESS),
    ("no Message-ID and another From", NAMELESS.replace(b"jane@", b"joe@"), RCPT, NAMELESS),
    ("Date and From the other way round", b"Date: a\r\nFrom: b\r\n\r\n", RCPT, b"Date: b\r\nFrom: a\r\n\r\n"),
    (
        "a border moved from Date to From",
        b"Date: ab\r\nFrom: c\r\n\r\n",
        RCPT,
        b"Date: a\r\nFrom: bc\r\n\r\n",
    ),
    ("a Message-ID that says what Date and From say", b"Message-ID: a\r\n\r\n", RCPT, b"Date: a\r\n\r\n"),
    (
        "a border moved from the header to the body",
        b"Message-ID: a\r\n\r\nb",
        RCPT,
        b"Message-ID: ab\r\n\r\n",
    ),
    (
        "Date and From that look like a Message-ID",
        b"Date: message-id\r\nFrom: a\r\n\r\n",
        RCPT,
        b"Message-ID: a\r\n\r\n",
    ),
    ("nothing to tell it by", b"\r\nbody", RCPT, b"\r\nother"),
]


@pytest.mark.parametrize(("message", "rcpt", "first"), [c[1:] for c in OTHERS], ids=[c[0] for c in OTHERS])
def test_another_mail_has_another_fingerprint(message: bytes, rcpt: str, first: bytes) -> None:
    assert digest(message, rcpt) != digest(first)


@given(st.integers(1, 400))
def test_the_chunks_it_came_in_make_no_difference(chunk: int) -> None:
    assert digest(TRACES + MAIL, chunk=chunk) == digest(MAIL)


PARTS = st.lists(
    st.sampled_from([b"", b"a", b"aa", b"\0", b"<a>", (1).to_bytes(8, "big")]), min_size=4, max_size=4
)


@given(PARTS, PARTS)
def test_no_byte_moves_from_one_part_to_the_next(one: list[bytes], other: list[bytes]) -> None:
    def of(parts: list[bytes]) -> tuple[tuple[bytes, ...], bytes]:
        message_id, date, sender, body = parts
        message = b"Message-ID: %b\r\nDate: %b\r\nFrom: %b\r\n\r\n%b" % (message_id, date, sender, body)
        fields = [f.value for f in parse(split([message])[0]).fields]
        told = (fields[0],) if fields[0] else tuple(fields[1:])
        return (*told, body), digest(message)

    (told_one, digest_one), (told_other, digest_other) = of(one), of(other)
    assert (digest_one == digest_other) == (told_one == told_other)


def test_the_format_is_pinned() -> None:
    parts = [
        b"postern fingerprint 1",
        RCPT.encode(),
        b"message-id",
        b"<1@example.com>",
        hashlib.sha256(b"body\r\n").digest(),
    ]
    expected = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()
    assert digest(MAIL) == expected
    assert len(expected) == 32


def test_the_digest_can_be_asked_for_in_between() -> None:
    fingerprint = Fingerprint(RCPT)
    fingerprint.header(parse(MAIL))
    fingerprint.body(b"bo")
    assert fingerprint.digest() != digest(MAIL)
    fingerprint.body(b"dy\r\n")
    assert fingerprint.digest() == digest(MAIL)
