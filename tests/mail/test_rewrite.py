"""mail/rewrite.py: what a forwarded header block says, and what it keeps.

Tables for From, Reply-To and what is dropped; properties over random blocks; then every message of our own corpus (messages/)
and of the public one goes through split, parse and forward, and is read with Python's email package.
"""

from __future__ import annotations

import email.policy
import re
import subprocess
import sys
from dataclasses import replace
from email import message_from_bytes
from email.parser import BytesParser
from email.utils import getaddresses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.mail import rewrite
from postern.mail.address import Mailbox, normalise, parse_list
from postern.mail.address_list import is_usable
from postern.mail.header import HeaderBlock, parse, split
from postern.mail.links import Unsubscribe, links_of
from postern.mail.rewrite import (
    Forward,
    author_of,
    forward,
    loop_marks,
    others_of,
    received_count,
    reply_to_of,
)

HERE = Path(__file__).resolve().parent
OWN_CORPUS = sorted(HERE.glob("messages/*.eml"))
PUBLIC = HERE.parents[2] / "shared" / "corpus"
PUBLIC_CORPUS = sorted(PUBLIC.rglob("*.eml"))

ALIAS = "shop.blue@alias.example"
REVERSE = "re-abcdefghijklmnop@alias.example"
OTHERS = ("re-bbbbbbbbbbbbbbbb@alias.example", "re-cccccccccccccccc@alias.example")
MARK = b"1.0123456789abcdef"
TOP = b"Postern-Loop: " + MARK + b"\r\nX-Postern-Alias: " + ALIAS.encode() + b"\r\n"

# Written out once more, not taken from the code.
OURS = {b"from", b"reply-to", b"postern-loop", b"x-postern-alias"}
DROPPED = OURS | {
    *(b"bcc", b"return-path", b"sender", b"errors-to", b"dkim-signature", b"domainkey-signature"),
    *(b"x-google-dkim-signature", b"authentication-results", b"received-spf"),
    *(
        b"disposition-notification-to",
        b"return-receipt-to",
        b"x-confirm-reading-to",
        b"mail-reply-to",
        b"mail-followup-to",
    ),
}
DROPPED_BEGINNINGS = (b"arc-", b"resent-", b"x-postern-")
FROM_JANE = b"From: Jane Doe <jane@example.com>\r\n"


def plan_for(block: HeaderBlock) -> Forward:
    """As flow/deliver makes it: a reverse address for each who can be answered."""
    author = author_of(block)
    others = reply_to_of(block)
    reverse = tuple(f"re-{'bcdef'[n] * 16}@alias.example" for n in range(len(others)))
    return Forward(ALIAS, author, REVERSE if author else None, reverse, MARK)


def kept(block: HeaderBlock) -> list[bytes]:
    return [
        field.raw
        for field in block.fields
        if field.name.lower() not in DROPPED and not field.name.lower().startswith(DROPPED_BEGINNINGS)
    ]


JANE = Mailbox("Jane Doe", "jane@example.com")
FROM = b'From: "Jane Doe - jane(at)example.com" <' + REVERSE.encode() + b">\r\n"
ANSWER = b"Reply-To: " + REVERSE.encode() + b"\r\n"

REWRITTEN: list[tuple[str, bytes, Forward, bytes]] = [
    (
        "From and Reply-To stand where From stood",
        b"Received: x\r\nFrom: Jane Doe <jane@example.com>\r\nTo: a@b.example\r\n\r\n",
        Forward(ALIAS, JANE, REVERSE, (), MARK),
        TOP + b"Received: x\r\n" + FROM + ANSWER + b"To: a@b.example\r\n\r\n",
    ),
    (
        "further From fields are dropped, whatever their case",
        b"A: 1\r\nFROM : Jane Doe <jane@example.com>\r\nB: 2\r\nfrom: x@y.example\r\nC: 3\r\nFrom:\r\n\r\n",
        Forward(ALIAS, JANE, REVERSE, (), MARK),
        TOP + b"A: 1\r\n" + FROM + ANSWER + b"B: 2\r\nC: 3\r\n\r\n",
    ),
    (
        "no From: it is the alias itself, on top, and nobody can be answered",
        b"A: 1\r\nReply-To: x@y.example\r\n\r\n",
        Forward(ALIAS, None, None, (), MARK),
        TOP + b'From: "unknown sender" <' + ALIAS.encode() + b">\r\nA: 1\r\n\r\n",
    ),
    (
        "a From without an address is replaced in its place",
        b"A: 1\r\nFrom: Jane\r\nB: 2\r\n\r\n",
        Forward(ALIAS, None, None, (), MARK),
        TOP + b'A: 1\r\nFrom: "unknown sender" <' + ALIAS.encode() + b">\r\nB: 2\r\n\r\n",
    ),
    (
        "Reply-To of the sender's choice takes the place of the author",
        b"Reply-To: desk@example.com\r\nFrom: Jane Doe <jane@example.com>\r\n\r\n",
        Forward(ALIAS, JANE, REVERSE, OTHERS, MARK),
        TOP + FROM + b"Reply-To: " + OTHERS[0].encode() + b",\r\n " + OTHERS[1].encode() + b"\r\n\r\n",
    ),
    (
        "Reply-To that names the author too keeps the author",
        b"Reply-To: desk@example.com, JANE@Example.com\r\nFrom: Jane Doe <jane@example.com>\r\n\r\n",
        Forward(ALIAS, JANE, REVERSE, OTHERS[:1], MARK),
        TOP + FROM + b"Reply-To: " + REVERSE.encode() + b",\r\n " + OTHERS[0].encode() + b"\r\n\r\n",
    ),
    (
        "an empty block",
        b"",
        Forward(ALIAS, None, None, (), MARK),
        TOP + b'From: "unknown sender" <' + ALIAS.encode() + b">\r\n\r\n",
    ),
]


@pytest.mark.parametrize(
    ("block", "plan", "expected"), [case[1:] for case in REWRITTEN], ids=[case[0] for case in REWRITTEN]
)
def test_a_block_is_rewritten(block: bytes, plan: Forward, expected: bytes) -> None:
    assert forward(parse(block), plan) == expected


GONE = [*sorted(DROPPED - OURS), b"Reply-To", b"Resent-From", b"Resent-Bcc", b"RESENT-MESSAGE-ID", b"bCC"]
GONE += [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results", b"DKIM-SIGNATURE"]
GONE += [b"Postern-Loop", b"X-Postern-Alias", b"X-Postern-Anything"]


@pytest.mark.parametrize("name", GONE)
def test_a_field_that_tells_too_much_or_holds_no_longer_is_dropped(name: bytes) -> None:
    raw = b"A: 1\r\n%b: dropped@example.net\r\n folded\r\n%b : again\r\nFrom: jane@example.com\r\n\r\n"
    block = parse(raw % (name, name))
    written = forward(block, plan_for(block))
    assert b"dropped" not in written
    assert b"folded" not in written
    assert b"again" not in written
    assert b"A: 1\r\n" in written


KEPT = [
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "References",
    "In-Reply-To",
    "MIME-Version",
    "Content-Type",
    "Received",
]
KEPT += [
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "X-Mailer",
    "Autocrypt",
]
KEPT += ["Auto-Submitted", "Precedence", "From-Archive", "Sender-Id", "Delivered-To", "X-Spam-Status"]


@pytest.mark.parametrize("name", KEPT)
def test_every_other_field_is_kept_byte_for_byte(name: str) -> None:
    raw = name.encode() + b":\t 8-bit \xff\xe9 " + b"x" * 1500 + b"  \r\n\t folded \r\n"
    block = parse(b"From: jane@example.com\r\n" + raw + raw + b"\r\n")
    assert forward(block, plan_for(block)).endswith(raw + raw + b"\r\n")


SHOWN = [
    (Mailbox("", "jane@example.com"), "jane(at)example.com"),
    (Mailbox("Jane", "jane@example.com"), "Jane - jane(at)example.com"),
    (Mailbox("jane@example.com", "jane@example.com"), "jane(at)example.com"),
    (Mailbox("boss@bank.example", "jane@example.com"), "boss(at)bank.example - jane(at)example.com"),
    (Mailbox("x" * 100, "jane@example.com"), "x" * 61 + "... - jane(at)example.com"),
    (Mailbox("a\r\nb", "jane@example.com"), "a b - jane(at)example.com"),
]


@pytest.mark.parametrize(("author", "name"), SHOWN)
def test_the_name_shows_the_sender_and_the_whole_address(author: Mailbox, name: str) -> None:
    assert rewrite.shown_name(author) == name


def test_the_author_is_the_first_address_that_any_from_holds() -> None:
    block = parse(
        b"From: Jane\r\nfrom: =?utf-8?q?Zo=C3=AB?= <z@example.com>, b@example.com\r\nFrom: c@example.com\r\n\r\n"
    )
    assert author_of(block) == Mailbox("Zoë", "z@example.com")
    assert author_of(parse(b"From: nobody\r\n" * 4 + b"From: a@b.example\r\n\r\n")) == Mailbox(
        "", "a@b.example"
    )
    assert author_of(parse(b"From: nobody\r\n" * 5 + b"From: a@b.example\r\n\r\n")) is None
    assert author_of(parse(b"From: nobody\r\nSender: x@example.com\r\n\r\n")) is None


def test_reply_to_is_without_the_author_without_doubles_and_at_most_five() -> None:
    entries = b", ".join(b"N%d <U%d@Example.com>" % (n, n) for n in (1, 1, 2, 3, 4, 5, 6, 7))
    block = parse(b"From: u2@example.com\r\nReply-To: " + entries + b", u1@example.com\r\n\r\n")
    assert [m.address for m in reply_to_of(block)] == [f"U{n}@Example.com" for n in (1, 3, 4, 5, 6)]
    assert reply_to_of(parse(b"From: u2@example.com\r\n\r\n")) == []
    assert reply_to_of(parse(b"Reply-To: nobody\r\n" * 5 + b"Reply-To: a@b.example\r\n\r\n")) == []
    assert reply_to_of(parse(b"Reply-To: a@b.example\r\nREPLY-TO: c@d.example\r\n\r\n")) == [
        Mailbox("", "a@b.example"),
        Mailbox("", "c@d.example"),
    ]


def test_traces_of_the_way_are_counted() -> None:
    block = parse(
        b"Received: a\r\nRECEIVED: b\r\n folded\r\nX-Received: c\r\nPostern-Loop:  one \r\npostern-loop: two\r\n\r\n"
    )
    assert received_count(block) == 2
    assert loop_marks(block) == [b"one", b"two"]


@pytest.mark.parametrize("mark", [b"", b"a\r\nBcc: x", b"a\n", b"\0", b"\xff", b" a", b"a ", b"x" * 901])
def test_a_loop_mark_that_could_break_the_header_is_refused(mark: bytes) -> None:
    with pytest.raises(ValueError, match="loop mark"):
        forward(parse(b""), Forward(ALIAS, None, None, (), mark))


EVIL = "x@y.example\r\nBcc: z@y.example"


@pytest.mark.parametrize(
    "plan",
    [
        Forward(EVIL, None, None, (), MARK),
        Forward(ALIAS, JANE, EVIL, (), MARK),
        Forward(ALIAS, JANE, REVERSE, (EVIL,), MARK),
    ],
)
def test_an_address_of_the_plan_that_could_break_the_header_is_refused(plan: Forward) -> None:
    with pytest.raises(BadInput):
        forward(parse(b"From: jane@example.com\r\n\r\n"), plan)


R0, R1, R2 = (address.encode() for address in (REVERSE, *OTHERS))
SHOP = ALIAS.encode()
MAPPED = {"bob@example.net": OTHERS[0], "eve@example.net": OTHERS[1]}
BOB = b'"Bob - bob(at)example.net" <' + R1 + b">"
EVE = b'"eve(at)example.net" <' + R2 + b">"


def forwarded(raw: bytes, **more: object) -> bytes:
    """What becomes of fields between From and Subject, without what stands around them."""
    plan = replace(Forward(ALIAS, JANE, REVERSE, (), MARK), **more)
    written = forward(parse(FROM_JANE + raw + b"Subject: s\r\n\r\n"), plan)
    assert written.startswith(TOP)
    assert written.endswith(b"Subject: s\r\n\r\n")
    top, _, rest = written[len(TOP) : -len(b"Subject: s\r\n\r\n")].partition(FROM + ANSWER)
    return top + rest


RECIPIENTS: list[tuple[str, bytes, bytes]] = [
    ("the alias alone", b"To:\t Shop <%b> \r\n\t(x) \r\n" % SHOP, b"To:\t Shop <%b> \r\n\t(x) \r\n" % SHOP),
    ("the alias in another case", b"TO: Shop.BLUE@Alias.Example\r\n", b"TO: Shop.BLUE@Alias.Example\r\n"),
    ("the alias twice", b"To: %b, %b\r\n" % (SHOP, SHOP), b"To: %b, %b\r\n" % (SHOP, SHOP)),
    ("nobody", b"To: undisclosed-recipients:;\r\nCc:\r\n", b"To: undisclosed-recipients:;\r\nCc:\r\n"),
    ("somebody else", b"To: Bob <BOB@Example.net>\r\n", b'To: "Bob - BOB(at)Example.net" <%b>\r\n' % R1),
    (
        "the alias among others keeps its name and its case",
        b"To: Bob <bob@example.net>, =?utf-8?q?L=C3=A4den?= <Shop.Blue@alias.example>\r\nCc: eve@example.net\r\n",
        b"To: %b,\r\n =?utf-8?b?TMOkZGVu?= <Shop.Blue@alias.example>\r\nCc: %b\r\n" % (BOB, EVE),
    ),
    (
        "a group with members",
        b"To: all: Bob <bob@example.net>, eve@example.net;\r\n",
        b"To: %b,\r\n %b\r\n" % (BOB, EVE),
    ),
    ("somebody twice", b"To: Bob <bob@example.net>, bob@example.net\r\n", b"To: %b\r\n" % BOB),
    ("somebody in two fields", b"To: Bob <bob@example.net>\r\nCc: bob@example.net\r\n", b"To: %b\r\n" % BOB),
    (
        "two fields To",
        b"To: Bob <bob@example.net>\r\nto: eve@example.net\r\n",
        b"To: %b\r\nto: %b\r\n" % (BOB, EVE),
    ),
    (
        "one whom the plan does not know",
        b"To: Bob <bob@example.net>, x@y.example\r\n",
        b'To: %b,\r\n "and 1 other" <%b>\r\n' % (BOB, SHOP),
    ),
    ("only such", b"Cc: x@y.example, z@y.example, z@Y.example\r\n", b'Cc: "and 2 others" <%b>\r\n' % SHOP),
    ("an unreadable one beside them", b"To: bob@, eve@example.net\r\n", b"To: %b\r\n" % EVE),
    (
        "a reverse address is nobody",
        b"To: re-aaaaaaaaaaaaaaaa@alias.example\r\n",
        b'To: "and 1 other" <%b>\r\n' % SHOP,
    ),
    (
        "a list too long to be read",
        b"To: Bob <bob@example.net>" + b", a@b.example" * 200 + b"\r\n",
        b'To: %b,\r\n "and many others" <%b>\r\n' % (BOB, SHOP),
    ),
    (
        "a list longer than is read",
        b"To: %b," % SHOP + b" " * 17_000 + b"x@y.example\r\n",
        b'To: %b,\r\n "and many others" <%b>\r\n' % (SHOP, SHOP),
    ),
    (
        "fields that only look so",
        b"X-To: x@y.example\r\nTo-Cc: x@y.example\r\n",
        b"X-To: x@y.example\r\nTo-Cc: x@y.example\r\n",
    ),
]


@pytest.mark.parametrize(("raw", "expected"), [c[1:] for c in RECIPIENTS], ids=[c[0] for c in RECIPIENTS])
def test_the_others_in_to_and_cc_become_reverse_addresses(raw: bytes, expected: bytes) -> None:
    assert forwarded(raw, others=MAPPED) == expected
    assert forwarded(raw) == raw


def test_an_answer_to_all_stays_with_us() -> None:
    people = [f"P{n} <p{n}@example.net>" for n in range(40)]
    block = parse(f"From: a@b.example\r\nTo: {ALIAS}, {', '.join(people)}\r\n\r\n".encode())
    found = others_of(block, {ALIAS})
    assert len(found) == rewrite.MAX_OTHERS
    others = {
        mailbox.address: f"re-{n:a>16}@alias.example".replace("0", "z").replace("1", "y")
        for n, mailbox in enumerate(found)
    }
    plan = replace(plan_for(block), others=others)
    read = message_from_bytes(forward(block, plan), policy=email.policy.default)
    written = [str(one) for one in read["To"].addresses]
    assert len(written) == 22
    assert {one.domain for one in read["To"].addresses} == {"alias.example"}
    assert written[-1] == f"and 20 others <{ALIAS}>"


def all_plan(block: HeaderBlock) -> Forward:
    """As flow/letter makes it when everybody gets a reverse address."""
    found = [mailbox.address for mailbox in others_of(block, {ALIAS})]
    reverse = {
        normalise(address): f"re-{'bcdefghijklmnopqrstuvwxyz'[n] * 16}@alias.example"
        for n, address in enumerate(found)
    }
    links = dict.fromkeys(links_of(block), OTHERS[0])
    return replace(plan_for(block), others=reverse, unsubscribe=Unsubscribe(links, OUR_URL), dmarc="pass")


@pytest.mark.parametrize("path", [*OWN_CORPUS, *PUBLIC_CORPUS], ids=lambda path: path.stem)
def test_no_answer_to_all_and_no_link_leads_past_us(path: Path) -> None:
    head, _ = split([path.read_bytes()])
    block = parse(head)
    written = parse(forward(block, all_plan(block)))
    assert parse(written.to_bytes()).fields == written.fields
    for name in (b"To", b"Cc", b"Reply-To", b"From"):
        for field in written.all(name):
            text = field.value.decode("latin-1")
            seen = {address for _, address in getaddresses([text]) if is_usable(address)}
            seen |= {mailbox.address for mailbox in parse_list(field.value)}
            assert {address.rpartition("@")[2] for address in seen} <= {"alias.example"}
    for field in written.fields:
        if field.name.lower().startswith(b"list-") and b"mailto:" in field.value.lower():
            assert not re.sub(rb"mailto:re-[a-z]{16}@alias[.]example", b"", field.value).count(b"mailto:")


def test_the_others_are_found_once_each_and_without_our_own() -> None:
    block = parse(
        b"From: jane@example.com\r\nTo: Shop <Shop.Blue@alias.example>, Bob <bob@example.net>\r\n"
        b"Cc: =?utf-8?q?B=C3=B6b?= <BOB@example.net>, second@alias.example, re-aaaaaaaaaaaaaaaa@alias.example,\r\n"
        b" bn-aaaa@alias.example, eve@example.net, nobody\r\nBcc: x@y.example\r\n\r\n"
    )
    own = {ALIAS, "second@alias.example"}
    assert others_of(block, own) == [Mailbox("Bob", "bob@example.net"), Mailbox("", "eve@example.net")]
    assert others_of(parse(b"\r\n"), own) == []
    assert others_of(parse(b"Cc: nobody\r\n" * 5 + b"Cc: a@b.example\r\n\r\n"), own) == []


OUR_URL = "https://alias.example/unsubscribe/abc"
OURS_ON_TOP = (
    b"List-Unsubscribe: <" + OUR_URL.encode() + b">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)
POST = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
WEB = b"List-Unsubscribe: <https://x.example/u?a=1,2>\r\n"

LINKS: list[tuple[str, bytes, bytes]] = [
    ("the sender gives none", b"", OURS_ON_TOP),
    ("the sender gives one of the web", WEB + POST, WEB + POST),
    (
        "folded and spelled oddly",
        b"LIST-unsubscribe:\r\n\t<https://x.example/>  \r\n",
        b"LIST-unsubscribe:\r\n\t<https://x.example/>  \r\n",
    ),
    (
        "only a mailto: that the plan does not know",
        b"List-Unsubscribe: <mailto:x@y.example>\r\n" + POST,
        OURS_ON_TOP,
    ),
    (
        "only a mailto: that it knows",
        b"List-Unsubscribe: <mailto:bob@example.net>\r\n",
        b"List-Unsubscribe: <mailto:%b>\r\n" % R1,
    ),
    (
        "both: the web's stays",
        b"List-Unsubscribe: <mailto:x@y.example?subject=u>,\r\n <https://x.example/u>\r\n" + POST,
        b"List-Unsubscribe: <https://x.example/u>\r\n" + POST,
    ),
    (
        "both, known",
        b"List-Unsubscribe: <MAILTO:BOB%40example.net?Subject=a%20b&bcc=x@y.example&body=c>, <https://x.example/u>\r\n",
        b"List-Unsubscribe: <mailto:%b?Subject=a%%20b&body=c>,\r\n <https://x.example/u>\r\n" % R1,
    ),
    ("a fold inside the link", b"List-Unsubscribe: <mail\r\n to:x@y.example>\r\n", OURS_ON_TOP),
    ("a mailto: without brackets", b"List-Unsubscribe: mailto:x@y.example\r\n", OURS_ON_TOP),
    ("an empty field", b"List-Unsubscribe:\r\n" + POST, OURS_ON_TOP),
    ("two addresses in a link", b"List-Unsubscribe: <mailto:bob@example.net,x@y.example>\r\n", OURS_ON_TOP),
    ("the address in the query", b"List-Unsubscribe: <mailto:?to=x@y.example>\r\n", OURS_ON_TOP),
    ("no address", b"List-Unsubscribe: <mailto:x>\r\n", OURS_ON_TOP),
    (
        "line ends hidden in the link",
        b"List-Unsubscribe: <mailto:bob@example.net%0D%0ABcc:x@y.example>\r\n",
        OURS_ON_TOP,
    ),
    (
        "other fields of lists",
        WEB
        + b"List-Post: <mailto:x@y.example>\r\nList-Help: <mailto:eve@example.net>\r\nList-Id: <mailto:x@y.example>\r\n",
        WEB + b"List-Help: <mailto:%b>\r\nList-Id: <mailto:x@y.example>\r\n" % R2,
    ),
    ("a list that takes no mail", WEB + b"List-Post: NO (closed)\r\n", WEB + b"List-Post: NO (closed)\r\n"),
]


@pytest.mark.parametrize(("raw", "expected"), [c[1:] for c in LINKS], ids=[c[0] for c in LINKS])
def test_no_link_of_a_list_writes_from_the_mailbox(raw: bytes, expected: bytes) -> None:
    assert forwarded(raw, unsubscribe=Unsubscribe(MAPPED, OUR_URL)) == expected
    assert forwarded(raw) == raw


def test_without_a_url_of_ours_nothing_is_added() -> None:
    raw = b"List-Unsubscribe: <mailto:x@y.example>\r\n" + POST
    assert forwarded(raw, unsubscribe=Unsubscribe({})) == b""


def test_addresses_in_links_are_found_once_each_and_at_most_five() -> None:
    known = b"List-Unsubscribe: <https://x.example/>, <mailto:Bob@Example.NET?subject=x>, <mailto:nobody>\r\n"
    again = (
        b"List-Post: <mailto:bob%40example.net>, <mailto:EVE@example.net>\r\nX-List: <mailto:x@y.example>\r\n"
    )
    assert links_of(parse(known + again + b"\r\n")) == ["bob@example.net", "eve@example.net"]
    many = b", ".join(b"<mailto:u%d@example.net>" % n for n in range(9))
    assert links_of(parse(b"List-Help: " + many + b"\r\n\r\n")) == [f"u{n}@example.net" for n in range(5)]


def test_the_verdict_is_told_in_our_own_words() -> None:
    raw = b"X-Postern-Auth: dmarc=pass\r\nAuthentication-Results: mx.example; dmarc=pass\r\n"
    assert forwarded(raw, dmarc="fail") == b"X-Postern-Auth: dmarc=fail\r\n"
    assert forwarded(raw) == b""


@pytest.mark.parametrize(
    "more",
    [
        {"dmarc": "pass\r\nBcc: x"},
        {"dmarc": "pass "},
        {"unsubscribe": Unsubscribe({}, "https://x.example/>\r\nBcc: x")},
        {"unsubscribe": Unsubscribe({}, "mailto:x@y.example")},
        {
            "unsubscribe": Unsubscribe({"bob@example.net": EVIL}),
            "raw": b"List-Help: <mailto:bob@example.net>\r\n",
        },
        {"others": {"bob@example.net": EVIL}, "raw": b"To: bob@example.net\r\n"},
    ],
)
def test_a_plan_that_could_break_the_header_is_refused(more: dict[str, object]) -> None:
    raw = more.pop("raw", b"")
    assert isinstance(raw, bytes)
    with pytest.raises((ValueError, BadInput)):
        forwarded(raw, **more)


@given(st.text(), st.text())
def test_nothing_in_a_name_or_address_of_the_sender_adds_a_field(name: str, address: str) -> None:
    plan = Forward(ALIAS, Mailbox(name, address), REVERSE, (), MARK)
    written = forward(parse(b"From: jane@example.com\r\nSubject: s\r\n\r\n"), plan)
    assert [f.name for f in parse(written).fields] == [
        b"Postern-Loop",
        b"X-Postern-Alias",
        b"From",
        b"Reply-To",
        b"Subject",
    ]
    assert re.fullmatch(rb"([!-~ \t]+\r\n)+\r\n", written)


def check_forward(data: bytes) -> None:
    """Everything that must hold for any message at all."""
    block, rest = split([data])
    body = b"".join(rest)
    assert block + body == data
    parsed = parse(block)
    plan = plan_for(parsed)
    written = forward(parsed, plan)

    again, rest_again = split([written, body])
    assert (again, b"".join(rest_again)) == (written, body)
    assert kept(parse(written)) == kept(parsed)
    names = [field.name.lower() for field in parse(written).fields]
    assert {name: names.count(name) for name in OURS - {b"reply-to"}} == dict.fromkeys(
        OURS - {b"reply-to"}, 1
    )
    assert names.count(b"reply-to") == (1 if plan.author else 0)
    assert not [n for n in names if n not in OURS and (n in DROPPED or n.startswith(DROPPED_BEGINNINGS))]
    check_as_python_reads_it(written, body, plan)


def check_as_python_reads_it(written: bytes, body: bytes, plan: Forward) -> None:
    modern = message_from_bytes(written, policy=email.policy.default)
    sender = modern.get_all("From")
    assert len(sender) == 1
    (shown,) = sender[0].addresses
    assert shown.addr_spec == (REVERSE if plan.author else ALIAS)
    assert str(shown.display_name).replace(" ", "") == (
        rewrite.shown_name(plan.author) if plan.author else "unknown sender"
    ).replace(" ", "")
    if plan.author:
        wanted = {a.addr_spec for field in modern.get_all("Reply-To") for a in field.addresses}
        assert wanted <= {REVERSE, *plan.reply_to}
        assert wanted >= (set(plan.reply_to) or {REVERSE})
    else:
        assert modern["Reply-To"] is None
    # The old policy, and no parsing of parts: where the body begins for it.
    old = BytesParser(policy=email.policy.compat32).parsebytes(written + body, headersonly=True)
    assert old["X-Postern-Alias"] == ALIAS
    assert old["Bcc"] is None
    del old["Content-Transfer-Encoding"]
    assert old.get_payload(decode=True) == body


@pytest.mark.parametrize("path", OWN_CORPUS, ids=lambda path: path.stem)
def test_every_message_of_our_corpus_is_forwarded(path: Path) -> None:
    check_forward(path.read_bytes())


def test_our_corpus_is_there() -> None:
    assert 15 <= len(OWN_CORPUS) <= 25


@pytest.mark.skipif(not PUBLIC_CORPUS, reason=f"no public corpus: put .eml files under {PUBLIC}")
@pytest.mark.parametrize("path", PUBLIC_CORPUS, ids=lambda path: str(path.relative_to(PUBLIC)))
def test_every_message_of_the_public_corpus_is_forwarded(path: Path) -> None:
    check_forward(path.read_bytes())


LINES = [
    b"From: jane@example.com",
    b"from : =?utf-8?q?a=0D=0Ab?= <b@c.example>",
    b"FROM:",
    b" folded@x.example",
    b"\tb,",
]
LINES += [
    b"Reply-To: c@d.example, jane@example.com",
    b"Bcc: x",
    b"ARC-Seal: y",
    b"Subject: \xff",
    b"To: \0a\rb",
    b"Resent-To: z",
]
LINES += [
    b"Postern-Loop: 9",
    b"From mbox",
    b"junk",
    b"",
    b"Received: x",
    b"Received: y",
    b'reply-to:"',
    b"From:((",
]


@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from([b"\r\n", b"\n", b"\r\r\n"])), max_size=12),
    st.binary(max_size=50),
)
def test_every_message_is_forwarded(lines: list[tuple[bytes, bytes]], body: bytes) -> None:
    check_forward(b"".join(line + end for line, end in lines) + b"\r\n" + body)


def corpus(name: str) -> tuple[HeaderBlock, bytes]:
    block, rest = split([(HERE / "messages" / f"{name}.eml").read_bytes()])
    return parse(block), b"".join(rest)


AUTHORS = [
    ("plain", Mailbox("Jane Doe", "jane@example.net")),
    ("8-bit-headers", Mailbox("Renée Müller", "renee@example.net")),
    ("smtputf8", Mailbox("Żaneta", "żaneta@poczta.example")),
    ("folded", Mailbox("Jane Q. Doe", "jane@example.net")),
    ("line-of-1500", Mailbox("", "jane@example.net")),
    ("duplicate-fields", Mailbox("Jane Doe", "jane@example.net")),
    ("no-from", None),
    ("empty-header", None),
    ("header-without-body", Mailbox("", "jane@example.net")),
    ("body-without-header", None),
    ("indented-body-without-header", None),
    ("mbox-from-line", Mailbox("Jane Doe", "jane@example.net")),
    ("lf-line-ends", Mailbox("Jane", "jane@example.net")),
    ("bare-cr", Mailbox("hidden@example.com", "jane@example.net")),
    ("nul", Mailbox("Ja ne", "jane@example.net")),
    ("signed-look-alike", Mailbox("Jane Doe", "jane@example.net")),
    ("encrypted-look-alike", Mailbox("Jane", "jane@example.net")),
    ("nested-multiparts", Mailbox("Jane", "jane@example.net")),
    ("bounce-with-empty-sender", Mailbox("Mail Delivery System", "MAILER-DAEMON@mx.example.net")),
    ("encoded-words-hiding-line-ends", Mailbox("Jane Bcc: everybody@example.com body", "jane@example.net")),
    ("groups-and-comments", Mailbox("Jane Doe", "jane@example.net")),
    ("list-mail", Mailbox("Jane Doe via gardeners", "gardeners@lists.example.org")),
    ("dots", Mailbox("", "jane@example.net")),
    ("blank-before-colon", Mailbox("Jane Doe", "jane@example.net")),
    ("junk-line-in-header", Mailbox("Jane Doe", "jane@example.net")),
]


@pytest.mark.parametrize(("name", "author"), AUTHORS)
def test_the_author_of_every_message_of_our_corpus(name: str, author: Mailbox | None) -> None:
    assert author_of(corpus(name)[0]) == author


def test_the_table_of_authors_names_every_message() -> None:
    assert sorted(name for name, _ in AUTHORS) == [path.stem for path in OWN_CORPUS]


def test_of_a_lists_mail_only_what_the_user_needs_is_left() -> None:
    block, body = corpus("list-mail")
    written = forward(block, plan_for(block))
    assert [f.name for f in parse(written).fields] == [
        *(b"Postern-Loop", b"X-Postern-Alias", b"Received", b"From", b"Reply-To", b"To", b"Subject"),
        *(
            b"List-Id",
            b"List-Unsubscribe",
            b"List-Unsubscribe-Post",
            b"List-Post",
            b"Precedence",
            b"Message-ID",
        ),
    ]
    assert b"forged" not in written
    assert loop_marks(block) == [b"3.forged"]
    assert body == b"Beer traps.\r\n"


def test_the_email_package_is_not_on_the_road() -> None:
    names = sorted(
        path.stem for path in Path(rewrite.__file__).parent.glob("*.py") if path.stem != "__init__"
    )
    assert "header" in names
    script = f"import sys; sys.path.insert(0, {str(Path(rewrite.__file__).parents[2])!r})\n"
    script += "".join(f"import postern.mail.{name}\n" for name in names) + "print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "postern.mail.header" in loaded
    assert not {"email", "cryptography", "ssl", "smtplib", "subprocess", "logging", "typing"} & set(loaded)
