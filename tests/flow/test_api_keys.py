"""API keys: a key opens what its scope says, for its user alone, until its end; and nothing of it is kept that opens anything.

The pages of it: tests/web/test_api_keys.py. The wall between users: tests/store/test_tenants.py.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest

from postern.base import redact
from postern.base.errors import BadInput, Busy, NotFound, PosternError, TooFast
from postern.base.stop import Stop
from postern.flow import api_keys as keeping
from postern.flow import prune
from postern.flow.api_keys import MOST, TooManyKeys, Wanted
from postern.ops.local.superuser import Superuser
from postern.store import api_keys
from postern.store.api_keys import ALIASES, ALL, READ, ApiKey
from support.patience import join
from support.people import Person, Site, open_site

WANTED = Wanted("Password manager", ALIASES, 30)


@pytest.fixture(scope="module")
def site(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(cluster, tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(autouse=True)
def _quiet(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drain is woken, mails of before do not count, and what the log learns to hide is forgotten."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    monkeypatch.setattr(redact, "_known", redact._known)


@pytest.fixture
def jane(site: Site) -> Person:
    return site.person()


def make(site: Site, person: Person, wanted: Wanted = WANTED) -> str:
    """One more, however many mails that would be."""
    site.run("DELETE FROM messages WHERE user_id = :id", id=person.id)
    return keeping.make(site.context, person.id, wanted)


def keys(site: Site, person: Person) -> list[ApiKey]:
    with site.context.pool.connection() as db, db.transaction(person.id):
        return api_keys.of_user(db, person.id)


def works(site: Site, key: str) -> bool:
    return keeping.use(site.context, key) is not None


# The key.


def test_a_key_is_what_clients_of_both_services_take(site: Site, jane: Person):
    made = {make(site, jane) for _ in range(5)}
    assert len(made) == 5
    for key in made:
        assert re.fullmatch(r"postern[a-z2-7]{52}", key)
        assert 40 <= len(key) <= 60 and key.isalnum(), "addy.io's extension looks"


def test_a_key_finds_its_user_and_scope(site: Site, jane: Person):
    make(site, site.person())
    found = keeping.use(site.context, make(site, jane))
    assert found is not None
    assert (found.user_id, found.handle, found.scope) == (jane.id, jane.handle, ALIASES)
    assert found.name(site.context.ring) == "Password manager"
    assert found.expires_at is not None and (found.expires_at - found.created_at).days == 30


@pytest.mark.parametrize(
    ("held", "may"), [(READ, {READ}), (ALIASES, {READ, ALIASES}), (ALL, {READ, ALIASES, ALL})]
)
def test_a_scope_holds_those_below_it(site: Site, jane: Person, held: str, may: set[str]):
    found = keeping.use(site.context, make(site, jane, Wanted("x", held, None)))
    assert found is not None
    assert {scope for scope in api_keys.SCOPES if found.may(scope)} == may


def test_what_is_no_key_of_ours_finds_nobody(site: Site, jane: Person):
    key = make(site, jane)
    other = key[:-1] + ("a" if key[-1] != "a" else "b")
    for wrong in (
        *("", "postern", other, key.upper(), key + "a", key[:-1], f" {key}", f"{key}\n", f"{key}\0"),
        *(key[len("postern") :], "postern" * 9, "é" * 59, "x" * 100_000),
    ):
        assert not works(site, wrong), wrong[:80]
    assert works(site, key)


def test_no_key_is_stored_or_logged(site: Site, jane: Person):
    key = make(site, jane)
    keeping.use(site.context, key)
    keeping.use(site.context, key[:-1] + "x")
    everything = str(site.run("SELECT k::text FROM api_keys k")) + site.instance.log()
    assert key[:11] in everything, "its first letters tell it from others"
    assert key[:12] not in everything
    assert key[11:] not in everything
    assert "Password manager" not in everything, "the name is sealed"


# Until when.


ENDS = {
    "it is expired": "UPDATE api_keys SET expires_at = now() WHERE user_id = :id",
    "its user is disabled": "UPDATE users SET disabled_at = now() WHERE id = :id",
    "its user is unconfirmed": "UPDATE users SET confirmed_at = NULL WHERE id = :id",
    "its user is deleted": "DELETE FROM users WHERE id = :id",
    "it stands for a password": "UPDATE api_keys SET kind = 'password' WHERE user_id = :id",
}


@pytest.mark.parametrize("case", ENDS)
def test_a_key_does_not_work_when(site: Site, jane: Person, case: str):
    key, his = make(site, jane), make(site, site.person())
    assert works(site, key)
    site.run(ENDS[case], id=jane.id)
    assert not works(site, key)
    assert works(site, his), "another's goes on"


def test_who_is_enabled_again_has_his_keys(site: Site, jane: Person):
    key = make(site, jane)
    site.run("UPDATE users SET disabled_at = now() WHERE id = :id", id=jane.id)
    site.run("UPDATE users SET disabled_at = NULL WHERE id = :id", id=jane.id)
    assert works(site, key)


def test_a_revoked_key_is_dead_at_once_and_gone(site: Site, jane: Person):
    key, kept = make(site, jane), make(site, jane)
    uid = keys(site, jane)[1].uid
    keeping.revoke(site.context, jane.id, uid)
    assert not works(site, key) and works(site, kept)
    with pytest.raises(NotFound):
        keeping.revoke(site.context, jane.id, uid)


def test_nobody_revokes_anothers(site: Site, jane: Person):
    key = make(site, jane)
    with pytest.raises(NotFound):
        keeping.revoke(site.context, site.person().id, keys(site, jane)[0].uid)
    assert works(site, key)


def test_expired_keys_stay_in_sight_for_a_month(site: Site, jane: Person):
    make(site, jane)
    make(site, jane, Wanted("x", READ, None))
    for days, left in ((1, [False, True]), (29, [False, True]), (31, [False])):
        site.run(
            "UPDATE api_keys SET expires_at = now() - make_interval(days => :days)"
            " WHERE user_id = :id AND expires_at IS NOT NULL",
            id=jane.id,
            days=days,
        )
        prune.work(site.context, Stop())
        assert [one.expired for one in keys(site, jane)] == left


# Its use.


def noted(site: Site, person: Person) -> object:
    return site.run("SELECT used_at FROM api_keys WHERE user_id = :id", id=person.id)[0][0]


def test_each_use_is_noted(site: Site, jane: Person):
    key = make(site, jane)
    assert noted(site, jane) is None
    keeping.use(site.context, key)
    before = noted(site, jane)
    keeping.use(site.context, key)
    assert str(noted(site, jane)) > str(before)


def test_a_key_pays_for_its_requests_and_waits_when_it_has_spent_all(site: Site, jane: Person):
    key, other = make(site, jane), make(site, jane)
    for _ in range(3):
        assert keeping.use(site.context, key, cost=50)
    with pytest.raises(TooFast) as told:
        keeping.use(site.context, key)
    assert 20 <= told.value.seconds <= 30
    assert keeping.use(site.context, other), "each key has a rate of its own"
    site.run("UPDATE api_keys SET due_at = due_at - interval '31 seconds' WHERE user_id = :id", id=jane.id)
    assert keeping.use(site.context, key)


def test_a_key_goes_with_the_one_that_made_it(site: Site, jane: Person):
    make(site, jane)
    key = make(site, jane)
    ends = "SELECT min(id) AS first, max(id) AS last FROM api_keys WHERE user_id = :id"
    site.run(f"UPDATE api_keys SET made_by = first FROM ({ends}) AS ends WHERE id = last", id=jane.id)
    keeping.revoke(site.context, jane.id, keys(site, jane)[-1].uid)
    assert not works(site, key)


# What is refused.


WRONG = {
    "no name": Wanted(" \n ", READ, 30),
    "a long name": Wanted("x" * 61, READ, 30),
    "a name that turns around": Wanted("safe \u202e", READ, 30),
    "a name with a NUL": Wanted("a\0b", READ, 30),
    "no scope": Wanted("x", "", 30),
    "an unknown scope": Wanted("x", "admin", 30),
    "no days": Wanted("x", READ, 0),
    "days before today": Wanted("x", READ, -1),
    "too many days": Wanted("x", READ, 366),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_key_is_not_made_with(site: Site, jane: Person, case: str):
    with pytest.raises(BadInput):
        keeping.make(site.context, jane.id, WRONG[case])
    assert keys(site, jane) == []


def test_there_are_twenty_that_work_at_most(site: Site, jane: Person):
    for _ in range(MOST):
        make(site, jane)
    with pytest.raises(TooManyKeys):
        make(site, jane)
    site.run(
        "UPDATE api_keys SET expires_at = now() WHERE uid = CAST(:uid AS uuid)",
        uid=str(keys(site, jane)[0].uid),
    )
    make(site, jane)
    assert len(keys(site, jane)) == MOST + 1
    assert works(site, make(site, site.person())), "each user has his own"


def test_of_those_made_at_once_no_more_than_twenty_come_to_be(site: Site, jane: Person):
    for _ in range(MOST - 1):
        make(site, jane)
    site.run("DELETE FROM messages WHERE user_id = :id", id=jane.id)
    refused: list[PosternError] = []

    def one_more() -> None:
        try:
            keeping.make(site.context, jane.id, WANTED)
        except TooManyKeys as error:
            refused.append(error)

    threads = [threading.Thread(target=one_more) for _ in range(4)]
    for thread in threads:
        thread.start()
    join(*threads)
    assert (len(refused), len(keys(site, jane))) == (3, MOST)


# The notice.


def notices(site: Site, person: Person) -> int:
    sql = "SELECT count(*) FROM messages WHERE user_id = :id AND kind = 'notice'"
    return int(str(site.run(sql, id=person.id)[0][0]))


def test_its_user_is_told_of_each_and_not_flooded(site: Site, jane: Person):
    for count in range(keeping.NOTICES_AN_HOUR):
        keeping.make(site.context, jane.id, WANTED)
        assert notices(site, jane) == count + 1
    with pytest.raises(Busy):
        keeping.make(site.context, jane.id, WANTED)
    assert len(keys(site, jane)) == keeping.NOTICES_AN_HOUR


def test_the_notice_names_the_key_and_holds_none_of_it(site: Site, jane: Person):
    notice = keeping._notice(site.context, WANTED)
    words = " ".join((notice.subject, *notice.paragraphs, notice.small_print))
    assert "“Password manager”" in words and "aliases" in words and "30 days" in words
    assert notice.button[1] == "https://alias.example/settings/api-keys"


def test_a_key_that_cannot_be_told_of_for_want_of_a_mailbox_is_made(site: Site, jane: Person):
    site.run("DELETE FROM mailboxes WHERE user_id = :id", id=jane.id)
    assert works(site, make(site, jane))
