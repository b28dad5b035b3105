"""Sign-in links and sessions as the database keeps them: no token in a row, one use a link, ends that come by themselves."""

from __future__ import annotations

import contextlib
import threading

import pytest

from postern.base.database import SYSTEM, Database, UniqueViolation
from postern.store import sessions, sign_in_links, users
from postern.store.users import User
from support.patience import join, until
from support.store import RING, Store, do

LINK, SESSION = "a" * 52, "b" * 52


@pytest.fixture
def joe(db: Database) -> User:
    user: User = do(db, users.add, "joe")
    return user


def link(db: Database, user: User, token: str = LINK) -> None:
    do(db, sign_in_links.make, RING, user.id, token, 24)


def session(db: Database, user: User, token: str = SESSION) -> None:
    do(db, sessions.add, RING, user.id, token, "Firefox on Linux")


def change(db: Database, table: str, assignment: str) -> None:
    do(db, Database.run, f"UPDATE {table} SET {assignment}")


def found(db: Database, token: str = SESSION) -> sessions.SignedIn | None:
    who: sessions.SignedIn | None = do(db, sessions.find, RING, token)
    return who


# Links.


def test_a_link_signs_its_user_in_once(db: Database, joe: User):
    link(db, joe)
    assert do(db, sign_in_links.handle, RING, LINK) == "joe"
    assert do(db, sign_in_links.use, RING, LINK) == joe.id
    assert do(db, sign_in_links.use, RING, LINK) is None
    assert do(db, sign_in_links.handle, RING, LINK) is None


def test_a_new_link_voids_the_older_one_of_that_user_and_of_nobody_else(db: Database, joe: User):
    zoe = do(db, users.add, "zoe")
    link(db, joe)
    link(db, zoe, "c" * 52)
    link(db, joe, "d" * 52)
    assert do(db, sign_in_links.use, RING, LINK) is None
    assert do(db, sign_in_links.use, RING, "c" * 52) == zoe.id
    assert do(db, sign_in_links.use, RING, "d" * 52) == joe.id


def test_a_link_lasts_24_hours(db: Database, store: Store, joe: User):
    link(db, joe)
    assert store.look("SELECT expires_at - created_at = interval '24 hours' FROM sign_in_links") == [[True]]
    change(db, "sign_in_links", "expires_at = now()")
    assert do(db, sign_in_links.handle, RING, LINK) is None
    assert do(db, sign_in_links.use, RING, LINK) is None


def test_a_new_link_lasts_as_long_as_the_first(db: Database, joe: User):
    link(db, joe)
    change(db, "sign_in_links", "expires_at = now() - interval '1 day'")
    link(db, joe)
    assert do(db, sign_in_links.use, RING, LINK) == joe.id


def test_a_link_of_a_disabled_user_signs_nobody_in_and_is_not_used_up(db: Database, joe: User):
    link(db, joe)
    change(db, "users", "disabled_at = now()")
    assert do(db, sign_in_links.handle, RING, LINK) is None
    assert do(db, sign_in_links.use, RING, LINK) is None
    change(db, "users", "disabled_at = NULL")
    assert do(db, sign_in_links.use, RING, LINK) == joe.id


def until_one_waits(store: Store) -> None:
    """For a lock in this database."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    until(lambda: store.look(waiting))


class GivesUp(Exception):
    """The first of two changes its mind."""


@pytest.mark.parametrize("first_commits", [True, False])
def test_of_two_who_use_a_link_at_once_one_wins(store: Store, db: Database, joe: User, first_commits: bool):
    link(db, joe)
    other, answers = store.connect(), []
    thread = threading.Thread(target=lambda: answers.append(do(other, sign_in_links.use, RING, LINK)))
    with contextlib.suppress(GivesUp), db.transaction(SYSTEM):
        assert sign_in_links.use(db, RING, LINK) == joe.id
        thread.start()
        until_one_waits(store)
        if not first_commits:
            raise GivesUp
    join(thread)
    assert answers == [None if first_commits else joe.id]


def test_a_link_that_is_replaced_while_it_is_used_signs_nobody_in(store: Store, db: Database, joe: User):
    link(db, joe)
    other, answers = store.connect(), []
    thread = threading.Thread(target=lambda: answers.append(do(other, sign_in_links.use, RING, LINK)))
    with db.transaction(SYSTEM):
        sign_in_links.make(db, RING, joe.id, "c" * 52, 24)
        thread.start()
        until_one_waits(store)
    join(thread)
    assert answers == [None]
    assert do(db, sign_in_links.use, RING, "c" * 52) == joe.id


# Sessions.


def test_a_session_is_found_by_its_token_alone(db: Database, joe: User):
    session(db, joe)
    who = found(db)
    assert who is not None
    assert (who.user_id, who.handle, who.seen_lately) == (joe.id, "joe", True)
    for other in ("", "c" * 52, SESSION[:-1], SESSION + "b", SESSION.upper()):
        assert found(db, other) is None


def test_two_sessions_cannot_have_one_token(db: Database, joe: User):
    session(db, joe)
    with pytest.raises(UniqueViolation):
        session(db, do(db, users.add, "zoe"))


def test_a_session_ends_after_30_days_without_use_and_after_90_at_most(db: Database, store: Store, joe: User):
    session(db, joe)
    assert store.look("SELECT expires_at - created_at = interval '30 days' FROM sessions") == [[True]]
    idle, most = "seen_at + interval '30 days'", "created_at + interval '90 days'"
    for days, end in ((20, idle), (59, idle), (61, most), (89, most)):
        aged = f"created_at = now() - interval '{days} days', seen_at = now() - interval '1 hour'"
        change(db, "sessions", aged)
        who = found(db)
        assert who is not None
        assert do(db, sessions.touch, who.id) is True
        assert store.look(f"SELECT expires_at = {end} FROM sessions") == [[True]], f"{days} days old"
    change(db, "sessions", "expires_at = now()")
    assert found(db) is None


def test_use_is_noted_every_ten_minutes_at_most(db: Database, joe: User):
    session(db, joe)
    who = found(db)
    assert who is not None
    assert do(db, sessions.touch, who.id) is False
    change(db, "sessions", "seen_at = now() - interval '9 minutes'")
    assert found(db) == who
    assert do(db, sessions.touch, who.id) is False
    change(db, "sessions", "seen_at = now() - interval '11 minutes'")
    late = found(db)
    assert late is not None
    assert not late.seen_lately
    assert do(db, sessions.touch, who.id) is True
    assert found(db) == who


def test_a_users_sessions_are_listed_last_used_first_without_those_that_are_over(db: Database, joe: User):
    for token in ("b", "c", "d"):
        session(db, joe, token * 52)
    first, second, third = (found(db, token * 52) for token in ("b", "c", "d"))
    assert first is not None and second is not None and third is not None
    do(db, Database.run, f"UPDATE sessions SET seen_at = now() + interval '1 s' WHERE id = {second.id}")
    do(db, Database.run, f"UPDATE sessions SET expires_at = now() WHERE id = {first.id}")
    listed = do(db, sessions.of_user, joe.id)
    assert [one.id for one in listed] == [second.id, third.id]
    assert {one.agent(RING) for one in listed} == {"Firefox on Linux"}


def test_one_session_ends_or_all_of_a_user(db: Database, joe: User):
    zoe = do(db, users.add, "zoe")
    session(db, zoe, "z" * 52)
    for token in ("b", "c", "d"):
        session(db, joe, token * 52)
    who = found(db)
    assert who is not None
    assert do(db, sessions.end, who.id) is True
    assert do(db, sessions.end, who.id) is False
    assert found(db) is None
    assert found(db, "c" * 52) is not None
    assert do(db, sessions.end_all, joe.id) == 2
    assert found(db, "c" * 52) is None
    assert found(db, "z" * 52) is not None


def test_a_disabled_user_has_no_session_and_after_pruning_never_again_that_one(db: Database, joe: User):
    session(db, joe)
    change(db, "users", "disabled_at = now()")
    assert found(db) is None
    assert do(db, sessions.forget_old) == 1
    change(db, "users", "disabled_at = NULL")
    assert found(db) is None


def test_what_is_over_is_deleted_and_the_rest_stays(db: Database, joe: User):
    zoe = do(db, users.add, "zoe")
    link(db, joe)
    link(db, zoe, "z" * 52)
    session(db, joe)
    session(db, zoe, "z" * 52)
    assert (do(db, sessions.forget_old), do(db, sign_in_links.forget_old)) == (0, 0)
    for table in ("sessions", "sign_in_links"):
        change(db, table, f"expires_at = now() WHERE user_id = {joe.id}")
    assert (do(db, sessions.forget_old), do(db, sign_in_links.forget_old)) == (1, 1)
    assert do(db, sign_in_links.use, RING, "z" * 52) == zoe.id
    assert found(db, "z" * 52) is not None


# What a thief of the database has.


def test_no_row_holds_a_token_or_the_browser(store: Store, db: Database, joe: User):
    link(db, joe)
    session(db, joe)
    for table in ("sessions", "sign_in_links"):
        (row,) = store.look(f"SELECT * FROM {table}")
        shown = " ".join(value.hex() if isinstance(value, bytes) else str(value) for value in row)
        for secret in (LINK, SESSION, "Firefox"):
            assert secret not in shown
            assert secret.encode().hex() not in shown


def test_the_hash_in_a_row_is_no_token_and_a_links_token_is_no_sessions(db: Database, joe: User):
    session(db, joe)
    who = found(db)
    assert who is not None
    for stolen in (who.token_index.hex(), who.token_index.decode("latin-1")):
        assert found(db, stolen) is None
    assert repr(who.token_index) not in repr(who)
    link(db, joe)
    assert found(db, LINK) is None
    assert do(db, sign_in_links.use, RING, SESSION) is None
