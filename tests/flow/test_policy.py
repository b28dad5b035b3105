"""What becomes of a message: forwarded, held, refused or discarded, and who may write to a reverse address.

The real receipt in this process on a real PostgreSQL; no drain runs. Not here: HTTP (test_receive.py), what is sent
(test_deliver.py), aliases that make themselves (test_on_the_fly.py).
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterator

import pytest

from postern.base.database import SYSTEM
from postern.base.errors import Busy, DatabaseUnavailable
from postern.flow import policy, receive, recipient
from postern.flow.import_spool import Imported, import_all
from postern.flow.recipient import bounce_tag
from postern.mail.envelope import bounce_local
from postern.ops.local.superuser import Superuser
from postern.store import alias_list, aliases, contacts, mailboxes, messages, preferences, quotas
from postern.store.aliases import Alias
from postern.store.preferences import Preferences
from postern.store.quotas import Limits
from support.mail import message
from support.people import Person, Site, open_site
from support.receipt import DMARC_FAIL, contact, counts, post, proven, queue, told

OFF = "5.2.1 this alias takes no mail"


@pytest.fixture(scope="module")
def site(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(cluster, tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch):
    """Receipts wake no drain here."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def jane(site: Site) -> Person:
    return site.person()


@pytest.fixture
def alias(site: Site, jane: Person) -> Alias:
    return site.alias(jane, f"shop-{jane.handle}")


def change(site: Site, sql: str, **params: object) -> None:
    site.run(sql, **params)


# To an alias.


def test_mail_is_queued_counted_and_told(site: Site, jane: Person, alias: Alias):
    assert post(site, alias.address, message(Authentication_Results=proven("shop.example"))) == "stored"
    (row,) = queue(site, jane)
    assert (row.kind, row.held_why, row.verdict, row.state) == ("forward", None, "pass", "queued")
    assert row.mailbox_id == jane.mailbox.id
    assert counts(site, alias.id) == (1, 0, 0)
    assert [kind for kind, _ in told(site, jane)] == ["received"]
    made = contact(site, alias.id)
    assert (made.received, made.name(site.context.ring)) == (1, "Bob Builder")
    assert site.run("SELECT messages, bytes > 100 FROM user_days WHERE user_id = :id", id=jane.id) == [
        [1, True]
    ]


def test_the_pages_find_a_summary_that_holds_no_tricks(site: Site, jane: Person, alias: Alias):
    subject = "=?utf-8?b?" + "4oCuZXZpbCANCkJjYzogeA==" + "?= " + "x" * 1000
    post(site, alias.address, message(subject, From='"Bob\t  B." <bob@shop.example>'))
    (row,) = site.run("SELECT uid, summary_sealed FROM messages WHERE user_id = :id", id=jane.id)
    summary = messages.open_summary(site.context.ring, row[0], row[1])  # type: ignore[arg-type]
    assert (summary["from"], summary["name"]) == ("bob@shop.example", "Bob B.")
    assert summary["subject"].startswith("evil Bcc: x xxx")
    assert len(summary["subject"]) <= 200


def test_mail_without_a_sender_in_its_header_is_forwarded(site: Site, jane: Person, alias: Alias):
    assert post(site, alias.address, message(From="")) == "stored"
    assert [row.state for row in queue(site, jane)] == ["queued"]
    assert site.run("SELECT 1 FROM contacts WHERE alias_id = :id", id=alias.id) == []


def test_a_blocked_contact_is_refused_counted_and_told_once_an_hour(site: Site, jane: Person, alias: Alias):
    bob = contact(site, alias.id)
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        assert contacts.block(db, bob.id, True)
    for _ in range(3):
        assert post(site, alias.address, message(From="BOB@shop.example")) == policy.CONTACT_BLOCKED.smtp
    assert post(site, alias.address, message(From="ann@shop.example")) == "stored"
    assert counts(site, alias.id) == (1, 3, 0)
    said = [note for kind, note in told(site, jane) if kind == "blocked"]
    assert said == [{"from": "BOB@shop.example", "why": "the contact is blocked"}]
    change(site, "UPDATE events SET at = at - interval '61 minutes' WHERE user_id = :id", id=jane.id)
    post(site, alias.address)
    assert [kind for kind, _ in told(site, jane)].count("blocked") == 2


def test_an_alias_that_is_off_refuses_before_the_body_counts_and_tells_once_an_hour(
    site: Site, jane: Person, alias: Alias
):
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        alias_list.enable(db, [alias.uid], False)
    assert [post(site, alias.address) for _ in range(3)] == [OFF] * 3
    assert counts(site, alias.id) == (0, 3, 0)
    assert [kind for kind, _ in told(site, jane)] == ["blocked"]
    assert site.run("SELECT sum(blocked) FROM alias_days WHERE alias_id = :id", id=alias.id) == [[3]]


def test_a_refused_mail_that_is_wanted_later_is_no_duplicate(site: Site, jane: Person, alias: Alias):
    bob, mime = contact(site, alias.id), message()
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        contacts.block(db, bob.id, True)
    post(site, alias.address, mime)
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        contacts.block(db, bob.id, False)
    assert post(site, alias.address, mime) == "stored"


def test_a_deleted_alias_and_one_of_a_shut_account_take_nothing_and_count_nothing(
    site: Site, jane: Person, alias: Alias
):
    change(site, "UPDATE aliases SET deleted_at = now() WHERE id = :id", id=alias.id)
    assert post(site, alias.address) == "5.1.1 no such alias"
    change(site, "UPDATE aliases SET deleted_at = NULL WHERE id = :id", id=alias.id)
    change(site, "UPDATE users SET disabled_at = now() WHERE id = :id", id=jane.id)
    assert post(site, alias.address) == OFF
    assert (queue(site, jane), told(site, jane), counts(site, alias.id)) == ([], [], (0, 0, 0))


def test_a_claimed_domain_takes_no_mail(site: Site, jane: Person):
    change(site, "INSERT INTO domains (name, user_id) VALUES ('claimed.example', :id)", id=jane.id)
    change(
        site,
        "INSERT INTO aliases (user_id, domain_id, local) SELECT user_id, id, 'x' FROM domains WHERE name = 'claimed.example'",
    )
    assert post(site, "x@claimed.example") == "5.1.1 no such alias"


def test_what_dmarc_calls_forged_is_held_and_makes_no_contact(site: Site, jane: Person, alias: Alias):
    assert post(site, alias.address, message(Authentication_Results=DMARC_FAIL)) == "stored"
    (row,) = queue(site, jane)
    assert (row.held_why, row.verdict, row.state) == ("dmarc", "fail", "held")
    assert [kind for kind, _ in told(site, jane)] == ["held"]
    assert site.run("SELECT 1 FROM contacts WHERE alias_id = :id", id=alias.id) == []
    assert counts(site, alias.id) == (1, 0, 0)


def test_it_is_forwarded_where_its_user_wants_that(site: Site, jane: Person, alias: Alias):
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        preferences.save(db, jane.id, Preferences(dmarc_fail="forward"))
    post(site, alias.address, message(Authentication_Results=DMARC_FAIL))
    assert [(row.state, row.verdict) for row in queue(site, jane)] == [("queued", "fail")]


def test_a_verdict_of_anybody_else_counts_for_nothing(site: Site, jane: Person, alias: Alias):
    post(
        site,
        alias.address,
        message(Authentication_Results="mx.evil.example; dmarc=fail header.from=shop.example"),
    )
    assert [(row.state, row.verdict) for row in queue(site, jane)] == [("queued", "")]


def test_mail_is_held_while_all_mailboxes_are_paused_and_else_goes_to_the_others(
    site: Site, jane: Person, alias: Alias
):
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        second = mailboxes.add(db, site.context.ring, jane.id, "second@real.example", verified=True)
        aliases.forward_to(db, alias, second.id)
    change(site, "UPDATE mailboxes SET paused_at = now() WHERE id = :id", id=jane.mailbox.id)
    post(site, alias.address)
    assert [(row.state, row.mailbox_id) for row in queue(site, jane)] == [("queued", second.id)]
    change(site, "UPDATE mailboxes SET paused_at = now() WHERE id = :id", id=second.id)
    post(site, alias.address)
    held = queue(site, jane)[1:]
    assert [(row.held_why, row.state) for row in held] == [("paused", "held")] * 2
    assert {row.mailbox_id for row in held} == {jane.mailbox.id, second.id}


def test_over_quota_the_senders_server_tries_again_and_nothing_is_stored(
    site: Site, jane: Person, alias: Alias
):
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        quotas.set_own(db, jane.id, Limits(messages_day=2))
    assert [post(site, alias.address) for _ in range(2)] == ["stored"] * 2
    with pytest.raises(Busy, match="Over quota"):
        post(site, alias.address)
    assert len(queue(site, jane)) == 2
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        quotas.set_own(db, jane.id, Limits(bytes_day=450))
    with pytest.raises(Busy, match="Over quota"):
        post(site, alias.address)


def test_a_quota_holds_however_many_come_at_once(site: Site, jane: Person, alias: Alias):
    from concurrent.futures import ThreadPoolExecutor

    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        quotas.set_own(db, jane.id, Limits(messages_day=3))

    def one(_: int) -> str:
        try:
            return post(site, alias.address)
        except Busy:
            return "busy"

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(one, range(12)))
    assert sorted(set(answers)) == ["busy", "stored"]
    assert answers.count("stored") == 3
    assert len(queue(site, jane)) == 3


def test_an_alias_switched_off_while_the_body_streams_refuses_it(site: Site, jane: Person, alias: Alias):
    from support.queue import inbound

    mime = message()

    def streaming() -> Iterator[bytes]:
        yield mime[:50]
        change(site, "UPDATE aliases SET enabled = false WHERE id = :id", id=alias.id)
        yield mime[50:]

    secret = site.instance.secret
    with pytest.raises(recipient.Refused, match=OFF[6:]):
        receive.receive(site.context, inbound(secret, mime, alias.address), (secret,), streaming())
    assert (queue(site, jane), counts(site, alias.id)) == ([], (0, 1, 0))


# To a reverse address.


@pytest.fixture
def reverse(site: Site, alias: Alias) -> str:
    return f"{contact(site, alias.id).reverse_local}@{alias.domain}"


def reply(person: Person, domain: str = "real.example", **headers: str) -> bytes:
    """As the person's mail program and server send it."""
    given = {
        "From": f"Jane <{person.handle}@real.example>",
        "Authentication-Results": proven(domain),
        **headers,
    }
    return message("Re: Hello", **{name.replace("-", "_"): value for name, value in given.items()})


def test_a_reply_from_the_mailbox_is_queued_for_the_contact(
    site: Site, jane: Person, alias: Alias, reverse: str
):
    assert post(site, reverse, reply(jane), f"{jane.handle}@real.example") == "stored"
    (row,) = queue(site, jane)
    assert (row.kind, row.state, row.mailbox_id) == ("reply", "queued", None)
    assert row.contact_id == contact(site, alias.id).id
    assert counts(site, alias.id) == (0, 0, 1)
    assert contact(site, alias.id).sent == 1
    assert [kind for kind, _ in told(site, jane)] == ["replied"]
    assert site.run("SELECT messages FROM user_days WHERE user_id = :id", id=jane.id) == [[1]]


def test_a_paused_mailbox_may_still_write(site: Site, jane: Person, reverse: str):
    change(site, "UPDATE mailboxes SET paused_at = now() WHERE id = :id", id=jane.mailbox.id)
    assert post(site, reverse, reply(jane)) == "stored"


FORGED = {
    "nothing is stamped": ({"Authentication-Results": ""}, policy.NOT_PROVEN),
    "another server stamped it": (
        {"Authentication-Results": "mx.evil.example; dmarc=pass header.from=real.example"},
        policy.NOT_PROVEN,
    ),
    "it fails": (
        {
            "Authentication-Results": "mx.cloudflare.net; dkim=pass header.d=real.example; dmarc=fail header.from=real.example"
        },
        policy.NOT_PROVEN,
    ),
    "proven for another domain": ({"Authentication-Results": proven("evil.example")}, policy.NOT_PROVEN),
    "a stranger, proven": (
        {"From": "mallory@evil.example", "Authentication-Results": proven("evil.example")},
        policy.STRANGER,
    ),
    "another of that provider": ({"From": "mallory@real.example"}, policy.STRANGER),
    "nobody": ({"From": ""}, policy.STRANGER),
}


@pytest.mark.parametrize(("headers", "why"), FORGED.values(), ids=FORGED)
def test_what_is_not_proven_to_come_from_the_mailbox_is_refused_alike_and_shown(
    site: Site, jane: Person, alias: Alias, reverse: str, headers: dict[str, str], why: policy.Decision
):
    assert post(site, reverse, reply(jane, **headers)) == policy.NOT_YOURS
    assert queue(site, jane) == []
    ((kind, note),) = told(site, jane)
    assert (kind, note["why"]) == ("refused", why.why)
    assert note["from"] in (headers.get("From") or "bob@shop.example", f"{jane.handle}@real.example")
    assert counts(site, alias.id) == (0, 0, 0)


def test_two_in_from_are_refused_whoever_stands_first(site: Site, jane: Person, reverse: str):
    own = f"{jane.handle}@real.example"
    for both in (f"{own}, mallory@real.example", f"mallory@real.example, {own}"):
        assert post(site, reverse, reply(jane, From=both)) == policy.NOT_YOURS


def test_another_users_mailbox_and_an_unverified_one_may_not_write(site: Site, jane: Person, reverse: str):
    kim = site.person()
    assert post(site, reverse, reply(kim)) == policy.NOT_YOURS
    change(site, "UPDATE mailboxes SET verified_at = NULL WHERE id = :id", id=jane.mailbox.id)
    assert post(site, reverse, reply(jane)) == policy.NOT_YOURS
    assert queue(site, kim) == told(site, kim) == []


@pytest.mark.parametrize(
    "headers", [{"Auto-Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"mail_from": ""}], ids=str
)
def test_a_robots_answer_is_discarded_and_shown(
    site: Site, jane: Person, reverse: str, headers: dict[str, str]
):
    mail_from = headers.pop("mail_from", f"{jane.handle}@real.example")
    assert post(site, reverse, reply(jane, **headers), mail_from) == "discarded"
    assert queue(site, jane) == []
    assert [(kind, note["why"]) for kind, note in told(site, jane)] == [("refused", policy.ROBOT.why)]


def test_the_owner_is_told_that_alias_or_contact_stand_in_the_way_and_a_stranger_is_not(
    site: Site, jane: Person, alias: Alias, reverse: str
):
    for sql, expected in (
        ("UPDATE contacts SET blocked_at = now() WHERE alias_id = :id", policy.REPLY_BLOCKED.smtp),
        ("UPDATE aliases SET enabled = false WHERE id = :id", policy.REPLY_OFF.smtp),
    ):
        change(site, sql, id=alias.id)
        assert post(site, reverse, reply(jane)) == expected
        assert post(site, reverse) == policy.NOT_YOURS
    assert queue(site, jane) == []


def test_a_reverse_address_dies_with_its_alias_and_its_user(
    site: Site, jane: Person, alias: Alias, reverse: str
):
    change(site, "UPDATE aliases SET deleted_at = now() WHERE id = :id", id=alias.id)
    assert post(site, reverse, reply(jane)) == "5.1.1 no such alias"
    change(site, "UPDATE aliases SET deleted_at = NULL WHERE id = :id", id=alias.id)
    change(site, "UPDATE users SET disabled_at = now() WHERE id = :id", id=jane.id)
    assert post(site, reverse, reply(jane)) == "5.1.1 no such alias"


def test_a_flood_of_forged_replies_fills_no_table(site: Site, jane: Person, reverse: str):
    for _ in range(policy.REFUSALS_AN_HOUR + 5):
        assert post(site, reverse) == policy.NOT_YOURS
    assert len(told(site, jane)) == policy.REFUSALS_AN_HOUR


def test_the_same_reply_sent_again_is_queued_once(site: Site, jane: Person, reverse: str):
    mime = reply(jane, Message_ID="<same@real.example>")
    assert [post(site, reverse, mime) for _ in range(2)] == ["stored", "duplicate"]
    assert len(queue(site, jane)) == 1


# Bounces.


def sent_delivery(site: Site, jane: Person, alias: Alias) -> int:
    post(site, alias.address)
    change(site, "UPDATE deliveries SET state = 'sent', finished_at = now() WHERE user_id = :id", id=jane.id)
    return int(str(site.run("SELECT id FROM deliveries WHERE user_id = :id", id=jane.id)[0][0]))


def bounce_address(site: Site, delivery_id: int) -> str:
    return f"{bounce_local(delivery_id, bounce_tag(site.context.ring, delivery_id))}@alias.example"


def dsn() -> bytes:
    path = pathlib.Path(__file__).parents[1] / "mail" / "messages" / "reports" / "postfix.eml"
    return path.read_bytes()


def test_a_bounce_is_read_and_noted_once(site: Site, jane: Person, alias: Alias):
    delivery_id = sent_delivery(site, jane, alias)
    address = bounce_address(site, delivery_id)
    assert [post(site, address, dsn(), "") for _ in range(2)] == ["discarded"] * 2
    assert [kind for kind, _ in told(site, jane)] == ["received", "bounced"]


def test_a_bounce_that_is_not_as_signed_is_not_noted(site: Site, jane: Person, alias: Alias):
    from postern.mail.envelope import Malformed
    from support.queue import inbound

    delivery_id = sent_delivery(site, jane, alias)
    secret, mime = site.instance.secret, dsn()
    signed = inbound(secret, mime, bounce_address(site, delivery_id), "")
    with pytest.raises(Malformed):
        receive.receive(site.context, signed, (secret,), [mime[:-3] + b"xyz"])
    assert [kind for kind, _ in told(site, jane)] == ["received"]


# What was spooled.


@pytest.fixture
def away(site: Site, monkeypatch: pytest.MonkeyPatch):
    """Switches the database off and on again, for the receipt alone."""

    class Away:
        def __enter__(self) -> None:
            def refuse(*args: object) -> None:
                raise DatabaseUnavailable("The database is away.", "Wait.")

            monkeypatch.setattr("postern.flow.admission.admit", refuse)

        def __exit__(self, *error: object) -> None:
            monkeypatch.undo()
            monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)

    return Away()


def spool(
    site: Site, away, rcpt_to: str, mime: bytes | None = None, mail_from: str = "bob@shop.example"
) -> None:
    with away:
        assert post(site, rcpt_to, mime, mail_from) == "spooled"


def test_spooled_mail_meets_the_same_policy(site: Site, jane: Person, alias: Alias, reverse: str, away):
    spool(site, away, alias.address, message(Authentication_Results=DMARC_FAIL))
    spool(site, away, reverse, reply(jane), f"{jane.handle}@real.example")
    assert import_all(site.context) == Imported(queued=2)
    assert [(row.kind, row.state) for row in queue(site, jane)] == [("forward", "held"), ("reply", "queued")]


def test_spooled_mail_that_would_be_refused_is_told_and_discarded_never_bounced(
    site: Site, jane: Person, alias: Alias, reverse: str, away
):
    spool(site, away, reverse, reply(jane, Authentication_Results=""))
    spool(site, away, reverse, reply(jane, Auto_Submitted="auto-replied"))
    spool(site, away, alias.address)
    change(site, "UPDATE aliases SET enabled = false WHERE id = :id", id=alias.id)
    assert import_all(site.context) == Imported()
    assert site.context.spool.waiting() == []
    assert queue(site, jane) == []
    assert sorted(kind for kind, _ in told(site, jane)) == ["blocked", "refused", "refused"]
    assert os.listdir(os.path.join(site.instance.home, "spool", "kept")) == []


def test_a_refusal_is_told_once_when_the_import_dies_before_the_file_is_removed(
    site: Site, jane: Person, alias: Alias, away, monkeypatch: pytest.MonkeyPatch
):
    spool(site, away, alias.address)
    change(site, "UPDATE aliases SET enabled = false WHERE id = :id", id=alias.id)
    with monkeypatch.context() as patch:
        patch.setattr("postern.base.spool.Spool.remove", lambda spool, name: None)
        import_all(site.context)
    import_all(site.context)
    assert site.context.spool.waiting() == []
    assert counts(site, alias.id) == (0, 1, 0)


def test_a_quota_holds_up_nothing_that_was_accepted(site: Site, jane: Person, alias: Alias, away):
    spool(site, away, alias.address)
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        quotas.set_own(db, jane.id, Limits(messages_day=0))
    assert import_all(site.context) == Imported(queued=1)


def test_a_spooled_bounce_is_noted(site: Site, jane: Person, alias: Alias, away):
    spool(site, away, bounce_address(site, sent_delivery(site, jane, alias)), dsn(), "")
    assert import_all(site.context) == Imported()
    assert [kind for kind, _ in told(site, jane)] == ["received", "bounced"]


def test_a_message_that_an_older_program_spooled_is_imported(
    site: Site, jane: Person, alias: Alias, away, monkeypatch: pytest.MonkeyPatch
):
    """Its note has no head: nothing is known of who wrote it."""
    real = json.dumps

    def older(note: dict[str, object], **options: object) -> str:
        note.pop("head", None)
        return real(note, **options)

    with monkeypatch.context() as patch:
        patch.setattr("postern.flow.receive.json.dumps", older)
        with away:
            assert post(site, alias.address) == "spooled"
    assert import_all(site.context) == Imported(queued=1)
    assert [row.verdict for row in queue(site, jane)] == [""]
