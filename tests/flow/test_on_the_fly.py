"""Aliases that make themselves with their first mail: where they may, how many a day, and one however many come at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postern.base.database import SYSTEM
from postern.base.errors import Busy, DatabaseUnavailable
from postern.flow import policy, receive
from postern.flow.import_spool import Imported, import_all
from postern.flow.recipient import Refused
from postern.ops.local.superuser import Superuser
from postern.store import aliases, domains, quotas, retired, targets
from postern.store.aliases import Alias
from postern.store.domains import Domain
from postern.store.quotas import Limits
from support.mail import message
from support.people import SHARED, Person, Site, open_site
from support.queue import inbound
from support.receipt import DMARC_FAIL, counts, post, queue, told

NOBODY = "5.1.1 no such alias"


@pytest.fixture(scope="module")
def site(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(cluster, tmp_path_factory.mktemp("site"), POSTERN_DB_POOL="10") as made:
        yield made


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch):
    """Receipts wake no drain here."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def jane(site: Site) -> Person:
    return site.person()


@pytest.fixture
def domain(site: Site, jane: Person) -> Domain:
    """Jane's own, with 20 a day."""
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        made = domains.add(db, f"{jane.handle}.example", jane.id)
        assert domains.set_fly(db, made.id, True, 20)
    return made


def found(site: Site, local: str, domain: Domain) -> Alias | None:
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        return aliases.find(db, local, domain.name)


def fly_made(site: Site, domain: Domain) -> object:
    return site.run("SELECT fly_made FROM domains WHERE id = :id", id=domain.id)[0][0]


def test_the_first_mail_makes_the_alias_and_arrives(site: Site, jane: Person, domain: Domain):
    assert post(site, f"News@{domain.name.upper()}") == "stored"
    alias = found(site, "news", domain)
    assert alias is not None
    assert (alias.user_id, alias.origin, alias.enabled) == (jane.id, "fly", True)
    assert [(row.state, row.mailbox_id) for row in queue(site, jane)] == [("queued", jane.mailbox.id)]
    assert counts(site, alias.id) == (1, 0, 0)
    assert post(site, f"news@{domain.name}") == "stored"
    assert fly_made(site, domain) == 1


def test_a_body_that_is_not_as_signed_makes_nothing(site: Site, domain: Domain):
    from postern.mail.envelope import Malformed

    secret, mime = site.instance.secret, message()
    with pytest.raises(Malformed):
        receive.receive(site.context, inbound(secret, mime, f"news@{domain.name}"), (secret,), [mime + b"x"])
    assert (found(site, "news", domain), fly_made(site, domain)) == (None, 0)


def test_ten_first_mails_at_once_make_one_alias_and_all_arrive(site: Site, jane: Person, domain: Domain):
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: post(site, f"news@{domain.name}"), range(10)))
    assert answers == ["stored"] * 10
    assert site.run("SELECT count(*) FROM aliases WHERE user_id = :id", id=jane.id) == [[1]]
    assert (len(queue(site, jane)), fly_made(site, domain)) == (10, 1)


def test_the_days_cap_holds_however_many_come_at_once(site: Site, jane: Person, domain: Domain):
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.set_fly(db, domain.id, True, 3)

    def one(number: int) -> str:
        try:
            return post(site, f"news-{number}@{domain.name}")
        except Busy:
            return "busy"

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(one, range(12)))
    assert (answers.count("stored"), answers.count("busy")) == (3, 9)
    assert site.run("SELECT count(*) FROM aliases WHERE user_id = :id", id=jane.id) == [[3]]
    assert len(queue(site, jane)) == 3
    site.run("UPDATE domains SET fly_day = fly_day - 1 WHERE id = :id", id=domain.id)
    assert one(99) == "stored"
    assert fly_made(site, domain) == 1


def test_over_the_cap_the_aliases_that_are_there_take_mail(site: Site, domain: Domain):
    post(site, f"news@{domain.name}")
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.set_fly(db, domain.id, True, 1)
    with pytest.raises(Busy, match="No more aliases"):
        post(site, f"more@{domain.name}")
    assert post(site, f"news@{domain.name}") == "stored"


def test_the_users_quota_holds_and_the_last_place_is_shared_by_all_mail_to_it(
    site: Site, jane: Person, domain: Domain
):
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        quotas.set_own(db, jane.id, Limits(aliases=1))
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: post(site, f"news@{domain.name}"), range(5)))
    assert answers == ["stored"] * 5
    with pytest.raises(Busy):
        post(site, f"more@{domain.name}")
    assert fly_made(site, domain) == 1


def test_whoever_makes_it_by_hand_meanwhile_decides(site: Site, jane: Person, domain: Domain):
    """Between the question and the act: it is there, deleted or without a mailbox, and nothing gets lost in it."""
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        fly = targets.fly(db, "news", domain.name)
        assert fly is not None
        alias = aliases.add(db, jane.id, domain.id, "news")
        with pytest.raises(Refused, match="takes no mail"):
            policy.make_on_the_fly(site.context, db, fly)
        aliases.forward_to(db, alias, jane.mailbox.id)
        assert policy.make_on_the_fly(site.context, db, fly).alias_id == alias.id
        db.run("UPDATE aliases SET deleted_at = now() WHERE id = :id", id=alias.id)
        with pytest.raises(Refused, match="no such alias"):
            policy.make_on_the_fly(site.context, db, fly)


NAMES = {
    "reserved": "postmaster",
    "reserved, with a tag": "abuse+x",
    "of machines": "MAILER-DAEMON",
    "like a reverse address": "re-" + "a" * 16,
    "like a bounce address": "bn-" + "a" * 26,
    "longer than allowed": "x" * 65,
    "no dot-atom": "a..b",
    "not ASCII": "müller",
    "quoted": '"a b"'.replace(" ", "("),
}


@pytest.mark.parametrize("local", NAMES.values(), ids=NAMES)
def test_these_never_make_themselves(site: Site, jane: Person, domain: Domain, local: str):
    assert post(site, f"{local}@{domain.name}") == NOBODY
    assert site.run("SELECT count(*) FROM aliases WHERE user_id = :id", id=jane.id) == [[0]]


def test_a_deleted_alias_is_not_made_again_also_when_it_is_gone_for_good(
    site: Site, jane: Person, domain: Domain
):
    post(site, f"news@{domain.name}")
    site.run("UPDATE aliases SET deleted_at = now() WHERE user_id = :id", id=jane.id)
    assert post(site, f"news@{domain.name}") == NOBODY
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        retired.add(db, site.context.ring, f"news@{domain.name}")
        db.run("DELETE FROM aliases WHERE user_id = :id", id=jane.id)
    assert post(site, f"news@{domain.name}") == NOBODY


OFF = {
    "switched off": "UPDATE domains SET on_the_fly = false WHERE id = :id",
    "not verified": "UPDATE domains SET verified_at = NULL WHERE id = :id",
    "its user's account is shut": (
        "UPDATE users SET disabled_at = now() WHERE id = (SELECT user_id FROM domains WHERE id = :id)"
    ),
    "no verified mailbox": (
        "UPDATE mailboxes SET verified_at = NULL WHERE user_id = (SELECT user_id FROM domains WHERE id = :id)"
    ),
}


@pytest.mark.parametrize("sql", OFF.values(), ids=OFF)
def test_nothing_makes_itself_there(site: Site, jane: Person, domain: Domain, sql: str):
    site.run(sql, id=domain.id)
    assert post(site, f"news@{domain.name}") == NOBODY
    assert post(site, f"news-{jane.handle}@{SHARED}") == NOBODY


def test_mail_that_dmarc_calls_forged_makes_the_alias_and_is_held(site: Site, jane: Person, domain: Domain):
    post(site, f"news@{domain.name}", message(Authentication_Results=DMARC_FAIL))
    assert [(row.state, row.held_why) for row in queue(site, jane)] == [("held", "dmarc")]


def test_a_paused_mailbox_gets_it_when_it_takes_mail_again(site: Site, jane: Person, domain: Domain):
    site.run("UPDATE mailboxes SET paused_at = now() WHERE id = :id", id=jane.mailbox.id)
    post(site, f"news@{domain.name}")
    assert [(row.state, row.held_why, row.mailbox_id) for row in queue(site, jane)] == [
        ("held", "paused", jane.mailbox.id)
    ]


def test_a_message_too_large_makes_nothing_and_is_told(site: Site, jane: Person, domain: Domain):
    import dataclasses

    small = dataclasses.replace(
        site.context, config=dataclasses.replace(site.context.config, max_message_bytes=10)
    )
    secret, mime = site.instance.secret, message()
    with pytest.raises(Refused, match="larger than"):
        receive.receive(small, inbound(secret, mime, f"news@{domain.name}"), (secret,), [mime])
    assert [kind for kind, _ in told(site, jane)] == ["oversize"]
    assert found(site, "news", domain) is None


def test_a_spooled_first_mail_over_the_cap_waits_for_the_next_day(
    site: Site, jane: Person, domain: Domain, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*args: object) -> None:
        raise DatabaseUnavailable("The database is away.", "Wait.")

    with monkeypatch.context() as patch:
        patch.setattr("postern.flow.admission.admit", refuse)
        assert post(site, f"news@{domain.name}") == "spooled"
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.set_fly(db, domain.id, True, 0)
    assert import_all(site.context) == Imported()
    assert len(site.context.spool.waiting()) == 1
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.set_fly(db, domain.id, True, 1)
    assert import_all(site.context) == Imported(queued=1)
    assert len(queue(site, jane)) == 1
