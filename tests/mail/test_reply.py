"""Replies as mail programs write them: nothing that reaches the contact names the mailbox. The email package is the judge."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from postern.mail import header, reply, scrub
from postern.mail.address import Mailbox
from postern.mail.reply import Reply

FOLDER = Path(__file__).parent / "messages" / "replies"
ALIAS = "shop@alias.example"
REVERSE = "re-k5uvmlqz3pqrs2ab@alias.example"
BOB = Mailbox("Bob Baker", "bob@bakery.example")
OURS = b"<ours@alias.example>"
CONTACTS_ID = b"<20261123090012.4F1@bakery.example>"

OWNERS = {
    "gmail": "jane.doe@gmail.com",
    "outlook": "jane.doe@outlook.example",
    "apple": "jane.doe@icloud.example",
    "thunderbird": "jane.doe@posteo.example",
}


def plan(own: str, **changes: object) -> Reply:
    given = {
        "alias": ALIAS,
        "name": "Jane's shop",
        "own": (own,),
        "contacts": {REVERSE: BOB},
        "message_id": OURS,
        "ids": {CONTACTS_ID: CONTACTS_ID},
        "loop_mark": b"1.abc",
        **changes,
    }
    return Reply(**given)  # type: ignore[arg-type]


def sent(raw: bytes, the_plan: Reply) -> bytes:
    """What leaves for this mail."""
    block, rest = header.split([raw])
    parsed = header.parse(block)
    others = dict.fromkeys(the_plan.own, ALIAS)
    others.update((key, one.address) for key, one in the_plan.contacts.items())
    return reply.reply(parsed, the_plan) + b"".join(scrub.scrub(parsed, rest, others))


def parts_of(message: EmailMessage) -> Iterator[str]:
    """Everything that a reader could find in it: all fields, and all content that is text, decoded."""
    for part in message.walk():
        yield from (f"{name}: {value}" for name, value in part.items())
        if part.get_content_maintype() == "text":
            yield str(part.get_content())


every_client = pytest.mark.parametrize("client", OWNERS)


@pytest.fixture
def out(client: str) -> bytes:
    return sent((FOLDER / f"{client}.eml").read_bytes(), plan(OWNERS[client]))


@every_client
def test_nothing_names_the_mailbox_its_server_or_its_program(client: str, out: bytes):
    own = OWNERS[client]
    message = email.message_from_bytes(out, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    told = list(parts_of(message))
    assert len(told) > 12
    for text in told:
        assert own not in text.lower()
        assert own.replace("@", "%40") not in text.lower()
    fields = out.partition(b"\r\n\r\n")[0].decode().lower()
    for word in (
        own.partition("@")[2],
        "jane doe",
        "203.0.113.",
        "thunderbird",
        "x-",
        "received",
        "dkim",
        "prod.outlook",
    ):
        assert word not in fields


@every_client
def test_only_fields_that_are_let_through_go_out(client: str, out: bytes):
    message = email.message_from_bytes(out, policy=email.policy.default)
    names = {name.lower() for name in message}
    assert names <= {
        *("from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "postern-loop"),
        *("mime-version", "content-type", "content-transfer-encoding", "content-language"),
    }
    assert message["From"] == f"Jane's shop <{ALIAS}>"
    assert message["Message-ID"] == OURS.decode()
    assert message["In-Reply-To"] == message["References"] == CONTACTS_ID.decode()
    assert message["Date"].endswith("+0000")


@every_client
def test_the_contact_sees_himself_and_not_the_reverse_address(client: str, out: bytes):
    message = email.message_from_bytes(out, policy=email.policy.default)
    assert [(one.display_name, one.addr_spec) for one in message["To"].addresses] == [
        ("Bob Baker", BOB.address)
    ]
    assert b"re-k5uvmlqz3pqrs2ab" not in out.replace(b"=\r\n", b"")


def test_who_is_copied_stays_and_ones_own_mailbox_does_not():
    out = sent((FOLDER / "gmail.eml").read_bytes(), plan(OWNERS["gmail"]))
    message = email.message_from_bytes(out, policy=email.policy.default)
    assert [one.addr_spec for one in message["Cc"].addresses] == ["ann@choir.example"]


def test_what_was_written_arrives():
    out = sent((FOLDER / "outlook.eml").read_bytes(), plan(OWNERS["outlook"]))
    message = email.message_from_bytes(out, policy=email.policy.default)
    body, attachment = message.get_body(("plain",)), next(iter(message.iter_attachments()))
    assert body is not None
    assert "Fine by me." in body.get_content()
    assert f"To: {ALIAS}" in body.get_content()
    assert f"<{BOB.address}>" in body.get_content()
    assert attachment.get_filename() == "order.pdf"
    assert b"%PDF-1.7 not text jane.doe@outlook.example" in attachment.get_content(), "files pass untouched"


def test_a_mailbox_inside_an_encoded_subject_is_replaced():
    out = sent((FOLDER / "apple.eml").read_bytes(), plan(OWNERS["apple"]))
    message = email.message_from_bytes(out, policy=email.policy.default)
    assert message["Subject"] == f"Re: Brötchen für {ALIAS}"


def block_of(text: str) -> header.HeaderBlock:
    return header.parse(text.replace("\n", "\r\n").encode())


def made(text: str, **changes: object) -> EmailMessage:
    out = reply.reply(block_of(text), plan("jane@real.example", **changes))
    found = email.message_from_bytes(out, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


RECIPIENTS = {
    "nobody": ("", "undisclosed-recipients:;", None),
    "himself": (f"To: {REVERSE}\n", '"Bob Baker" <bob@bakery.example>', None),
    "another name": (f"To: Bobby <{REVERSE}>\n", "Bobby <bob@bakery.example>", None),
    "only the owner": ("To: jane@real.example\n", "undisclosed-recipients:;", None),
    "a reverse address of nobody": (
        "To: re-aaaaaaaaaaaaaaaa@alias.example\n",
        "undisclosed-recipients:;",
        None,
    ),
    "in Cc alone": (f"Cc: {REVERSE}\n", None, '"Bob Baker" <bob@bakery.example>'),
    "twice": (f"To: {REVERSE}\nCc: {REVERSE.upper()}\n", '"Bob Baker" <bob@bakery.example>', None),
    "a third person": (
        f"To: {REVERSE}, x@y.example\n",
        '"Bob Baker" <bob@bakery.example>, x@y.example',
        None,
    ),
}


@pytest.mark.parametrize("case", RECIPIENTS)
def test_recipients_are_shown_as_the_contact_may_see_them(case: str):
    text, to, cc = RECIPIENTS[case]
    message = made(text)
    shown = [None if value is None else re.sub(r'"(Bob Baker)"', r"\1", value) for value in (to, cc)]
    assert [message["To"], message["Cc"]] == shown


DATES = {
    "Mon, 23 Nov 2026 10:14:52 +0100": "Mon, 23 Nov 2026 09:14:52 +0000",
    "23 Nov 2026 10:14 -0330 (NST)": "Mon, 23 Nov 2026 13:44:00 +0000",
    "Mon, 23 Nov 2026 23:59:60 GMT": "Mon, 23 Nov 2026 23:59:59 +0000",
    "Mon, 23 Nov 2026 10:14:52 PST": "Mon, 23 Nov 2026 18:14:52 +0000",
    "Fri, 31 Dec 9999 23:59:59 -1200": None,
    "Mon, 31 Feb 2026 10:00:00 +0000": None,
    "yesterday": None,
    "": None,
}


@pytest.mark.parametrize("text", DATES)
def test_the_date_names_no_zone(text: str):
    assert made(f"Date: {text}\n")["Date"] == DATES[text]


def test_ids_that_contacts_know_stay_and_those_of_the_own_server_go():
    message = made(
        "Message-ID: <new@mail.real.example>\nIn-Reply-To: <mine@smtp.real.example>\n"
        "References: <a@bakery.example> <mine@smtp.real.example> <unknown@real.example> <seen@mail.real.example>\n",
        ids={
            b"<mine@smtp.real.example>": b"<ours.1@alias.example>",
            b"<seen@mail.real.example>": b"<seen@mail.real.example>",
        },
    )
    assert message["In-Reply-To"] == "<ours.1@alias.example>"
    assert message["References"].split() == [
        "<a@bakery.example>",
        "<ours.1@alias.example>",
        "<seen@mail.real.example>",
    ]


def test_what_has_to_be_looked_up_is_told_and_bounded():
    many = " ".join(f"<{n}@x.example>" for n in range(500))
    ids = reply.message_ids(block_of(f"Message-ID: <own@x.example>\nReferences: {many}\n"))
    assert ids.own == b"<own@x.example>"
    assert len(ids.others) == 100
    to = ", ".join(f"u{n}@x.example" for n in range(500))
    assert len(reply.addresses(block_of(f"To: {to}\nCc: {to}\n"))) <= 200


@pytest.mark.parametrize(
    "text",
    [
        "Subject: x\n\tjane@real.example\n",
        "Subject: =?utf-8?b?amFuZUByZWFsLmV4YW1wbGU=?=\n",
        'Content-Type: text/plain; name="jane@real.example.txt"\n',
        "Content-Disposition: attachment; filename*=utf-8''jane%40real.example.txt\n",
        'To: "jane@real.example" <x@y.example>\n',
        "X-Anything: jane@real.example\nReply-To: jane@real.example\nSender: jane@real.example\n",
        "Bcc: jane@real.example\nResent-From: jane@real.example\n",
        "Comments: jane@real.example\nKeywords: jane@real.example\n",
        "References: <jane@real.example>\nIn-Reply-To: <jane@real.example>\n",
    ],
)
def test_the_mailbox_hides_in_no_field(text: str):
    message = made(text)
    assert "jane@real.example" not in str(message).lower()
    assert not any("jane" in str(value) for name, value in message.items() if name != "From")
