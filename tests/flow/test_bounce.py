"""What comes back: noted, told to the user where that helps, and to nobody else.

Bounces come by the real webhook to the envelope sender that the relay saw. Replies that bounce: tests/stories/test_04_reply.py.
"""

from __future__ import annotations

import pathlib

import pytest

from postern.base.database import SYSTEM
from postern.base.errors import Busy, DatabaseUnavailable
from postern.flow import notify
from postern.flow.context import Context
from postern.flow.import_spool import Imported, import_all
from postern.flow.receive import receive
from postern.flow.recipient import Refused
from postern.mail.notice import Notice
from postern.store import bounces, mailboxes
from support.instance import DOMAIN, MAILBOX, Instance
from support.mail import message, parsed
from support.queue import inbound, put
from support.receipt import proven
from support.relay import KEEP_AND_DROP, ScriptedRelay

REPORTS = pathlib.Path(__file__).parents[1] / "mail" / "messages" / "reports"
SECOND = "second@other.example"
JANES_DOMAIN = MAILBOX.partition("@")[2]


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def context(instance: Instance) -> Context:
    return instance.context()


def send(instance: Instance, relay: ScriptedRelay, context: Context, many: int = 1) -> list[str]:
    """So many forwards to Jane's mailbox; their envelope senders."""
    before = relay.count
    put(instance, context, *(message() for _ in range(many)))
    instance.drain()
    return [got.mail_from for got in relay.messages[before:]]


def come_back(
    instance: Instance, context: Context, to: str, report: str = "postfix", about: str = MAILBOX
) -> str:
    """A bounce to that envelope sender, about mail to that address."""
    mime = (REPORTS / f"{report}.eml").read_bytes().replace(b"jane@example.net", about.encode())
    return receive(context, inbound(instance.secret, mime, to, ""), (instance.secret,), [mime])


def database_away(*_: object) -> None:
    raise DatabaseUnavailable("It is away.", "Wait.")


def add_second_mailbox(context: Context) -> None:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        mailboxes.add(db, context.ring, 1, SECOND, verified=True)


def reply(instance: Instance, relay: ScriptedRelay, context: Context) -> str:
    """A reply of Jane's to the contact that wrote; its envelope sender, as the contact sees it."""
    ((reverse,),) = instance.query("SELECT reverse_local FROM contacts WHERE id = 1")
    stamped = (
        f"Received: from x by cloudflare-email.net; now\r\nAuthentication-Results: {proven(JANES_DOMAIN)}\r\n"
    )
    put(instance, context, stamped.encode() + message(From=MAILBOX), rcpt_to=f"{reverse}@{DOMAIN}")
    instance.drain()
    return relay.messages[-1].mail_from


def resume(context: Context) -> None:
    """As "Forward to it again" does."""
    with context.pool.connection() as db, db.transaction(1):
        assert mailboxes.resume(db, 1)


def paused(instance: Instance) -> list[object]:
    return [row[0] for row in instance.query("SELECT paused_at IS NOT NULL FROM mailboxes ORDER BY id")]


def test_a_permanent_one_is_noted_and_its_user_can_read_why(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    (sender,) = send(instance, relay, context)
    assert come_back(instance, context, sender) == "discarded"
    ((status, state),) = instance.query("SELECT bounced_status, state FROM deliveries")
    assert (str(status)[:2], state) == ("5.", "sent")
    assert instance.query("SELECT kind FROM events ORDER BY id") == [["received"], ["sent"], ["bounced"]]
    instance.drain()
    assert relay.count == 1, "nobody is written to"


@pytest.mark.parametrize("report", ["postfix-delayed", "delivered", "no-out-of-office", "no-person"])
def test_what_is_no_failure_is_not_noted(
    instance: Instance, relay: ScriptedRelay, context: Context, report: str
):
    (sender,) = send(instance, relay, context)
    assert come_back(instance, context, sender, report) == "discarded"
    assert instance.query("SELECT bounced_at FROM deliveries") == [[None]]


def test_one_that_comes_before_the_record_is_asked_to_come_again(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    """The relay has the mail, and the drain does not know it yet: it is about to write it down, or died."""
    relay.follow({"body": [KEEP_AND_DROP]})
    (sender,) = send(instance, relay, context)
    assert instance.states() == {"queued": 1}
    with pytest.raises(Busy):
        come_back(instance, context, sender)
    assert instance.query("SELECT kind FROM events") == [["received"]]
    instance.query("UPDATE deliveries SET due_at = now()")
    instance.drain()
    assert come_back(instance, context, sender) == "discarded"
    assert instance.query("SELECT bounced_at IS NOT NULL FROM deliveries") == [[True]]


def test_one_that_was_spooled_waits_for_the_record(
    instance: Instance, relay: ScriptedRelay, context: Context, monkeypatch: pytest.MonkeyPatch
):
    relay.follow({"body": [KEEP_AND_DROP]})
    (sender,) = send(instance, relay, context)
    with monkeypatch.context() as away:
        away.setattr("postern.flow.admission.admit", database_away)
        assert come_back(instance, context, sender) == "spooled"
    assert import_all(context) == Imported()
    assert len(list(context.spool.waiting())) == 1
    instance.query("UPDATE deliveries SET due_at = now()")
    instance.drain()
    import_all(context)
    assert list(context.spool.waiting()) == []
    assert instance.query("SELECT bounced_at IS NOT NULL FROM deliveries") == [[True]]


FORGED = {
    "another tag": lambda local: f"{local[:-1]}{'b' if local.endswith('a') else 'a'}@{DOMAIN}",
    "another delivery": lambda local: f"{local[:4]}{'b' if local[4] == 'a' else 'a'}{local[5:]}@{DOMAIN}",
    "something behind it": lambda local: f"{local}a@{DOMAIN}",
    "nothing": lambda local: f"bn-@{DOMAIN}",
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_bounce_address_takes_nothing(
    instance: Instance, relay: ScriptedRelay, context: Context, case: str
):
    (sender,) = send(instance, relay, context)
    with pytest.raises(Refused):
        come_back(instance, context, FORGED[case](sender.partition("@")[0]))
    assert instance.query("SELECT bounced_at FROM deliveries") == [[None]]


def test_too_many_pause_the_mailbox_and_its_owner_hears_of_it_through_another(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    add_second_mailbox(context)
    senders = send(instance, relay, context, bounces.DAY_LIMIT)
    for sender in senders[:-1]:
        come_back(instance, context, sender)
    assert paused(instance) == [False, False]
    come_back(instance, context, senders[-1])
    assert paused(instance) == [True, False]
    instance.drain()
    notice = relay.messages[-1]
    assert notice.rcpt_to == (SECOND,)
    mail = parsed(notice.content)
    assert mail["Subject"] == "A mailbox of yours is paused"
    assert MAILBOX in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert relay.count == len(senders) + 1
    assert instance.query("SELECT count(*) FROM events WHERE kind = 'paused'") == [[1]]


def test_once_it_is_resumed_a_single_one_more_does_not_pause_it_again(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    first, *senders = send(instance, relay, context, bounces.DAY_LIMIT + 1)
    for sender in senders:
        come_back(instance, context, sender)
    assert paused(instance) == [True]
    resume(context)
    come_back(instance, context, first)
    assert paused(instance) == [False], "sent before, came back late"
    (third,) = send(instance, relay, context)
    come_back(instance, context, third)
    assert paused(instance) == [False]
    for sender in send(instance, relay, context, bounces.DAY_LIMIT - 1):
        come_back(instance, context, sender)
    assert paused(instance) == [True], "as many as ever since it was resumed"


GUESSES = {
    "another address": "bob@shop.example",
    "one that ends so": f"x{MAILBOX}",
    "one that begins so": f"{MAILBOX}.evil.example",
}


@pytest.mark.parametrize("case", GUESSES)
def test_who_does_not_know_the_mailbox_cannot_have_it_paused(
    instance: Instance, relay: ScriptedRelay, context: Context, case: str
):
    """A bounce address can get around, in a mail that is passed on as a file; the real address is what nobody knows."""
    for sender in send(instance, relay, context, bounces.DAY_LIMIT):
        come_back(instance, context, sender, about=GUESSES[case])
    assert paused(instance) == [False]
    assert instance.query("SELECT count(*) FROM events WHERE kind = 'bounced'") == [[bounces.DAY_LIMIT]]


def test_a_mailbox_that_forwards_on_is_known_by_the_trace(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    for sender in send(instance, relay, context, bounces.DAY_LIMIT):
        come_back(instance, context, sender, about=f"else@where.example>; for <{MAILBOX.upper()}")
    assert paused(instance) == [True]


def test_a_contact_forges_bounces_of_what_it_was_sent_and_reaches_nothing_else(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    """It knows the bounce address of each reply that it got; say it knows the mailbox, too."""
    add_second_mailbox(context)
    send(instance, relay, context)
    replies = [reply(instance, relay, context) for _ in range(bounces.DAY_LIMIT)]
    for sender in replies:
        for _ in range(2):
            come_back(instance, context, sender)
    assert paused(instance) == [False, False]
    assert instance.query("SELECT count(*) FROM deliveries WHERE bounced_at IS NOT NULL") == [[len(replies)]]
    assert instance.query(
        "SELECT count(*) FROM deliveries WHERE bounced_at IS NOT NULL AND contact_id IS NULL"
    ) == [[0]]
    assert instance.query("SELECT count(*) FROM messages WHERE kind = 'notice'") == [[len(replies)]], (
        "one each"
    )


def test_mail_for_a_paused_mailbox_is_held(instance: Instance, relay: ScriptedRelay, context: Context):
    instance.query("UPDATE mailboxes SET paused_at = now()")
    put(instance, context, message())
    instance.drain()
    assert instance.states() == {"held": 1}
    assert relay.count == 0


def test_whoever_has_no_other_mailbox_reads_it_on_the_pages(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    senders = send(instance, relay, context, bounces.DAY_LIMIT)
    for sender in senders:
        come_back(instance, context, sender)
    assert paused(instance) == [True]
    instance.drain()
    assert relay.count == len(senders), "no notice to the mailbox that sends it back"
    assert instance.query("SELECT count(*) FROM events WHERE kind = 'paused'") == [[1]]


def test_without_anybody_to_write_as_the_mailbox_is_paused_all_the_same(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    add_second_mailbox(context)
    senders = send(instance, relay, context, bounces.DAY_LIMIT)
    instance.query("UPDATE domains SET user_id = 1")
    for sender in senders:
        come_back(instance, context, sender)
    assert paused(instance) == [True, False]


def test_a_notice_that_bounces_is_noted_and_pauses_nothing(
    instance: Instance, relay: ScriptedRelay, context: Context
):
    news = Notice(subject="News", paragraphs=("All is well.",))
    with context.pool.connection() as db, db.transaction(SYSTEM):
        mailbox = mailboxes.default(db, 1)
        assert mailbox is not None
        for _ in range(bounces.DAY_LIMIT):
            notify.post(context, db, 1, mailbox.id, news)
    instance.drain()
    for got in relay.messages:
        assert got.mail_from.endswith(f"@{DOMAIN}")
        come_back(instance, context, got.mail_from)
    assert instance.query("SELECT count(*) FROM events WHERE kind = 'bounced'") == [[bounces.DAY_LIMIT]]
    assert paused(instance) == [False]
    instance.drain()
    assert relay.count == bounces.DAY_LIMIT, "a notice about a notice helps nobody"
