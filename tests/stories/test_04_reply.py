"""There and back: a stranger writes to an alias, the user answers from the mailbox, and the stranger sees only the alias.

Everything is real: the webhook over HTTP, PostgreSQL, the drain, a relay that speaks SMTP.
"""

from __future__ import annotations

import email
import email.policy
import pathlib
import re
from email.message import EmailMessage

import pytest

from postern.base.database import SYSTEM
from postern.store import mailboxes
from support.instance import ALIAS, DOMAIN, Instance
from support.relay import ScriptedRelay

REPLIES = pathlib.Path(__file__).parents[1] / "mail" / "messages" / "replies"
REPORTS = REPLIES.parent / "reports"
OWNERS = {
    "gmail": "jane.doe@gmail.com",
    "outlook": "jane.doe@outlook.example",
    "apple": "jane.doe@icloud.example",
    "thunderbird": "jane.doe@posteo.example",
}
FIRST = b"""Received: from bakery.example by cloudflare-email.net (cloudflare) id 1 for <shop@alias.example>
Authentication-Results: mx.cloudflare.net; dkim=pass header.d=bakery.example; dmarc=pass header.from=bakery.example
Received: from desk by bakery.example; Mon, 23 Nov 2026 10:00:12 +0100
From: Bob Baker <bob@bakery.example>
To: shop@alias.example, Ann <ann@choir.example>
Subject: Your bread
Date: Mon, 23 Nov 2026 10:00:12 +0100
Message-ID: <20261123090012.4F1@bakery.example>

Your bread is ready.
""".replace(b"\n", b"\r\n")


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


def read(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def own(instance: Instance, address: str) -> None:
    """The user has this mailbox as well."""
    context = instance.context()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        mailboxes.add(db, context.ring, 1, address, verified=True)


@pytest.fixture
def reverse(instance: Instance, relay: ScriptedRelay, site: str) -> str:
    """The reverse address of Bob, who wrote."""
    assert instance.post(site, FIRST, mail_from="bob@bakery.example").status == 202
    instance.finish()
    return read(relay.messages[0].content)["From"].addresses[0].addr_spec


def answer(client: str, reverse: str) -> bytes:
    raw = (REPLIES / f"{client}.eml").read_bytes()
    return raw.replace(b"re-k5uvmlqz3pqrs2ab@alias.example", reverse.encode())


def test_the_forward_leads_every_answer_back_here(relay: ScriptedRelay, reverse: str):
    message = read(relay.messages[0].content)
    assert re.fullmatch(rf"re-[a-z2-7]{{16}}@{DOMAIN}", reverse)
    to = [one.addr_spec for one in message["To"].addresses]
    assert to[0] == ALIAS
    assert re.fullmatch(rf"re-[a-z2-7]{{16}}@{DOMAIN}", to[1]) and to[1] != reverse
    assert message["X-Postern-Auth"] == "dmarc=pass"


@pytest.mark.parametrize("client", OWNERS)
def test_a_reply_leaves_as_the_alias(
    instance: Instance, relay: ScriptedRelay, site: str, reverse: str, client: str
):
    own(instance, OWNERS[client])
    got = instance.post(site, answer(client, reverse), rcpt_to=reverse, mail_from=OWNERS[client])
    assert (got.status, got.receipt) == (202, "stored")
    instance.finish()
    sent = relay.messages[1]
    assert list(sent.rcpt_to) == ["bob@bakery.example"]
    assert sent.mail_from.startswith("bn-") and sent.mail_from.endswith("@" + DOMAIN)
    message = read(sent.content)
    assert message["From"] == ALIAS
    assert message["To"].addresses[0].addr_spec == "bob@bakery.example"
    assert message["In-Reply-To"] == "<20261123090012.4F1@bakery.example>"
    assert message["Message-ID"].endswith(f"@{DOMAIN}>")
    everything = sent.content.replace(b"=\r\n", b"").decode("utf-8", "replace").lower()
    assert OWNERS[client] not in everything
    assert reverse not in everything
    assert instance.query("SELECT replied, forwarded FROM aliases") == [[1, 1]]
    assert instance.query("SELECT sent, received FROM contacts WHERE received = 1") == [[1, 1]]


def test_the_answer_to_a_reply_is_led_back_to_the_users_own_thread(
    instance: Instance, relay: ScriptedRelay, site: str, reverse: str
):
    own(instance, OWNERS["gmail"])
    instance.post(site, answer("gmail", reverse), rcpt_to=reverse, mail_from=OWNERS["gmail"])
    instance.finish()
    seen = read(relay.messages[1].content)["Message-ID"]
    again = FIRST.replace(
        b"Message-ID: <20261123090012.4F1@bakery.example>", b"Message-ID: <2@bakery.example>"
    )
    again = again.replace(
        b"Subject:", f"In-Reply-To: {seen}\r\nReferences: <x@y.example> {seen}\r\nSubject:".encode()
    )
    instance.post(site, again, mail_from="bob@bakery.example")
    instance.finish()
    forwarded = read(relay.messages[2].content)
    assert forwarded["In-Reply-To"] == "<CAJ+jane.doe-4f8sQ2@mail.gmail.com>"
    assert forwarded["References"] == "<x@y.example> <CAJ+jane.doe-4f8sQ2@mail.gmail.com>"


def test_a_reply_to_several_with_a_copy_and_a_file_reaches_each_as_the_alias(
    instance: Instance, relay: ScriptedRelay, site: str, reverse: str
):
    mailbox, file = OWNERS["gmail"], bytes(range(256)) * 1024
    own(instance, mailbox)
    others = read(relay.messages[0].content)["To"].addresses[1].addr_spec
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["From"], mail["To"] = f"Jane <{mailbox}>", f"Bob <{reverse}>, Ann <{others}>"
    mail["Cc"], mail["Subject"] = f"Carl <carl@elsewhere.example>, {mailbox}", "Re: Your bread"
    mail["Message-ID"] = "<jane-1@mail.gmail.com>"
    mail.set_content("To both of you.")
    mail.add_attachment(file, maintype="application", subtype="octet-stream", filename="bread.bin")
    stamp = "Received: from x by cloudflare-email.net (cloudflare) id 1\r\n"
    stamp += "Authentication-Results: mx.cloudflare.net; dmarc=pass header.from=gmail.com\r\n"
    for rcpt_to in (reverse, others):
        got = instance.post(site, stamp.encode() + mail.as_bytes(), rcpt_to=rcpt_to, mail_from=mailbox)
        assert (got.status, got.receipt) == (202, "stored")
    instance.finish()
    sent = relay.messages[1:]
    assert sorted(one.rcpt_to for one in sent) == [("ann@choir.example",), ("bob@bakery.example",)]
    assert len({read(one.content)["Message-ID"] for one in sent}) == 1
    for one in sent:
        message = read(one.content)
        shown = {name: [to.addr_spec for to in message[name].addresses] for name in ("From", "To", "Cc")}
        assert shown == {
            "From": [ALIAS],
            "To": ["bob@bakery.example", "ann@choir.example"],
            "Cc": ["carl@elsewhere.example"],
        }
        assert [part.get_content() for part in message.iter_attachments()] == [file]
        told = one.content.partition(b"Content-Transfer-Encoding: base64")[0].decode().lower()
        assert mailbox not in told and reverse not in told and others not in told


PUBLIC = pathlib.Path(__file__).parents[2].parent / "shared" / "corpus"
CLIENTS = re.compile(
    rb"^(?:X-Mailer|User-Agent): .*(?:Outlook|Apple Mail|Thunderbird)|^Message-ID: <[^>]*@mail\.gmail\.com>",
    re.IGNORECASE | re.MULTILINE,
)
RECIPIENTS = re.compile(rb"^(?:To|Cc|Bcc):.*\r\n(?:[ \t].*\r\n)*", re.IGNORECASE | re.MULTILINE)


def written_by_clients() -> list[tuple[str, str, bytes]]:
    """Name, author, and text of the public messages that Gmail, Outlook, Apple Mail and Thunderbird wrote."""
    found = []
    for path in sorted(PUBLIC.rglob("*.eml")):
        raw = re.sub(rb"\r?\n", b"\r\n", path.read_bytes())
        raw = re.sub(rb"\AFrom .*\r\n", b"", raw)  # of a file of many messages (mbox)
        head, _, body = raw.partition(b"\r\n\r\n")
        author = re.search(
            rb"^From:[^<\r\n]*<?([\w.+-]+@[\w.-]+\.\w+)>?\s*$", head, re.IGNORECASE | re.MULTILINE
        )
        if (
            author
            and CLIENTS.search(head)
            and len(re.findall(rb"^From:", head, re.IGNORECASE | re.MULTILINE)) == 1
        ):
            head = RECIPIENTS.sub(b"", head + b"\r\n")
            found.append((path.name, author[1].decode().lower(), head + b"\r\n" + body))
    return found


def test_what_clients_really_wrote_leaves_as_the_alias(
    instance: Instance, relay: ScriptedRelay, site: str, reverse: str
):
    """Only who it goes to is ours; all else stands as those programs put it."""
    messages = written_by_clients()
    if not messages:
        pytest.skip(f"there is no corpus at {PUBLIC}")
    left = 0
    for author in {author for _, author, _ in messages}:
        own(instance, author)
    for name, author, raw in messages:
        stamp = (
            "Received: from x by cloudflare-email.net (cloudflare) id 1\r\nAuthentication-Results: mx.cloudflare.net; "
            f"dmarc=pass header.from={author.partition('@')[2]}\r\nTo: <{reverse}>\r\n"
        )
        got = instance.post(site, stamp.encode() + raw, rcpt_to=reverse, mail_from=author)
        assert got.status == 202, name
        if got.receipt != "stored":  # some stand there twice, and one asks for no answer
            continue
        left += 1
        instance.finish()
        sent = read(relay.messages[-1].content)
        assert sent["From"] == ALIAS, name
        assert [one.addr_spec for one in sent["To"].addresses] == ["bob@bakery.example"], name
        for part in sent.walk():
            told = "".join(f"{key}: {value}\n" for key, value in part.items())
            if part.get_content_maintype() == "text" and not part.is_attachment():
                told += part.get_content()
            assert author not in told.lower(), (name, part.get_content_type())
            assert reverse not in told.lower(), name
    assert left >= 12


FORGED = {
    "not proven": (b"dmarc=pass", b"dmarc=fail"),
    "stamped by somebody else": (
        b"Authentication-Results: mx.cloudflare.net",
        b"Authentication-Results: mx.evil.example",
    ),
    "another From": (b"From: Jane Doe <jane.doe@gmail.com>", b"From: Jane Doe <mallory@gmail.com>"),
    "two authors": (
        b"From: Jane Doe <jane.doe@gmail.com>",
        b"From: <jane.doe@gmail.com>, <mallory@gmail.com>",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_reply_is_refused_and_shown_to_the_user(
    instance: Instance, relay: ScriptedRelay, site: str, reverse: str, case: str
):
    own(instance, OWNERS["gmail"])
    old, new = FORGED[case]
    raw = answer("gmail", reverse).replace(
        b"dkim=pass header.d=gmail.com header.s=s1 header.b=abc;", b"dkim=none;"
    )
    assert old in raw
    got = instance.post(site, raw.replace(old, new), rcpt_to=reverse, mail_from=OWNERS["gmail"])
    assert got.status == 422
    instance.finish()
    assert relay.count == 1
    assert instance.query("SELECT count(*) FROM events WHERE kind = 'refused'") == [[1]]


def test_a_reply_that_bounces_is_told_to_the_user_and_to_nobody_else(
    instance: Instance, relay: ScriptedRelay, site: str, reverse: str
):
    own(instance, OWNERS["gmail"])
    instance.post(site, answer("gmail", reverse), rcpt_to=reverse, mail_from=OWNERS["gmail"])
    instance.finish()
    bounce = (REPORTS / "postfix.eml").read_bytes()
    assert instance.post(site, bounce, rcpt_to=relay.messages[1].mail_from, mail_from="").status == 202
    instance.finish()
    notice = relay.messages[2]
    assert list(notice.rcpt_to) == ["jane.doe@real-mailbox.example"]
    message = read(notice.content)
    assert message["Subject"] == "Your reply did not arrive"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "bob@bakery.example" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert relay.count == 3


def test_forged_mail_waits_in_quarantine_until_its_user_lets_it_out(
    instance: Instance, relay: ScriptedRelay, site: str
):
    forged = FIRST.replace(b"dkim=pass", b"dkim=fail").replace(b"dmarc=pass", b"dmarc=fail")
    assert instance.post(site, forged, mail_from="bob@bakery.example").receipt == "stored"
    instance.finish()
    assert relay.count == 0
    assert instance.states() == {"held": 1}
    from postern.flow import quarantine

    ((delivery_id,),) = instance.query("SELECT id FROM deliveries")
    quarantine.release(instance.context(), 1, int(str(delivery_id)))
    instance.finish()
    assert relay.count == 1
    assert read(relay.messages[0].content)["X-Postern-Auth"] == "dmarc=fail"
