"""The canary: a message of the monitor through the relay and back by the webhook, timed, and missed when it stays away."""

from __future__ import annotations

import contextlib
from email import message_from_bytes, policy

import pytest

from postern.base.database import SYSTEM
from postern.base.stop import Stop
from postern.flow import job_run, job_table
from postern.store import aliases, domains, mailboxes
from support.instance import ALIAS, DOMAIN, MAILBOX, Instance
from support.mail import message
from support.patience import until
from support.queue import put
from support.relay import ScriptedRelay

CANARY = f"canary@{DOMAIN}"
OPERATOR = "operator@real.example"


@pytest.fixture
def cage(instance: Instance) -> Instance:
    """An instance with an alias for the canary, whose other jobs are well."""
    context = instance.context()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        domain, mailbox = domains.find(db, DOMAIN), mailboxes.default(db, 1)
        assert domain is not None and mailbox is not None
        aliases.forward_to(db, aliases.add(db, 1, domain.id, "canary"), mailbox.id)
    instance.write_env(POSTERN_CANARY=CANARY.upper(), POSTERN_ALERT_MAIL=OPERATOR)
    return instance


def run(instance: Instance, name: str, times: int = 1) -> None:
    context = instance.context()
    with contextlib.closing(context.pool):
        for _ in range(times):
            assert job_run.run(context, job_table.get(name), Stop(), by_hand=True) is not None


def subjects(relay: ScriptedRelay, address: str) -> list[str]:
    """Of what the relay took for them."""
    return [
        str(message_from_bytes(got.content, policy=policy.default)["Subject"])
        for got in list(relay.messages)
        if got.rcpt_to == (address,)
    ]


def come_back(instance: Instance, relay: ScriptedRelay, site: str) -> None:
    """What Cloudflare does with the newest canary."""
    sent = [got for got in list(relay.messages) if got.rcpt_to[0].lower() == CANARY][-1]
    hop = b"Received: from relay.example by cloudflare-email.net (unknown); now\r\n"
    assert instance.post(site, hop + sent.content, CANARY, sent.mail_from).receipt == "stored"


def found(instance: Instance) -> tuple[object, ...]:
    ((ok, detail),) = instance.query("SELECT ok, detail FROM findings WHERE name = 'canary'")
    return ok, detail


def test_it_goes_the_whole_road_and_its_time_is_a_figure(cage: Instance, relay: ScriptedRelay):
    sites = []
    relay.on("answered", lambda: [come_back(cage, relay, site) for site in sites])
    with cage.served() as site:
        sites.append(site)
        run(cage, "monitor")
        assert found(cage)[0] is True
        until(lambda: sum(cage.states().values()))
        sites.clear()
        cage.finish()
    assert cage.states() == {"sent": 1}
    assert subjects(relay, MAILBOX) == [], "nobody reads it"
    assert cage.query("SELECT count(*), count(arrived_at) FROM canaries") == [[1, 1]]
    run(cage, "monitor", 3)
    ok, detail = found(cage)
    assert ok is True and str(detail).startswith("the last one took ")
    assert len(relay.messages) == 1, "the next one goes in an hour"
    cage.query(
        "UPDATE canaries SET arrived_at = date_trunc('hour', now()) - interval '1 minute',"
        " sent_at = date_trunc('hour', now()) - interval '73 seconds'"
    )
    run(cage, "stats")
    assert cage.query("SELECT value FROM figures WHERE name = 'canary'") == [[13]]
    cage.query("UPDATE canaries SET sent_at = now() - interval '1 hour'")
    run(cage, "monitor")
    assert len(relay.messages) == 2
    cage.query("UPDATE canaries SET sent_at = sent_at - interval '8 days'")
    run(cage, "purge")
    assert cage.query("SELECT count(*) FROM canaries") == [[0]]


def test_one_that_stays_away_is_told_once_and_so_is_one_that_comes_at_last(
    cage: Instance, relay: ScriptedRelay
):
    with cage.served() as site:
        run(cage, "monitor", 3)
        cage.query("UPDATE canaries SET sent_at = now() - interval '29 minutes'")
        run(cage, "monitor", 3)
        assert subjects(relay, OPERATOR) == []
        cage.query("UPDATE canaries SET sent_at = now() - interval '31 minutes'")
        run(cage, "monitor", 4)
        assert subjects(relay, OPERATOR) == ["Trouble: canary"]
        come_back(cage, relay, site)
        cage.finish()
    run(cage, "monitor", 4)
    assert subjects(relay, OPERATOR) == ["Trouble: canary", "Well again: canary"]


def test_one_that_the_relay_refuses_is_missed_as_well(cage: Instance, relay: ScriptedRelay):
    relay.follow({f"rcpt:{CANARY.upper()}": "450 4.2.0 later"})
    run(cage, "monitor")
    assert "canary.not_sent" in cage.log()
    cage.query("UPDATE canaries SET sent_at = now() - interval '31 minutes'")
    run(cage, "monitor", 2)
    assert subjects(relay, OPERATOR) == ["Trouble: canary"]


@pytest.mark.parametrize("case", ["another subject", "unknown", "another alias", "none is set"])
def test_mail_that_is_none_is_forwarded_like_any_other(
    cage: Instance, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch, case: str
):
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    run(cage, "monitor")
    (subject,) = subjects(relay, CANARY.upper())
    if case == "another subject":
        subject = "Canary islands"
    if case == "unknown":
        subject = f"Canary {'0' * 32}"
    if case == "none is set":
        cage.write_env(POSTERN_CANARY="")
    put(cage, cage.context(), message(subject), rcpt_to=ALIAS if case == "another alias" else CANARY)
    cage.drain()
    assert subjects(relay, MAILBOX) == [subject]
    assert cage.query("SELECT count(arrived_at) FROM canaries") == [[0]]
