"""Every message of the corpora goes the whole road, HTTP to SMTP: the body arrives as it was sent, the headers hold the rules.

Two corpora: our own (tests/mail/messages) and, where it is there, the public one in ../shared/corpus. All messages of a
corpus go through one instance, as they would in life: one that the program cannot bear would hold up the others.
"""

from __future__ import annotations

import email
import email.policy
import pathlib
import re

import pytest

from postern.mail import header
from support.instance import ALIAS, DOMAIN, ROOT, Instance
from support.mail import canonical
from support.relay import ScriptedRelay

CORPORA = {"own": ROOT / "tests" / "mail" / "messages", "public": ROOT.parent / "shared" / "corpus"}


def body_of(mime: bytes) -> bytes:
    """What comes after the header block, as Postern and Python's email read it."""
    return b"".join(header.split([mime])[1])


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA)
def test_every_message_arrives(instance: Instance, relay: ScriptedRelay, site: str, corpus: pathlib.Path):
    files = sorted(corpus.rglob("*.eml"))
    if not files:
        pytest.skip(f"there is no corpus at {corpus}")
    expected = {}
    for file in files:
        mime = file.read_bytes()
        answer = instance.post(site, mime)
        assert (answer.status, answer.receipt) in ((202, "stored"), (202, "duplicate")), (file.name, answer)
        if answer.receipt == "stored":
            expected[file] = mime
    instance.finish()
    assert instance.states() == {"sent": len(expected)}
    bodies = [canonical(body_of(got.content)) for got in relay.messages]
    for file, mime in expected.items():
        assert canonical(body_of(mime)) in bodies, f"the body of {file.name} did not arrive"
    crlf = [
        mime
        for mime in expected.values()
        if b"\n" not in mime.replace(b"\r\n", b"") and b"\r" not in mime.replace(b"\r\n", b"")
    ]
    exact = [body_of(got.content) for got in relay.messages]
    for mime in crlf:
        assert any(body in exact for body in (body_of(mime), body_of(mime) + b"\r\n")), "byte for byte"
    for got in relay.messages:
        check_headers(got.content)
    assert '"level": "error"' not in instance.log() and '"level":"error"' not in instance.log()


def check_headers(content: bytes) -> None:
    """As a mail program reads it, by Python's own parser."""
    block = content[: len(content) - len(body_of(content))]
    mail = email.message_from_bytes(block, policy=email.policy.compat32)
    senders = mail.get_all("From", [])
    assert len(senders) == 1, senders
    address = re.search(r"<?([^<>\s]+@[^<>\s]+?)>?\s*$", senders[0])
    assert address and address[1].endswith("@" + DOMAIN), senders
    assert mail.get_all("X-Postern-Alias") == [ALIAS]
    for gone in ("Bcc", "Return-Path", "DKIM-Signature", "ARC-Seal", "Sender", "Disposition-Notification-To"):
        assert gone not in mail, gone
    for line in block.split(b"\r\n"):
        assert b"\n" not in line and b"\r" not in line
    for reply_to in mail.get_all("Reply-To", []):
        assert reply_to.count("@") >= 1 and all(
            part.strip().strip("<>").endswith(DOMAIN) for part in reply_to.split(",")
        )
