"""mail/trust.py: whose word counts, what it says, and all the ways to pretend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.mail.address import Mailbox
from postern.mail.header import HeaderBlock, parse
from postern.mail.trust import MAX_FIELD_BYTES, UNKNOWN, Verdict, failed, is_authentic, read, sole_author

AUTHSERV = "mx.cloudflare.net"
PASS = b"mx.cloudflare.net; dmarc=pass header.from=example.com"
FAIL = b"mx.cloudflare.net; dmarc=fail header.from=example.com"
IS_PASS = Verdict("pass", header_from="example.com")
IS_FAIL = Verdict("fail", header_from="example.com")

# As Cloudflare stamps it; the names are changed.
STAMPED = (
    b"Received: from mail-yw1-f172.example.com (192.0.2.172)\r\n\tby cloudflare-email.net (cloudflare) id abc\r\n"
    b"\tfor <shop@alias.example>; Mon, 15 Jun 2026 10:00:00 +0000\r\n"
    b"ARC-Seal: i=1; a=rsa-sha256; s=cf2024-1; d=cloudflare-email.net; cv=none; b=abc\r\n"
    b"ARC-Authentication-Results: i=1; mx.cloudflare.net; dmarc=fail header.from=forged.example\r\n"
    b"Received-SPF: pass (mx.cloudflare.net: domain of jane@example.com designates it) receiver=mx.cloudflare.net\r\n"
    b"Authentication-Results: mx.cloudflare.net;\r\n"
    b"\tdkim=pass header.d=example.com header.s=20230601 header.b=NUGvK9/+;\r\n"
    b"\tdmarc=pass header.from=example.com policy.dmarc=none;\r\n"
    b"\tspf=none (mx.cloudflare.net: no SPF records found) smtp.helo=mail-yw1-f172.example.com;\r\n"
    b"\tspf=pass (mx.cloudflare.net: domain of jane@example.com) smtp.mailfrom=bounce+tag=x@Mail.Example.com;\r\n"
    b'\tarc=none smtp.remote-ip="2001:db8::1"\r\n'
    b"X-CF-SpamH-Score: 2\r\n"
    b"Received: by 2002:a05:690c with SMTP id x; Mon, 15 Jun 2026 09:59:59 +0000\r\n"
    b"From: Jane <jane@example.com>\r\n\r\n"
)


OWN = b"Received: from x by cloudflare-email.net; now"


def block_of(*values: bytes) -> HeaderBlock:
    """One Received on top, as the receiver writes it, and the fields."""
    lines = [OWN, *(b"Authentication-Results: " + value for value in values)]
    return parse(b"\r\n".join(lines) + b"\r\n\r\n")


def verdict_of(*values: bytes) -> Verdict:
    return read(block_of(*values), AUTHSERV)


def test_a_real_stamp_is_read() -> None:
    assert read(parse(STAMPED), AUTHSERV) == Verdict(
        "pass", ("example.com",), "mail.example.com", "example.com"
    )


SPELLED: list[tuple[str, bytes, Verdict]] = [
    ("plain", PASS, IS_PASS),
    ("upper case", PASS.upper(), IS_PASS),
    ("folded everywhere", PASS.replace(b" ", b"\r\n\t "), IS_PASS),
    (
        "blanks around each mark",
        b" mx.cloudflare.net ; dmarc = pass header . from = example.com ; ",
        IS_PASS,
    ),
    (
        "comments around each mark",
        b"(a)mx.cloudflare.net(b)1(c);(d)dmarc(e)/(f)1(g)=(h)pass(i)header(j).(k)from(l)=(m)example.com(n)",
        IS_PASS,
    ),
    (
        "comments in comments",
        b"mx.cloudflare.net; (a (b) ; dmarc=fail (c \\) d)) dmarc=pass header.from=example.com",
        IS_PASS,
    ),
    ("a quoted name and value", b'"mx.cloudflare.net"; dmarc=pass header.from="example.com"', IS_PASS),
    ("a version", PASS.replace(b";", b" 1;"), IS_PASS),
    ("no result", b"mx.cloudflare.net; none", UNKNOWN),
    ("no result at all", b"mx.cloudflare.net", UNKNOWN),
    ("the domain as an address", PASS.replace(b"=example", b"=@example"), IS_PASS),
    ("a property twice: the first", PASS + b" header.from=evil.example", IS_PASS),
    ("a reason", b'mx.cloudflare.net; dmarc=pass reason="so; dmarc=fail" header.from=example.com', IS_PASS),
    (
        "an extra without a ptype",
        b"mx.cloudflare.net; dmarc=pass action=none header.from=example.com",
        IS_PASS,
    ),
    (
        "a value left empty",
        b"mx.cloudflare.net; spf=none smtp.mailfrom=; dmarc=fail header.from=example.com",
        IS_FAIL,
    ),
    ("an empty sender", b"mx.cloudflare.net; spf=pass smtp.mailfrom=<>", UNKNOWN),
    ("a last semicolon", PASS + b";", IS_PASS),
    (
        "a sub-property of another method",
        b"mx.cloudflare.net; dkim=fail header.d=a.example; " + PASS[19:],
        IS_PASS,
    ),
    (
        "temporary trouble",
        b"mx.cloudflare.net; dmarc=temperror header.from=a.example",
        Verdict("temperror", header_from="a.example"),
    ),
    (
        "an IDN",
        "mx.cloudflare.net; dmarc=pass header.from=straße.example".encode(),
        Verdict("pass", header_from="xn--strae-oqa.example"),
    ),
    (
        "several signatures",
        (
            b"mx.cloudflare.net; dkim=pass header.d=a.example; dkim=fail header.d=b.example;"
            b" dkim=pass header.i=@c.example; dkim=pass header.d=A.example; dkim=pass"
        ),
        Verdict(dkim=("a.example", "c.example")),
    ),
    ("spf of the name in HELO is none", b"mx.cloudflare.net; spf=pass smtp.helo=a.example", UNKNOWN),
    ("several results that agree", PASS + PASS[17:], IS_PASS),
    ("a fail among several", PASS + FAIL[17:], Verdict("fail")),
    ("several passes for two domains", PASS + b"; dmarc=pass header.from=evil.example", UNKNOWN),
]


@pytest.mark.parametrize(("value", "expected"), [c[1:] for c in SPELLED], ids=[c[0] for c in SPELLED])
def test_a_field_is_read_by_its_grammar(value: bytes, expected: Verdict) -> None:
    assert verdict_of(value) == expected


HIDDEN: list[tuple[str, bytes]] = [
    ("in a comment", b"mx.cloudflare.net; (dmarc=pass header.from=example.com) spf=none"),
    ("in a comment with a semicolon", b"mx.cloudflare.net; spf=none (x; dmarc=pass header.from=example.com)"),
    ("in a nested comment", b"mx.cloudflare.net; spf=none (a (b) ; dmarc=pass header.from=example.com )"),
    (
        "behind an escaped parenthesis",
        b"mx.cloudflare.net; spf=none (a \\) ; dmarc=pass header.from=example.com)",
    ),
    (
        "in a quoted local part",
        b'mx.cloudflare.net; spf=none smtp.mailfrom="a; dmarc=pass header.from=example.com"@evil.example',
    ),
    (
        "behind an escaped quote",
        (
            b'mx.cloudflare.net; spf=none smtp.mailfrom="a\\"; '
            b'dmarc=pass header.from=example.com; \\""@e.example'
        ),
    ),
    ("in a property", b"mx.cloudflare.net; spf=none smtp.dmarc=pass"),
    ("in a value", b"mx.cloudflare.net; spf=none smtp.mailfrom=dmarc=pass"),
    ("in a reason", b'mx.cloudflare.net; spf=none reason="dmarc=pass"'),
    ("as a property of another method", b"mx.cloudflare.net; x=y dmarc=pass header.from=example.com"),
    ("as another method", b"mx.cloudflare.net; x-dmarc=pass header.from=example.com"),
    ("as a method of a later version", b"mx.cloudflare.net; dmarc/2=pass header.from=example.com"),
    ("in the name", b'"mx.cloudflare.net; dmarc=pass"; spf=none'),
    ("in a later version of the field", PASS.replace(b";", b" 2;")),
    (
        "behind a comment that does not end",
        b"mx.cloudflare.net; (spf=none; dmarc=pass header.from=example.com",
    ),
    (
        "behind a quote that does not end",
        b'mx.cloudflare.net; spf=none smtp.mailfrom="a; dmarc=pass header.from=example.com',
    ),
    (
        "behind a quote that ends too late",
        b'mx.cloudflare.net; spf=none smtp.mailfrom="a\\"; dmarc=pass header.from=example.com',
    ),
    ("before a word that is none", PASS + b"; ="),
    ("before a method without a result", PASS + b"; spf"),
    ("without a semicolon", b"mx.cloudflare.net dmarc=pass header.from=example.com"),
    ("of a name that only begins so", b"mx.cloudflare.net.evil.example; dmarc=pass header.from=example.com"),
    ("of a name that only ends so", b"evil-mx.cloudflare.net; dmarc=pass header.from=example.com"),
    ("of no name", b"; dmarc=pass header.from=example.com"),
    ("of a name in a comment", b"(mx.cloudflare.net) evil.example; dmarc=pass header.from=example.com"),
    ("in a field too long to be believed", PASS + b" " * MAX_FIELD_BYTES + b"; spf=none"),
    ("with a control in it", PASS + b"; x=\x01"),
]


@pytest.mark.parametrize("value", [case[1] for case in HIDDEN], ids=[case[0] for case in HIDDEN])
def test_a_pass_that_nobody_stated_is_not_seen(value: bytes) -> None:
    found = verdict_of(value)
    assert found.dmarc == ""
    assert not is_authentic(found, "jane@example.com")


def test_of_the_fields_with_the_trusted_name_the_first_counts() -> None:
    assert verdict_of(FAIL, PASS) == IS_FAIL
    assert verdict_of(b"mx.cloudflare.net; (", PASS) == UNKNOWN
    assert verdict_of(b"mx.cloudflare.net; none", PASS) == UNKNOWN


def test_fields_of_other_names_are_passed_over() -> None:
    other = b"mx.evil.example; dmarc=fail header.from=example.com"
    assert verdict_of(other, b"(((", b"", b'"', b"other (", PASS) == IS_PASS
    assert verdict_of(other) == UNKNOWN


TRACE = OWN + b"\r\n"
STAMP = b"Authentication-Results: " + PASS + b"\r\n"
PLACES: list[tuple[str, bytes, Verdict]] = [
    ("below the receiver's own Received", TRACE + STAMP + TRACE, IS_PASS),
    ("above it", STAMP + TRACE + TRACE, IS_PASS),
    ("below the sender's", TRACE + TRACE + STAMP, UNKNOWN),
    (
        "below the sender's, whose name is spelled otherwise",
        TRACE + b"RECEIVED : z\r\n folded\r\n" + STAMP,
        UNKNOWN,
    ),
    ("named otherwise", TRACE + b"X-" + STAMP + b"ARC-" + STAMP, UNKNOWN),
    ("spelled otherwise", TRACE + b"AUTHENTICATION-RESULTS :" + PASS + b"\r\n", IS_PASS),
    ("as a fold of another field", TRACE + b"Subject: x\r\n " + STAMP, UNKNOWN),
    ("behind a carriage return", TRACE + b"Subject: x\r" + STAMP, UNKNOWN),
    ("in the body", TRACE + b"\r\n" + STAMP, UNKNOWN),
    ("nowhere", TRACE, UNKNOWN),
]


@pytest.mark.parametrize(("data", "expected"), [c[1:] for c in PLACES], ids=[c[0] for c in PLACES])
def test_only_what_the_receiver_wrote_counts(data: bytes, expected: Verdict) -> None:
    assert read(parse(data + b"\r\n"), AUTHSERV) == expected


TOPS: list[tuple[str, bytes, str, bool]] = [
    (
        "as Cloudflare writes it",
        b"from a.example (192.0.2.1)\r\n\tby cloudflare-email.net (cloudflare) id x",
        AUTHSERV,
        True,
    ),
    ("without from", b"by cloudflare-email.net with SMTP", AUTHSERV, True),
    ("comments around it", b"(a)from(b)x(by y)BY(c)Cloudflare-Email.NET(d)", AUTHSERV, True),
    ("the name itself", b"from x by mx.here.example (Postfix)", "MX.here.example", True),
    ("a host of the name", b"from x by mx.here.example (Postfix)", "here.example", True),
    ("another host", b"from x by mx.evil.example", AUTHSERV, False),
    ("a host that only ends so", b"from x by evil-cloudflare-email.net", AUTHSERV, False),
    ("a host that only begins so", b"from x by cloudflare-email.net.evil.example", AUTHSERV, False),
    ("Cloudflare's, where another is believed", b"from x by cloudflare-email.net", "mx.here.example", False),
    ("as a greeting", b"from cloudflare-email.net by mx.evil.example", AUTHSERV, False),
    ("in a comment", b"from x (by cloudflare-email.net) by mx.evil.example", AUTHSERV, False),
    ("in a later clause", b"from x by mx.evil.example by cloudflare-email.net", AUTHSERV, False),
    ("as a quoted greeting", b'from "x by cloudflare-email.net" by mx.evil.example', AUTHSERV, False),
    ("empty", b"", AUTHSERV, False),
    ("cut off", b"from x by", AUTHSERV, False),
]


@pytest.mark.parametrize(("top", "authserv", "own"), [c[1:] for c in TOPS], ids=[c[0] for c in TOPS])
def test_a_stamp_counts_only_where_the_receiver_wrote_the_first_received(
    top: bytes, authserv: str, own: bool
) -> None:
    stamp = b"Authentication-Results: " + authserv.encode() + b"; dmarc=pass header.from=example.com\r\n"
    for data in (b"Received: " + top + b"\r\n" + stamp, stamp + b"Received: " + top + b"\r\n"):
        assert read(parse(data + b"From: jane@example.com\r\n\r\n"), authserv) == (
            IS_PASS if own else UNKNOWN
        )


def test_without_any_received_nothing_is_believed() -> None:
    assert read(parse(STAMP + b"From: jane@example.com\r\n\r\n"), AUTHSERV) == UNKNOWN


def test_without_a_name_to_believe_nothing_is_believed() -> None:
    assert read(parse(TRACE + b"Authentication-Results: ; dmarc=pass\r\n\r\n"), "") == UNKNOWN
    assert read(parse(TRACE + b'Authentication-Results: ""; dmarc=pass\r\n\r\n'), "") == UNKNOWN


AUTHENTIC: list[tuple[Verdict, str, bool]] = [
    (Verdict("pass", header_from="example.com"), "jane@example.com", True),
    (Verdict("pass", header_from="example.com"), "Jane@EXAMPLE.com", True),
    (Verdict("pass", header_from="xn--strae-oqa.example"), "a@straße.example", True),
    (Verdict("pass"), "jane@example.com", True),
    (Verdict("pass", header_from="example.com"), "jane@mail.example.com", False),
    (Verdict("pass", header_from="mail.example.com"), "jane@example.com", False),
    (Verdict("pass", header_from="evil.example"), "jane@example.com", False),
    (Verdict("none", ("example.com",)), "jane@example.com", True),
    (Verdict("", ("other.example", "example.com")), "jane@mail.example.com", True),
    (Verdict("", ("mail.example.com",)), "jane@example.com", False),
    (Verdict("", ("ample.com",)), "jane@example.com", False),
    (Verdict("", ("com",)), "jane@example.com", False),
    (Verdict("fail", ("example.com",)), "jane@example.com", False),
    (Verdict("none", (), "example.com"), "jane@example.com", False),
    (UNKNOWN, "jane@example.com", False),
    (Verdict("pass"), "", False),
    (Verdict("pass"), "jane", False),
    (Verdict("pass"), "jane@", False),
]


@pytest.mark.parametrize(("verdict", "address", "expected"), AUTHENTIC)
def test_mail_is_authentic_when_the_domain_in_from_stands_behind_it(
    verdict: Verdict, address: str, expected: bool
) -> None:
    assert is_authentic(verdict, address) is expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("fail", True), ("pass", False), ("none", False), ("temperror", False), ("", False)],
)
def test_only_a_fail_is_a_fail(word: str, expected: bool) -> None:
    assert failed(Verdict(word)) is expected


JANE = Mailbox("", "jane@example.com")
AUTHORS: list[tuple[str, bytes, Mailbox | None]] = [
    ("one", b"From: jane@example.com\r\n", JANE),
    (
        "one with a name that holds an address",
        b'From: "a@evil.example" <jane@example.com>\r\n',
        Mailbox("a@evil.example", "jane@example.com"),
    ),
    ("two fields", b"From: jane@example.com\r\nFrom: a@evil.example\r\n", None),
    ("two fields, one of them empty", b"From: jane@example.com\r\nfrom :\r\n", None),
    ("two addresses", b"From: jane@example.com, a@evil.example\r\n", None),
    ("the same twice", b"From: jane@example.com, jane@example.com\r\n", None),
    ("a group", b"From: a: jane@example.com, b@example.com;\r\n", None),
    ("none", b"From: jane\r\n", None),
    ("no field", b"Sender: jane@example.com\r\n", None),
    (
        "a list too long to be read to its end",
        b"From: jane@example.com," + b" " * 17_000 + b"a@b.example\r\n",
        None,
    ),
]


@pytest.mark.parametrize(("data", "expected"), [c[1:] for c in AUTHORS], ids=[c[0] for c in AUTHORS])
def test_only_a_sole_author_can_have_been_checked(data: bytes, expected: Mailbox | None) -> None:
    assert sole_author(parse(data + b"\r\n")) == expected


PIECES = st.sampled_from(
    [
        "mx.cloudflare.net",
        ";",
        "=",
        ".",
        "/",
        "(",
        ")",
        '"',
        "\\",
        " ",
        "dmarc",
        "pass",
        "header",
        "from",
        "1",
        "é",
        "\r\n ",
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_nothing_raises(value: str) -> None:
    assert isinstance(verdict_of(value.encode()), Verdict)


@given(st.text().filter(lambda text: "(" not in text and ")" not in text and "\\" not in text))
def test_no_comment_changes_a_verdict(comment: str) -> None:
    raw = comment.encode("utf-8", "replace").replace(b"\n", b" ")
    assert (
        verdict_of(b"mx.cloudflare.net; (" + raw + b") dmarc=fail (" + raw + b") header.from=example.com")
        == IS_FAIL
    )


def test_the_longest_field_is_read_in_linear_time() -> None:
    """A square of 16 KiB steps would not come back for a minute; nothing is timed."""
    for filling in (b"(", b"()", b'"', b'""', b";", b"a-", b"\\", b" ", b"a.a=", b"\xff"):
        verdict_of(b"mx.cloudflare.net; a=" + filling * (16_300 // len(filling)))
