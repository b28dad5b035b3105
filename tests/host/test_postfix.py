"""The drain with a real Postfix as the relay.

What it takes arrives whole, what it refuses is understood, and its limits lose nothing.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import pathlib
import socket
from collections import Counter
from collections.abc import Iterator

import pytest

from postern.base import dkim_keys
from postern.base.database import SYSTEM
from postern.base.dkim_keys import KeptKey
from postern.flow.context import Context
from postern.flow.receive import receive
from postern.mail import envelope, header, signing_key
from postern.mail.signing_key import ED25519
from postern.store import aliases, domains, mailboxes, users
from support.fixtures import RELAY_PASSWORD, RELAY_USER, relay_env
from support.instance import ALIAS, DOMAIN, MAILBOX, ROOT, Instance
from support.mail import body_of, canonical, message, parsed
from support.patience import until
from support.postfix import Postfix
from support.postgres import Database
from support.queue import inbound, put
from support.signing import judge, signing_key_of

pytestmark = pytest.mark.tier("postfix")

OURS = {
    *("from", "reply-to", "to", "cc", "x-postern-alias", "x-postern-auth", "postern-loop"),
    *("list-unsubscribe", "list-subscribe", "list-post", "list-help", "list-owner", "list-archive"),
}
"""Fields that are written anew, wholly or in part (tests/mail/test_rewrite.py)."""

TAKEN_OUT = {
    *("sender", "errors-to", "disposition-notification-to", "return-receipt-to", "x-confirm-reading-to"),
    *("dkim-signature", "domainkey-signature", "x-google-dkim-signature", "authentication-results"),
    *("received-spf", "arc-seal", "arc-message-signature", "arc-authentication-results"),
    *("bcc", "content-length", "resent-bcc", "return-path"),  # Postfix's message_drop_headers, too
}


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda _: None)


@pytest.fixture
def postfix(request: pytest.FixtureRequest) -> Iterator[Postfix]:
    """With the settings that the test's `settled` names."""
    with Postfix({RELAY_USER: RELAY_PASSWORD}, **getattr(request, "param", {})) as server:
        yield server


def settled(*cases: dict[str, object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("postfix", cases, indirect=True, ids=[" ".join(case) for case in cases])


@pytest.fixture
def instance(tmp_path: pathlib.Path, ready_database: Database, postfix: Postfix) -> Iterator[Instance]:
    """A user with a mailbox, an alias, and Postfix for a relay."""
    made = Instance(tmp_path / "home", {**ready_database.env, **relay_env(postfix)})
    made.migrate()
    made.people()
    yield made
    made.close()


def forward_to(instance: Instance, *locals_: str) -> None:
    """For each an alias of that local part, and a mailbox of it behind that."""
    context = instance.context()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        user, domain = users.find(db, "jane"), domains.find(db, DOMAIN)
        assert user
        assert domain
        for local in locals_:
            mailbox = mailboxes.add(db, context.ring, user.id, f"{local}@real-mailbox.example", verified=True)
            aliases.forward_to(db, aliases.add(db, user.id, domain.id, local), mailbox.id)


def outcomes(instance: Instance) -> dict[str, tuple[object, ...]]:
    """Alias -> state, code and stage of what the relay said last."""
    rows = instance.query(
        "SELECT a.local, q.state, q.said_code, q.said_stage FROM deliveries q JOIN messages m ON m.id = q.message_id"
        " JOIN aliases a ON a.id = m.alias_id ORDER BY q.id"
    )
    return {str(local): (state, code, stage) for local, state, code, stage in rows}


def relay_row(instance: Instance) -> tuple[bool, str]:
    """Whether the relay is paused, and what was wrong with it."""
    ((paused, trouble),) = instance.query("SELECT coalesce(paused_until > now(), false), trouble FROM relays")
    return bool(paused), str(trouble or "")


def make_due(instance: Instance) -> None:
    """As if all waits were over."""
    instance.query("UPDATE deliveries SET due_at = now() WHERE state = 'queued'")
    instance.query("UPDATE relays SET paused_until = NULL, rest_until = NULL, slow_level = NULL")


def fields(block: bytes, without: set[str]) -> list[tuple[str, str]]:
    """Name and value of each field as Python's own parser reads them, folding included."""
    read = email.message_from_bytes(block.replace(b"\r\n", b"\n"), policy=email.policy.compat32)
    return [
        (name, value)
        for name, value in read.raw_items()
        if name.lower() not in without and not name.lower().startswith(("resent-", "x-postern-"))
    ]


CORPORA = {"own": ROOT / "tests" / "mail" / "messages", "public": ROOT.parent / "shared" / "corpus"}


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA)
def test_every_message_arrives_whole(instance: Instance, postfix: Postfix, corpus: pathlib.Path) -> None:
    """8-bit and UTF-8 header fields, NUL, bare CR, dots, over-long lines; all over a few connections, and all signed."""
    found = sorted(corpus.rglob("*.eml"))
    if not found:
        pytest.skip(f"there is no corpus at {corpus}")
    context = instance.context()
    key = signing_key_of(DOMAIN, ED25519)
    dkim_keys.write(instance.home, [KeptKey(DOMAIN, key.selector, ED25519, 1, 1, signing_key.to_pem(key))])
    files = [file for file in found if received(instance, context, file.read_bytes()) == "stored"]
    assert len(files) > 20
    instance.drain()
    assert instance.states() == {"sent": len(files)}
    until(lambda: len(postfix.arrived()) == len(files))
    got = {envelope.read_bounce_local(one.mail_from.partition("@")[0])[0]: one for one in postfix.arrived()}
    for number, file in enumerate(files, 1):
        block, body = header.split([file.read_bytes()])
        content = got[number].content
        assert got[number].rcpt_to == MAILBOX
        assert judge(content, key) == 1, file.name
        sent = b"".join(body)
        assert body_of(content) == (canonical(sent) if sent else b""), file.name
        new = content[: len(content) - len(body_of(content))]
        kept = fields(header.parse(block).to_bytes(), OURS | TAKEN_OUT)
        assert fields(new, {*OURS, "dkim-signature"}) == kept, file.name
        senders = parsed(new).get_all("From", [])
        assert len(senders) == 1
        assert f"@{DOMAIN}" in str(senders[0])
    assert postfix.log().count("sasl_method=") == len(files)
    assert 2 <= postfix.log().count(": connect from") <= 4, "the probe's, and three at most for all"


def test_25_mb_arrive_byte_for_byte(instance: Instance, postfix: Postfix) -> None:
    block = b"\r\n".join(os.urandom(36).hex().encode() for _ in range(1000)) + b"\r\n..\r\n"
    mime = message(body=block * (25 * 1024 * 1024 // len(block)))
    put(instance, instance.context(), mime)
    instance.drain()
    until(postfix.arrived)
    assert body_of(postfix.arrived()[0].content) == body_of(mime)


def received(instance: Instance, context: Context, mime: bytes) -> str:
    """What the receipt says. A corpus may hold the same mail twice."""
    return receive(context, inbound(instance.secret, mime), (instance.secret,), [mime])


def test_the_relay_is_walked_through_and_a_wrong_password_is_found(
    instance: Instance, postfix: Postfix
) -> None:
    asked = ("relay", "test", MAILBOX, "--from", f"postern@{DOMAIN}", "--json")
    steps = json.loads(instance.cli(*asked))
    assert [one["step"] for one in steps] == ["connect", "tls", "ehlo", "auth", "mail", "rcpt"]
    assert {one["result"] for one in steps} == {"ok"}
    nobody = json.loads(instance.cli(*asked[:2], "x@elsewhere.example", *asked[3:], code=1))[-1]
    assert (nobody["step"], nobody["result"]) == ("rcpt", "FAILED"), nobody
    instance.write_env(POSTERN_RELAY_PASSWORD="not-it")
    last = json.loads(instance.cli(*asked, code=1))[-1]
    assert (last["step"], last["result"]) == ("auth", "FAILED")
    assert "POSTERN_RELAY_PASSWORD" in last["remedy"]
    assert RELAY_PASSWORD not in postfix.log()
    assert postfix.arrived() == []


@settled({}, {"smtpd_sasl_mechanism_filter": "login"})
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_both_kinds_of_tls_and_login(instance: Instance, postfix: Postfix, tls: str) -> None:
    port = postfix.implicit_port if tls == "implicit" else postfix.port
    instance.write_env(POSTERN_RELAY_TLS=tls, POSTERN_RELAY_PORT=str(port))
    put(instance, instance.context(), message())
    instance.drain()
    assert instance.states() == {"sent": 1}
    until(postfix.arrived)


@pytest.mark.parametrize(
    ("wrong", "trouble"),
    [
        ({"POSTERN_RELAY_PASSWORD": "not-it"}, "The relay refuses the login"),
        ({"POSTERN_RELAY_USER": "nobody-we-know"}, "The relay refuses the login"),
        ({"POSTERN_RELAY_TLS": "none"}, "The relay offers no login that works here"),
        ({"POSTERN_RELAY_HOST": "127.0.0.2"}, "The relay's certificate is for another name"),
        ({"POSTERN_RELAY_CA_FILE": ""}, "The relay's certificate comes from an issuer that is not trusted"),
    ],
)
def test_what_is_wrong_with_us_pauses_the_relay_and_keeps_the_mail(
    tmp_path: pathlib.Path, ready_database: Database, wrong: dict[str, str], trouble: str
) -> None:
    with Postfix({RELAY_USER: RELAY_PASSWORD}) as postfix:
        right = {**relay_env(postfix), "POSTERN_RELAY_TLS": "starttls"}
        instance = Instance(tmp_path / "home", {**ready_database.env, **right, **wrong})
        instance.migrate()
        instance.people()
        put(instance, instance.context(), message(), message())
        instance.drain()
        key = f"{instance.settings['POSTERN_RELAY_HOST']}:{postfix.port}"
        assert instance.query("SELECT name, paused_until > now() + interval '5 minutes' FROM relays") == [
            [key, True]
        ]
        assert relay_row(instance)[1].startswith(trouble)
        assert instance.query("SELECT state, attempts, lease FROM deliveries") == [["queued", 0, None]] * 2
        assert "in trouble" in instance.cli("health", code=1)
        assert RELAY_PASSWORD not in instance.log() + postfix.log()
        connections = postfix.log().count(": connect from")
        instance.drain()
        assert postfix.log().count(": connect from") == connections, "paused: nobody knocks"
        instance.write_env(**right)
        make_due(instance)
        instance.drain()
        assert instance.states() == {"sent": 2}
        until(lambda: len(postfix.arrived()) == 2)
        instance.close()


REFUSED = {
    # access(5) -> what becomes of the delivery
    "REJECT": ("failed", 554, "rcpt"),
    "550 5.1.1 there is no such mailbox": ("failed", 550, "rcpt"),
    "550 5.1.2 there is no such domain": ("failed", 550, "rcpt"),
    "552 5.2.2 mailbox full": ("failed", 552, "rcpt"),
    "DEFER": ("queued", 450, "rcpt"),
    "450 4.2.0 greylisted, come back later": ("queued", 450, "rcpt"),
    "452 4.2.2 mailbox full": ("queued", 452, "rcpt"),
    "421 4.3.2 closing": ("queued", 421, "rcpt"),
    "OK": ("sent", 250, "body"),
}
LOCALS = {f"case-{number}": action for number, action in enumerate(REFUSED)}


@settled(
    {
        "access": {f"{local}@real-mailbox.example": action for local, action in LOCALS.items()},
        "smtpd_error_sleep_time": "0",
    }
)
def test_each_recipient_has_an_outcome_of_its_own(instance: Instance, postfix: Postfix) -> None:
    forward_to(instance, *LOCALS)
    for local in LOCALS:
        put(instance, instance.context(), message(), rcpt_to=f"{local}@{DOMAIN}")
    instance.drain()
    assert outcomes(instance) == {local: REFUSED[action] for local, action in LOCALS.items()}
    assert relay_row(instance) == (False, "")
    until(postfix.arrived)
    assert [one.rcpt_to.partition("@")[0] for one in postfix.arrived()] == [f"case-{len(REFUSED) - 1}"]


@settled(
    {"smtpd_relay_restrictions": "reject_unauth_destination", "virtual_mailbox_domains": ""},
    {
        "smtpd_sender_restrictions": "reject_sender_login_mismatch",
        "smtpd_sender_login_maps": "inline:{ @alias.example=somebody-else }",
    },
)
def test_a_relay_that_does_not_know_our_domain_yet_fails_no_mail(
    instance: Instance, postfix: Postfix
) -> None:
    """Access denied is about the account's set-up: the mail waits, and other domains' mail is not held up."""
    put(instance, instance.context(), message())
    instance.drain()
    ((state, code, stage),) = outcomes(instance).values()
    assert (state, stage) == ("queued", "rcpt")
    assert str(code) in ("553", "554")
    assert relay_row(instance) == (False, "")


@settled({"smtpd_client_message_rate_limit": "2", "anvil_rate_time_unit": "3s"})
def test_a_limit_on_messages_delays_and_loses_nothing(instance: Instance, postfix: Postfix) -> None:
    ids = [f"<{number}@shop.example>" for number in range(5)]
    put(instance, instance.context(), *(message(Message_ID=one) for one in ids))
    instance.drain()
    assert "delivery request rate limit exceeded" in postfix.log()
    assert set(instance.states()) == {"sent", "queued"}
    assert ["queued", 450, "mail"] in instance.query("SELECT state, said_code, said_stage FROM deliveries")
    until(lambda: sent_at_last(instance) == {"sent": 5})
    until(lambda: len(postfix.arrived()) >= 5)
    assert Counter(parsed(one.content)["Message-ID"] for one in postfix.arrived()) == Counter(ids)


@settled({"smtpd_client_connection_count_limit": "1"})
def test_a_limit_on_connections_is_trouble_of_the_relay(instance: Instance, postfix: Postfix) -> None:
    put(instance, instance.context(), message())
    with socket.create_connection(("127.0.0.1", postfix.port)) as other:
        assert other.recv(512).startswith(b"220")
        instance.drain()
    assert "concurrency limit exceeded" in postfix.log()
    paused, trouble = relay_row(instance)
    assert paused
    assert "421" in trouble
    assert instance.query("SELECT state, attempts FROM deliveries") == [["queued", 0]]
    until(lambda: sent_at_last(instance) == {"sent": 1})


def sent_at_last(instance: Instance) -> dict[str, int]:
    """The states after one more drain, all waits being over."""
    make_due(instance)
    instance.drain()
    return instance.states()


@settled(
    {
        "access": {f"gone-{number}@real-mailbox.example": "REJECT" for number in range(30)},
        "smtpd_error_sleep_time": "0",
    }
)
def test_a_relay_that_hangs_up_after_many_refusals_holds_up_nobody(
    instance: Instance, postfix: Postfix
) -> None:
    """Postfix ends a connection after smtpd_hard_error_limit (20) refused commands."""
    locals_ = [f"gone-{number}" for number in range(30)]
    forward_to(instance, *locals_)
    for local in locals_:
        put(instance, instance.context(), message(), rcpt_to=f"{local}@{DOMAIN}")
    put(instance, instance.context(), message())
    instance.drain()
    assert "too many errors" in postfix.log()
    assert instance.states() == {"failed": 30, "sent": 1}
    assert relay_row(instance) == (False, "")


@settled({"message_size_limit": "100000"})
def test_a_message_over_the_relays_limit_fails_and_the_next_one_goes(
    instance: Instance, postfix: Postfix
) -> None:
    put(instance, instance.context(), message(body=b"x" * 70 + b"\r\n" * 60_000), message())
    instance.drain()
    assert instance.query("SELECT state, said_code, said_stage FROM deliveries ORDER BY id") == [
        ["failed", 0, "mail"],
        ["sent", 250, "body"],
    ]
    assert "100000" in instance.cli("queue", "list", "--state", "failed")
    assert len(postfix.log().split("from=<bn-")) == 2


@settled({"transport_maps": "inline:{ jane.doe@real-mailbox.example=broken: }"})
def test_a_bounce_that_comes_back_later_is_noted_at_its_delivery(
    instance: Instance, postfix: Postfix
) -> None:
    """Postfix takes the mail, cannot deliver it, and tells the envelope sender. The Worker would post that to us."""
    put(instance, instance.context(), message())
    instance.drain()
    assert instance.states() == {"sent": 1}
    until(lambda: postfix.arrived(DOMAIN))
    (bounce,) = postfix.arrived(DOMAIN)
    assert bounce.mail_from == ""
    with instance.served() as site:
        answer = instance.post(site, bounce.content, rcpt_to=bounce.rcpt_to, mail_from="")
        forged = bounce.rcpt_to.replace("@", "a@")
        assert instance.post(site, bounce.content, rcpt_to=forged, mail_from="").status == 422
    assert (answer.status, answer.receipt) == (202, "discarded")
    assert instance.query("SELECT bounced_at IS NOT NULL FROM deliveries") == [[True]]
    assert "bounced" in instance.cli("user", "events", "jane")
    assert instance.query("SELECT count(*) FROM messages") == [[1]]
    assert ALIAS in parsed(bounce.content).as_string()
