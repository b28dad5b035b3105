"""mail/report.py: what the bounces of many servers say (messages/reports/), and which mail is a robot's.

The messages are written after what these servers send, with names changed.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.mail import header
from postern.mail.header import HeaderBlock
from postern.mail.report import MAX_DIAGNOSTIC, MAX_LOOKED_BYTES, Report, is_automatic, read

HERE = Path(__file__).resolve().parent
FILES = sorted((HERE / "messages" / "reports").glob("*.eml"))
JANE = "jane@example.net"


def message(name: str) -> bytes:
    return (HERE / "messages" / "reports" / f"{name}.eml").read_bytes()


def block_of(data: bytes) -> HeaderBlock:
    return header.parse(header.split([data])[0])


def read_bytes(data: bytes) -> Report | None:
    head, body = header.split([data])
    return read(header.parse(head), body)


READ: list[tuple[str, Report | None]] = [
    (
        "postfix",
        Report(
            "failed",
            "5.1.1",
            JANE,
            f"550 5.1.1 <{JANE}>: Recipient address rejected: User unknown in virtual mailbox table",
        ),
    ),
    (
        "postfix-delayed",
        Report("delayed", "4.4.1", JANE, "connect to mx.example.net[192.0.2.25]:25: Connection timed out"),
    ),
    ("exim", Report("failed", "5.2.2", JANE, "552 5.2.2 Mailbox is full")),
    (
        "exchange-online",
        Report(
            "failed",
            "5.1.10",
            JANE,
            f"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {JANE} not found by SMTP address lookup",
        ),
    ),
    (
        "amazon-ses",
        Report(
            "failed",
            "4.4.7",
            JANE,
            "554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.1 Failed to establish connection>",
        ),
    ),
    ("relay-lf-quoted", Report("failed", "5.7.1", JANE, "550 Message refusé as spam")),
    ("several-recipients", Report("failed", "5.5.0", "third@example.net", "")),
    ("delivered", Report("delivered", "2.0.0", JANE, "")),
    ("no-out-of-office", None),
    ("no-vacation-of-gmail", None),
    ("no-read-receipt", None),
    ("no-complaint", None),
    ("no-person", None),
]


@pytest.mark.parametrize(("name", "expected"), READ)
def test_a_report_is_read(name: str, expected: Report | None) -> None:
    assert read_bytes(message(name)) == expected


GUESSED = [
    ("gmail", "failed", "5.1.1", "550-5.1.1 The email account"),
    ("exim-old", "failed", "5.0.0", "host mx.example.net [192.0.2.25]: 550 No such user here"),
    ("exim-delayed", "delayed", "4.0.0", "This message was created automatically"),
    ("exchange-html", "failed", "5.2.2", "Remote Server returned '554 5.2.2 mailbox full"),
    ("exchange-old", "failed", "5.1.1", "<mail.example.net #5.1.1>"),
    ("qmail", "failed", "5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)"),
]


@pytest.mark.parametrize(("name", "action", "status", "begins"), GUESSED)
def test_a_bounce_for_people_is_understood(name: str, action: str, status: str, begins: str) -> None:
    found = read_bytes(message(name))
    assert found is not None
    assert (found.action, found.status, found.recipient) == (action, status, JANE)
    assert found.diagnostic.startswith(begins)


def test_every_message_is_in_a_table() -> None:
    assert {path.stem for path in FILES} == {case[0] for case in (*READ, *GUESSED)}


BY_ENVELOPE_ALONE = {"exchange-html", "exchange-old"}
"""Bounces whose fields tell nothing; all have an empty envelope sender, and that is asked first (flow/seal.py)."""

ROBOTS_OWN = {path.stem for path in FILES} - {"no-person"} - BY_ENVELOPE_ALONE


@pytest.mark.parametrize("name", sorted(ROBOTS_OWN))
def test_every_report_and_every_auto_reply_is_a_robots(name: str) -> None:
    assert is_automatic(block_of(message(name)))


@pytest.mark.parametrize(
    ("action", "status", "permanent", "delayed"),
    [
        ("failed", "5.1.1", True, False),
        ("failed", "4.4.7", False, False),
        ("delayed", "4.4.1", False, True),
        ("delayed", "5.0.0", False, True),
        ("delivered", "2.0.0", False, False),
    ],
)
def test_what_a_report_means(action: str, status: str, permanent: bool, delayed: bool) -> None:
    report = Report(action, status, "", "")
    assert (report.permanent, report.delayed) == (permanent, delayed)


FIELDS: list[tuple[str, bytes, Report | None]] = [
    ("no action: the class tells", b"Status: 5.2.1\r\n", Report("failed", "5.2.1", "", "")),
    (
        "no status: the server's",
        b"Action: failed\r\nDiagnostic-Code: smtp; 550 5.7.1 no\r\n",
        Report("failed", "5.7.1", "", "550 5.7.1 no"),
    ),
    (
        "no status: the reply code",
        b"Action: failed\r\nDiagnostic-Code: smtp; 450 no\r\n",
        Report("failed", "4.0.0", "", "450 no"),
    ),
    ("no status at all", b"Action: failed\r\n", Report("failed", "5.0.0", "", "")),
    (
        "a vague status of another class stays",
        b"Action: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; 4.2.2\r\n",
        Report("failed", "5.0.0", "", "4.2.2"),
    ),
    (
        "an address in no status",
        b"Action: failed\r\nDiagnostic-Code: smtp; host 5.1.1.9 says no\r\n",
        Report("failed", "5.0.0", "", "host 5.1.1.9 says no"),
    ),
    ("an action that nobody knows", b"Action: exploded\r\n", None),
    ("nothing of use", b"Reporting-MTA: dns; x\r\n", None),
    (
        "a recipient that is none",
        b"Action: failed\r\nFinal-Recipient: rfc822; a b\0@c\r\n",
        Report("failed", "5.0.0", "", ""),
    ),
    (
        "only the original recipient",
        b"Action: failed\r\nOriginal-Recipient: rfc822;a@b.example\r\n",
        Report("failed", "5.0.0", "a@b.example", ""),
    ),
    (
        "line ends hidden in encoded words",
        b"Action: failed\r\nDiagnostic-Code: smtp; =?utf-8?q?a=0D=0ABcc:_x?=\r\n",
        Report("failed", "5.0.0", "", "a Bcc: x"),
    ),
]


@pytest.mark.parametrize(("fields", "expected"), [c[1:] for c in FIELDS], ids=[c[0] for c in FIELDS])
def test_fields_that_are_missing_or_odd(fields: bytes, expected: Report | None) -> None:
    assert read_bytes(REPORT % fields) == expected


REPORT = (
    b"From: mailer-daemon@x.example\r\nContent-Type: multipart/report; boundary=xx\r\n\r\n"
    b"--xx\r\nContent-Type: message/delivery-status\r\n\r\n%b\r\n--xx--\r\n"
)


def test_a_long_diagnostic_is_cut() -> None:
    found = read_bytes(REPORT % (b"Action: failed\r\nDiagnostic-Code: smtp; " + b"x" * 50_000 + b"\r\n"))
    assert found is not None
    assert len(found.diagnostic) == MAX_DIAGNOSTIC


def test_only_the_beginning_is_looked_at() -> None:
    head, body = header.split([REPORT % b"Action: failed\r\n"])
    pieces = iter([b"x" * (MAX_LOOKED_BYTES - 1) + b"\r\n", b"".join(body)])
    assert read(header.parse(head), pieces) is None
    assert next(pieces, None) is not None


def test_a_part_with_thousands_of_fields_is_no_report() -> None:
    data = REPORT.replace(b"--xx\r\n", b"--xx\r\n" + b"a:\r\n" * 6_000, 1) % b"Action: failed\r\n"
    assert read_bytes(data) is None


AUTOMATIC: list[tuple[bytes, bool]] = [
    (b"Auto-Submitted: auto-replied", True),
    (b"Auto-Submitted: AUTO-GENERATED (rejected)", True),
    (b"Auto-Submitted: auto-notified; owner-email=a@b.example", True),
    (b"Auto-Submitted: no", False),
    (b"Auto-Submitted: No (a person)", False),
    (b"Auto-Submitted:", False),
    (b"Precedence: bulk", True),
    (b"Precedence: JUNK", True),
    (b"Precedence: list", True),
    (b"Precedence: first-class", False),
    (b"Return-Path: <>", True),
    (b"Return-Path: < >", True),
    (b"Return-Path: <a@b.example>", False),
    (b"X-Autoreply: yes", True),
    (b"X-Autorespond: x", True),
    (b"X-Auto-Response-Suppress: OOF, AutoReply", True),
    (b"X-Auto-Response-Suppress: All", True),
    (b"X-Auto-Response-Suppress: DR, RN, NRN, OOF", True),
    (b"X-Auto-Response-Suppress: DR, NDR, RN, NRN", False),
    (b"X-Auto-Response-Suppress: None", False),
    (b"X-Auto-Response-Suppress:", False),
    (b"X-Failed-Recipients: a@b.example", True),
    (b"List-Id: <a.b.example>", True),
    (b"From: Post <postmaster@b.example>", False),
    (b"From: postmaster@b.example\r\nReturn-Path: <postmaster@b.example>", False),
    (b"From: postmaster@b.example\r\nX-Mailer: Thunderbird\r\nAuto-Submitted: no", False),
    (b"From: postmaster@b.example\r\nAuto-Submitted: auto-generated", True),
    (b"From: postmaster@b.example\r\nReturn-Path: <>", True),
    (b"From: MAILER-DAEMON@b.example\r\nReturn-Path: <>", True),
    (b"From: MAILER-DAEMON@b.example", False),
    (b"From: jane@b.example", False),
    (b'From: "mailer-daemon@b.example" <jane@b.example>', False),
    (b"Content-Type: multipart/report; boundary=x", True),
    (b"Subject: Auto-Submitted: auto-replied", False),
]


@pytest.mark.parametrize(("field", "expected"), AUTOMATIC)
def test_mail_of_robots_is_known(field: bytes, expected: bool) -> None:
    assert is_automatic(header.parse(field + b"\r\n\r\n")) is expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_message_that_is_cut_or_damaged_raises_nothing(path: Path) -> None:
    data = path.read_bytes()
    chance = random.Random(path.stem)
    for _ in range(40):
        cut = chance.randrange(len(data))
        for damaged in (data[:cut], data[:cut] + bytes([chance.randrange(256)]) + data[cut + 1 :]):
            assert isinstance(read_bytes(damaged), (Report, type(None)))
            is_automatic(block_of(damaged))


@given(st.binary(max_size=300))
def test_nothing_in_a_status_part_raises(data: bytes) -> None:
    read_bytes(REPORT.replace(b"%b", data))


def test_hostile_bodies_are_read_in_linear_time() -> None:
    """A square of 128 KiB steps would not come back for minutes; nothing is timed."""
    for filling in (b"\n", b"<", b"--xx\r\n", b"a@", b"a.", b"5.", b"=?", b"\r\n ", b" \n", b"(", b"a:\n\n"):
        body = filling * (MAX_LOOKED_BYTES // len(filling))
        read_bytes(REPORT.replace(b"%b", body))
        read_bytes(b"From: postmaster@x.example\r\nContent-Type: text/html\r\n\r\n" + body)
        read_bytes(b"From: postmaster@x.example\r\nContent-Type: a" + b';a="' * 9_000 + b"\r\n\r\n" + body)
