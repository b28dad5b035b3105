"""Postern's own mails: queued, sealed and sent like any other; and what becomes of them where there is nobody to write as."""

from __future__ import annotations

import pytest

from postern.base.database import SYSTEM
from postern.flow import notify
from postern.flow.context import Context
from postern.mail.notice import Notice
from postern.store import contacts, deliveries, mailboxes, messages
from support.instance import DOMAIN, MAILBOX, Instance
from support.mail import message, parsed
from support.queue import put
from support.relay import ScriptedRelay

NEWS = Notice(subject="News of your mailbox", paragraphs=("All is well.", "Nothing is to be done."))


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


def post(context: Context, urgent: bool = False) -> None:
    """A notice to Jane's mailbox."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        mailbox = mailboxes.default(db, 1)
        assert mailbox is not None
        notify.post(context, db, 1, mailbox.id, NEWS, urgent=urgent)


def without_shared_domain(instance: Instance) -> None:
    """Every domain is a user's own."""
    instance.query("UPDATE domains SET user_id = 1")


def test_a_notice_arrives_from_the_first_shared_domain_and_can_bounce_to_us(
    instance: Instance, relay: ScriptedRelay
):
    post(instance.context())
    instance.drain()
    (got,) = relay.messages
    assert got.rcpt_to == (MAILBOX,)
    assert got.mail_from.startswith("bn-") and got.mail_from.endswith(f"@{DOMAIN}")
    mail = parsed(got.content)
    assert (mail["From"].addresses[0].addr_spec, mail["Subject"]) == (f"postern@{DOMAIN}", NEWS.subject)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Reply-To" not in mail and "Postern-Loop" not in mail
    assert "All is well." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert instance.query("SELECT kind, alias_id, cleared_at IS NOT NULL FROM messages") == [
        ["notice", None, True]
    ]
    assert instance.query("SELECT count(*) FROM message_chunks") == [[0]]


def test_the_operator_chooses_whom_notices_come_from(instance: Instance, relay: ScriptedRelay):
    instance.write_env(POSTERN_NOTICES_FROM="post@mail.example")
    without_shared_domain(instance)
    post(instance.context())
    instance.drain()
    (got,) = relay.messages
    assert parsed(got.content)["From"].addresses[0].addr_spec == "post@mail.example"
    assert got.mail_from.endswith("@mail.example")


def test_a_notice_rests_sealed(instance: Instance):
    post(instance.context())
    chunks = instance.query("SELECT data FROM message_chunks")
    assert chunks
    assert not any(b"All is well" in bytes(row[0]) or MAILBOX.encode() in bytes(row[0]) for row in chunks)  # type: ignore[call-overload]


def test_without_anybody_to_write_as_the_error_names_the_setting(instance: Instance):
    without_shared_domain(instance)
    with pytest.raises(notify.NoSender, match="POSTERN_NOTICES_FROM"):
        post(instance.context())
    assert instance.query("SELECT count(*) FROM messages") == [[0]]


def test_an_urgent_notice_leaves_before_mail_that_waits_longer(instance: Instance, relay: ScriptedRelay):
    context = instance.context()
    put(instance, context, message(), message())
    post(context, urgent=True)
    instance.drain()
    subjects = [parsed(got.content)["Subject"] for got in relay.messages]
    assert subjects == [NEWS.subject, "Hello", "Hello"]


def queue_reply(instance: Instance, context: Context) -> None:
    """A reply to Bob, as receipt stores one."""
    put(instance, context, message())
    with context.pool.connection() as db, db.transaction(SYSTEM):
        ((message_id, alias_id),) = db.run("UPDATE messages SET kind = 'reply' RETURNING id, alias_id")
        db.run("DELETE FROM deliveries")
        contact = contacts.ensure(db, context.ring, alias_id, "bob@shop.example")
        deliveries.add_reply(db, 1, message_id, contact.id)


def test_a_reply_that_is_refused_is_told_to_its_user(instance: Instance, relay: ScriptedRelay):
    relay.follow({"rcpt:bob@shop.example": "550 5.1.1 nobody here"})
    queue_reply(instance, instance.context())
    instance.drain()
    (got,) = relay.messages
    assert got.rcpt_to == (MAILBOX,)
    mail = parsed(got.content)
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail["Subject"] == "Your reply did not arrive"
    assert "bob@shop.example" in text and "nobody here" in text
    assert instance.query("SELECT state FROM deliveries ORDER BY id") == [["failed"], ["sent"]]


def test_where_its_user_cannot_be_told_a_failed_reply_is_still_recorded_and_the_rest_goes_out(
    instance: Instance, relay: ScriptedRelay
):
    without_shared_domain(instance)
    relay.follow({"rcpt:bob@shop.example": "550 5.1.1 nobody here"})
    context = instance.context()
    queue_reply(instance, context)
    put(instance, context, message())
    instance.drain()
    assert instance.query("SELECT state FROM deliveries ORDER BY id") == [["failed"], ["sent"]]
    assert "POSTERN_NOTICES_FROM" in instance.log()


def test_a_wish_to_sign_in_that_cannot_be_mailed_stops_no_mail(instance: Instance, relay: ScriptedRelay):
    from postern.flow import sign_in_mail

    without_shared_domain(instance)
    context = instance.context()
    sign_in_mail.ask(context, MAILBOX, "192.0.2.1", "browser", "Firefox")
    put(instance, context, message())
    instance.drain()
    assert relay.count == 1
    assert "POSTERN_NOTICES_FROM" in instance.log()


def test_a_notice_that_fails_is_seen_by_the_operator_and_told_to_nobody(
    instance: Instance, relay: ScriptedRelay
):
    relay.follow({"rcpt": "550 5.1.1 no such user"})
    post(instance.context())
    instance.drain()
    assert relay.count == 0
    assert "no such user" in instance.cli("queue", "list")
    assert instance.query("SELECT kind FROM events") == []


def test_a_mailbox_that_is_gone_gets_no_notice(instance: Instance):
    context = instance.context()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        notify.post(context, db, 1, 10**9, NEWS)
        assert messages.find(db, 1) is None
