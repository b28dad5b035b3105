"""The drain: what arrives, what is written down, and what the relay's answers lead to."""

from __future__ import annotations

import pathlib
import re
import threading

import pytest

from postern.flow import retry
from support.instance import ALIAS, DOMAIN, MAILBOX, Instance
from support.mail import body_of, message, parsed
from support.queue import put
from support.relay import DROP, KEEP_AND_DROP, ScriptedRelay, wait


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch):
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


def rows(instance: Instance) -> list[list[object]]:
    return instance.query("SELECT state, attempts, lease, said_code, said_stage FROM deliveries ORDER BY id")


def test_the_forwarded_message_passes_dmarc_shows_the_sender_and_keeps_the_rest(
    instance: Instance, relay: ScriptedRelay
):
    mime = message(
        subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        body=b"Line\r\n.\r\n..dots\r\nno end",
        DKIM_Signature="v=1; d=shop.example; b=x",
        Bcc="secret@shop.example",
        References="<a@b> <c@d>",
        List_Unsubscribe="<https://shop.example/bye>",
    )
    put(instance, instance.context(), mime)
    assert instance.drain() == ""
    (got,) = relay.messages
    assert got.rcpt_to == (MAILBOX,)
    assert re.fullmatch(rf"bn-[a-z2-7]+@{re.escape(DOMAIN)}", got.mail_from)
    assert (got.tls, got.user) != ("", "")
    mail = parsed(got.content)
    (sender,) = mail["From"].addresses
    assert sender.domain == DOMAIN and re.fullmatch(r"re-[a-z2-7]{16}", sender.username)
    assert "Bob Builder" in sender.display_name and "bob(at)shop.example" in sender.display_name
    assert mail["Reply-To"] == f"{sender.username}@{DOMAIN}"
    assert mail["X-Postern-Alias"] == ALIAS
    assert "DKIM-Signature" not in mail and "Bcc" not in mail
    for kept in (
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n",
        b"References: <a@b> <c@d>\r\n",
        b"List-Unsubscribe: <https://shop.example/bye>\r\n",
    ):
        assert kept in got.content
    assert body_of(got.content) == body_of(mime) + b"\r\n"
    assert rows(instance)[0][:3] == ["sent", 1, None]


def test_what_was_sent_leaves_no_mime_behind_and_is_written_down(instance: Instance):
    put(instance, instance.context(), message())
    instance.drain()
    assert instance.query("SELECT count(*) FROM message_chunks") == [[0]]
    assert instance.query("SELECT cleared_at IS NOT NULL FROM messages") == [[True]]
    assert instance.query("SELECT kind FROM events ORDER BY id") == [["received"], ["sent"]]


def test_one_contact_keeps_its_reverse_address_and_reply_to_gets_its_own(
    instance: Instance, relay: ScriptedRelay
):
    put(instance, instance.context(), message(), message(), message(Reply_To="Care <care@shop.example>"))
    instance.drain()
    first, second, third = (parsed(got.content) for got in relay.messages)
    assert first["From"].addresses[0].username == second["From"].addresses[0].username
    assert third["Reply-To"].addresses[0].username != third["From"].addresses[0].username
    assert instance.query("SELECT count(*) FROM contacts") == [[2]]


def test_a_bounce_without_sender_comes_from_the_alias_itself(instance: Instance, relay: ScriptedRelay):
    put(instance, instance.context(), b"Subject: no sender at all\r\n\r\nHello\r\n")
    instance.drain()
    mail = parsed(relay.messages[0].content)
    assert mail["From"].addresses[0].addr_spec == ALIAS
    assert "Reply-To" not in mail


def test_a_bounce_to_our_envelope_sender_is_noted_and_not_forwarded(
    instance: Instance, relay: ScriptedRelay, site: str
):
    put(instance, instance.context(), message())
    instance.drain()
    person = b"From: Joe <joe@relay.example>\r\nSubject: Hello\r\n\r\nWho are you?\r\n"
    answer = instance.post(site, person, rcpt_to=relay.messages[0].mail_from, mail_from="joe@relay.example")
    assert (answer.status, answer.receipt) == (202, "discarded")
    assert instance.query("SELECT bounced_at FROM deliveries") == [[None]]
    bounce = (
        pathlib.Path(__file__).parents[1] / "mail" / "messages" / "reports" / "postfix.eml"
    ).read_bytes()
    for _ in range(2):
        answer = instance.post(site, bounce, rcpt_to=relay.messages[0].mail_from.upper(), mail_from="")
        assert (answer.status, answer.receipt) == (202, "discarded")
    assert instance.query("SELECT bounced_at IS NOT NULL FROM deliveries") == [[True]]
    assert instance.query("SELECT count(*) FROM events WHERE kind = 'bounced'") == [[1]]
    assert " bounced " in instance.cli("queue", "list", "--state", "sent")
    assert relay.count == 1


PASSING = {
    "421 at MAIL": {"mail": "421 4.3.0 closing"},
    "450 at RCPT": {"rcpt": "450 4.2.0 greylisted"},
    "452 at DATA": {"data": "452 4.3.1 no space"},
    "451 after the message": {"body": "451 4.3.0 try again"},
    "dropped inside DATA": {"middle": DROP},
    "dropped before the answer": {"body": DROP},
}


@pytest.mark.parametrize("script", PASSING.values(), ids=PASSING)
def test_passing_trouble_makes_it_wait_and_the_next_try_delivers(
    instance: Instance, relay: ScriptedRelay, script: dict
):
    relay.follow({point: [action] for point, action in script.items()})
    put(instance, instance.context(), message())
    instance.drain()
    assert (relay.count, rows(instance)[0][:3]) == (0, ["queued", 1, None])
    wait = instance.query("SELECT extract(epoch FROM due_at - now()) FROM deliveries")[0][0]
    assert 0 < float(str(wait)) <= retry.WAITS_SECONDS[0] * (1 + retry.SPREAD)
    instance.query("UPDATE deliveries SET due_at = now()")
    instance.drain()
    assert (relay.count, rows(instance)[0][:2]) == (1, ["sent", 2])


def test_a_message_kept_by_a_relay_that_vanished_is_the_one_double(instance: Instance, relay: ScriptedRelay):
    relay.follow({"body": [KEEP_AND_DROP]})
    put(instance, instance.context(), message())
    instance.drain()
    assert rows(instance)[0][:2] == ["queued", 1]
    assert (rows(instance)[0][3], rows(instance)[0][4]) == (0, "body")
    instance.query("UPDATE deliveries SET due_at = now()")
    instance.drain()
    assert relay.count == 2
    assert len({got.content.partition(b"Message-ID:")[2] for got in relay.messages}) == 1


def test_a_permanent_refusal_fails_at_once_and_keeps_the_sealed_mail(
    instance: Instance, relay: ScriptedRelay
):
    relay.follow({"rcpt": [f"550 5.1.1 <{MAILBOX}> no such user"]})
    put(instance, instance.context(), message(body=b"keep me\r\n"))
    instance.drain()
    assert rows(instance)[0] == ["failed", 1, None, 550, "rcpt"]
    assert "no such user" in instance.cli("queue", "list")
    assert MAILBOX not in instance.log()
    message_id = str(instance.query("SELECT id FROM messages")[0][0])
    assert "keep me" in instance.cli("message", "show", message_id, "--raw")
    delivery_id = str(instance.query("SELECT id FROM deliveries")[0][0])
    instance.cli("queue", "retry", delivery_id)
    instance.drain()
    assert relay.count == 1
    assert [kind for (kind,) in instance.query("SELECT kind FROM events ORDER BY id")] == [
        "received",
        "failed",
        "retried",
        "sent",
    ]


def test_failed_mail_is_deleted_after_its_time(instance: Instance, relay: ScriptedRelay):
    relay.follow({"rcpt": ["550 5.1.1 no"]})
    put(instance, instance.context(), message())
    instance.drain()
    instance.query(
        "UPDATE deliveries SET finished_at = now() - interval '15 days'; UPDATE jobs SET ok_at = now() - interval '3 days'"
    )
    instance.drain()
    assert instance.query("SELECT count(*) FROM message_chunks") == [[0]]
    assert rows(instance)[0][0] == "failed"


def test_after_five_days_passing_trouble_is_a_failure(instance: Instance, relay: ScriptedRelay):
    relay.follow({"rcpt": "450 4.2.0 later"})
    put(instance, instance.context(), message())
    instance.query("UPDATE deliveries SET created_at = now() - interval '5 days 1 minute'")
    instance.drain()
    assert rows(instance)[0][0] == "failed"


def test_a_relay_that_never_answers_costs_its_time_limit_and_nothing_more(
    instance: Instance, relay: ScriptedRelay
):
    never = threading.Event()
    relay.follow({f"rcpt:{MAILBOX}": [wait(never)]})
    instance.write_env(POSTERN_RELAY_SECONDS="1")
    instance.cli("mailbox", "add", "jane", "second@other.example", "--verified")
    instance.cli("alias", "add", "jane", f"other@{DOMAIN}", "--mailbox", "second@other.example")
    context = instance.context()
    put(instance, context, message())
    put(instance, context, message(), rcpt_to=f"other@{DOMAIN}")
    instance.drain()
    never.set()
    assert [row[0] for row in rows(instance)] == ["queued", "sent"]
    assert (rows(instance)[0][3], rows(instance)[0][4]) == (0, "rcpt")


def test_waits_grow_and_spread():
    waits = [retry.wait_seconds(attempt, 0.5) for attempt in range(1, 12)]
    assert waits == sorted(waits) and waits[0] == 60 and waits[-1] == 14400
    assert (retry.wait_seconds(1, 0.0), retry.wait_seconds(1, 1.0)) == (48, 72)


def test_one_refusing_mailbox_holds_up_nobody_else(instance: Instance, relay: ScriptedRelay):
    instance.cli("user", "add", "joe")
    instance.cli("mailbox", "add", "joe", "joe@other.example", "--verified")
    instance.cli("alias", "add", "joe", f"joe-shop@{DOMAIN}")
    relay.follow({f"rcpt:{MAILBOX}": "450 4.2.0 later"})
    context = instance.context()
    put(instance, context, *(message() for _ in range(5)))
    put(
        instance, context, *(message(To=f"joe-shop@{DOMAIN}") for _ in range(5)), rcpt_to=f"joe-shop@{DOMAIN}"
    )
    instance.drain()
    assert relay.count == 5
    assert {got.rcpt_to for got in relay.messages} == {("joe@other.example",)}
    assert relay.seen[f"rcpt:{MAILBOX}"] == 1, "the others to that mailbox waited without a try"
    assert sorted(attempts for state, attempts, *_ in rows(instance) if state == "queued") == [0, 0, 0, 0, 1]


ACCOUNT = {
    "daily limit": ({"mail": "550 5.4.5 Daily user sending limit exceeded"}, [1, 0]),
    "login refused": ({"auth": "535 5.7.8 bad credentials"}, [0, 0]),
}


@pytest.mark.parametrize(("script", "attempts"), ACCOUNT.values(), ids=ACCOUNT)
def test_a_refusal_of_our_account_pauses_the_relay_and_not_the_mail(
    instance: Instance, relay: ScriptedRelay, script: dict, attempts: list[int]
):
    relay.follow(script)
    put(instance, instance.context(), message(), message())
    instance.drain()
    assert [row[:3] for row in rows(instance)] == [["queued", tries, None] for tries in attempts]
    paused, trouble = instance.query("SELECT extract(epoch FROM paused_until - now()), trouble FROM relays")[
        0
    ]
    assert 600 < float(str(paused)) <= 900 and trouble
    relay.follow({})
    tries = relay.seen["connect"]
    instance.query("UPDATE deliveries SET due_at = now()")
    instance.drain()
    assert relay.seen["connect"] == tries, "a paused relay is left alone"
    instance.query("UPDATE relays SET paused_until = now()")
    instance.drain()
    assert relay.count == 2
    assert instance.query("SELECT sum(sent) FROM relay_usage") == [[2 + sum(attempts)]]


def test_a_message_that_a_relay_takes_for_our_limit_does_not_hold_up_the_others(
    instance: Instance, relay: ScriptedRelay
):
    relay.follow({"data": ["550 5.4.5 Daily user sending limit exceeded", None, "550 5.4.5 Daily limit"]})
    put(instance, instance.context(), message(Message_ID="<odd@shop.example>"), message())
    instance.drain()
    instance.query("UPDATE deliveries SET due_at = now() WHERE attempts = 0")
    instance.query("UPDATE relays SET paused_until = now()")
    instance.drain()
    assert [row[0] for row in rows(instance)] == ["queued", "sent"]


def test_a_relay_with_a_certificate_of_somebody_else_gets_nothing(instance: Instance):
    with ScriptedRelay(certificate_kind="other-name", users={}) as stranger:
        instance.write_env(POSTERN_RELAY_PORT=str(stranger.port), POSTERN_RELAY_CA_FILE=stranger.ca_file)
        put(instance, instance.context(), message())
        instance.drain()
        assert (stranger.count, stranger.seen["auth"], stranger.seen["mail"]) == (0, 0, 0)
    assert rows(instance)[0][:2] == ["queued", 0]
    assert "certificate" in str(instance.query("SELECT trouble FROM relays")[0][0])


def test_a_relay_that_is_down_costs_no_try(instance: Instance, relay: ScriptedRelay):
    relay.stop()
    put(instance, instance.context(), message())
    instance.drain()
    assert rows(instance)[0][:3] == ["queued", 0, None]


def test_the_budget_of_an_hour_is_kept(instance: Instance, relay: ScriptedRelay):
    instance.write_env(POSTERN_RELAY_PER_HOUR="3", POSTERN_DRAIN_BATCH="2")
    put(instance, instance.context(), *(message() for _ in range(5)))
    instance.drain()
    instance.drain()
    assert relay.count == 3
    assert instance.query(
        "SELECT count(*) FROM deliveries WHERE state = 'queued' AND lease IS NULL AND attempts = 0"
    ) == [[2]]
    instance.query("UPDATE relay_usage SET slot = slot - interval '2 hours'")
    instance.drain()
    assert relay.count == 5


def test_the_budget_of_a_day_is_kept(instance: Instance, relay: ScriptedRelay):
    instance.write_env(POSTERN_RELAY_PER_DAY="3")
    put(instance, instance.context(), *(message() for _ in range(4)))
    instance.drain()
    instance.query("UPDATE relay_usage SET slot = slot - interval '2 hours'")
    instance.drain()
    assert relay.count == 3


def test_a_drain_out_of_time_gives_back_what_it_holds(instance: Instance, relay: ScriptedRelay):
    from postern.base import clock
    from postern.base.stop import Stop
    from postern.flow import deliver
    from postern.flow.drained import Drained
    from postern.flow.outlet import outlets
    from postern.flow.sign import Signer

    context = instance.context()
    put(instance, context, *(message() for _ in range(3)))
    drained = Drained(context, clock.elapsed(), Stop(), Signer(()))
    tally = deliver.Drain(drained, outlets(context), 20).run()
    assert (tally.stopped, tally.sent, tally.given_back) == ("the time is over", 0, 3)
    assert instance.query("SELECT count(*) FROM deliveries WHERE lease IS NOT NULL") == [[0]]


def test_a_message_whose_key_is_gone_waits_and_the_relay_gets_no_torso(
    instance: Instance, relay: ScriptedRelay
):
    from postern.ops import keys

    put(instance, instance.context(), message(body=b"x" * 300_000))
    old = instance.settings["POSTERN_SEAL_KEYS"]
    instance.write_env(POSTERN_SEAL_KEYS=keys.fresh()["POSTERN_SEAL_KEYS"])
    instance.drain()
    assert relay.count == 0
    assert rows(instance)[0][:2] == ["queued", 1]
    assert "which is not in the ring" in instance.log()
    instance.write_env(POSTERN_SEAL_KEYS=f'"{instance.settings["POSTERN_SEAL_KEYS"]} {old}"')
    instance.query("UPDATE deliveries SET due_at = now()")
    instance.drain()
    assert relay.count == 1


def test_a_chunk_lost_from_the_database_never_becomes_a_torso(instance: Instance, relay: ScriptedRelay):
    put(instance, instance.context(), message(body=b"x" * 300_000), message())
    instance.query("DELETE FROM message_chunks WHERE seq = 3")
    instance.drain()
    assert relay.count == 1, "the other message went"
    assert sorted(row[0] for row in rows(instance)) == ["queued", "sent"]


def test_an_alias_with_two_mailboxes_sends_to_both_under_one_reverse_address(
    instance: Instance, relay: ScriptedRelay
):
    instance.cli("mailbox", "add", "jane", "second@other.example", "--verified")
    instance.cli(
        "alias", "add", "jane", f"both@{DOMAIN}", "--mailbox", MAILBOX, "--mailbox", "second@other.example"
    )
    put(instance, instance.context(), message(), rcpt_to=f"both@{DOMAIN}")
    instance.drain()
    assert {got.rcpt_to[0] for got in relay.messages} == {MAILBOX, "second@other.example"}
    assert len({parsed(got.content)["From"] for got in relay.messages}) == 1
    assert len({got.mail_from for got in relay.messages}) == 2
