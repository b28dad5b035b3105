"""What the program knows about its own running: replays and doubles, the relay and its budget, the jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from postern.base.database import SYSTEM, Database
from postern.base.errors import DatabaseUnavailable
from postern.store import fingerprints, job_leases, jobs, relay_pace, relays, webhook_ids
from support.patience import join, until
from support.store import Store, do


def test_a_webhook_id_is_remembered_for_a_quarter_of_an_hour(db: Database):
    assert do(db, webhook_ids.remember, "in_1") is True
    assert do(db, webhook_ids.remember, "in_1") is False
    assert do(db, webhook_ids.seen, "in_1") is True
    assert do(db, webhook_ids.seen, "in_2") is False
    assert do(db, webhook_ids.forget_old) == 0
    do(db, Database.run, "UPDATE webhook_ids SET seen_at = now() - interval '16 minutes'")
    assert do(db, webhook_ids.forget_old) == 1
    assert do(db, webhook_ids.seen, "in_1") is False


def test_a_fingerprint_is_remembered_for_seven_days(db: Database):
    assert do(db, fingerprints.remember, b"f" * 32) is True
    assert do(db, fingerprints.remember, b"f" * 32) is False
    do(db, Database.run, "UPDATE fingerprints SET seen_at = now() - interval '6 days 23 hours'")
    assert do(db, fingerprints.remember, b"f" * 32) is False
    assert do(db, fingerprints.forget_old) == 0
    do(db, Database.run, "UPDATE fingerprints SET seen_at = now() - interval '7 days 1 hour'")
    assert do(db, fingerprints.remember, b"f" * 32) is True
    assert do(db, fingerprints.remember, b"f" * 32) is False
    do(db, Database.run, "UPDATE fingerprints SET seen_at = now() - interval '7 days 1 hour'")
    assert do(db, fingerprints.forget_old) == 1


@pytest.mark.parametrize("remember", [webhook_ids.remember, fingerprints.remember])
def test_of_two_who_remember_the_same_at_once_one_is_first(
    store: Store, db: Database, remember: Callable[[Database, object], bool]
):
    other, answers = store.connect(), []
    value: object = "in_1" if remember is webhook_ids.remember else b"f" * 32
    with db.transaction(SYSTEM):
        assert remember(db, value)
        thread = threading.Thread(target=lambda: answers.append(do(other, remember, value)))
        thread.start()
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        until(lambda: store.look(waiting))
        assert answers == []
    join(thread)
    assert answers == [False]


def impatient(db: Database) -> None:
    db.run("SET LOCAL lock_timeout TO '10ms'")
    relays.lock(db, "smtp.example:587")


def test_the_relay_is_made_when_it_is_first_locked_and_drains_take_turns(store: Store, db: Database):
    assert do(db, relays.find, "smtp.example:587") is None
    other = store.connect()
    with db.transaction(SYSTEM):
        found = relays.lock(db, "smtp.example:587")
        assert (found.paused_seconds, found.in_trouble, found.ok_at) == (0, False, None)
    with db.transaction(SYSTEM):
        relays.lock(db, "smtp.example:587")
        with pytest.raises(DatabaseUnavailable):
            do(other, impatient)


def test_trouble_pauses_the_relay_and_success_ends_it(db: Database):
    do(db, relays.lock, "r")
    do(db, relays.note_trouble, "r", "535 refused. Check the password.", 900)
    found = do(db, relays.find, "r")
    assert found.in_trouble
    assert 890 < found.paused_seconds <= 900
    assert found.trouble == "535 refused. Check the password."
    do(
        db,
        Database.run,
        "UPDATE relays SET paused_until = now() - interval '1 second', trouble_at = now() - interval '1 hour'",
    )
    assert do(db, relays.find, "r").paused_seconds == 0
    assert do(db, relays.find, "r").in_trouble
    do(db, relays.note_ok, "r")
    found = do(db, relays.find, "r")
    assert (found.in_trouble, found.paused_seconds) == (False, 0)


def test_a_relay_goes_slower_each_time_it_asks_and_faster_as_time_passes(db: Database):
    do(db, relays.lock, "r")
    assert (
        do(db, relay_pace.find, "r") == do(db, relay_pace.find, "unknown") == relay_pace.Pace(0, None, None)
    )
    rests = []
    for _ in range(8):
        do(db, relay_pace.slower, "r")
        rests.append(do(db, relays.find, "r").paused_seconds)
    assert rests == [60, 120, 240, 480, 900, 900, 900, 900]
    assert do(db, relay_pace.find, "r").slow == 6
    do(db, Database.run, "UPDATE relays SET slowed_at = now() - interval '21 minutes'")
    assert do(db, relay_pace.find, "r").slow == 4
    do(db, Database.run, "UPDATE relays SET slowed_at = now() - interval '1 day'")
    assert do(db, relay_pace.find, "r").slow == 0
    do(db, relay_pace.rest, "r", 5)
    assert do(db, relays.find, "r").paused_seconds == 5
    do(db, relays.note_ok, "r")
    assert do(db, relays.find, "r").paused_seconds == 5, "a message that was under way ends no rest"


def test_a_learnt_limit_is_believed_for_three_days_or_until_it_is_forgotten(db: Database):
    do(db, relays.lock, "r")
    do(db, relay_pace.learn, "r", "hour", 30)
    do(db, relay_pace.learn, "r", "day", 300)
    assert do(db, relay_pace.find, "r") == relay_pace.Pace(0, 30, 300)
    do(db, Database.run, "UPDATE relays SET hour_learnt_at = now() - interval '73 hours'")
    assert do(db, relay_pace.find, "r") == relay_pace.Pace(0, None, 300)
    do(db, relay_pace.forget, "r")
    assert do(db, relay_pace.find, "r") == relay_pace.Pace(0, None, None)
    assert do(db, relays.find, "r").paused_seconds == 0


def test_usage_is_counted_over_the_last_hour_and_the_last_day(db: Database):
    do(db, relays.lock, "r")
    do(db, relays.lock, "other")
    do(db, relays.book, "other", 1000)
    assert do(db, relays.usage, "r") == relays.Usage(0, 0)
    do(db, relays.book, "r", 5)
    do(db, relays.book, "r", -2)
    assert do(db, relays.usage, "r") == relays.Usage(3, 3)
    do(db, Database.run, "UPDATE relay_usage SET slot = slot - interval '2 hours' WHERE relay = 'r'")
    assert do(db, relays.usage, "r") == relays.Usage(0, 3)
    do(db, Database.run, "UPDATE relay_usage SET slot = slot - interval '1 day' WHERE relay = 'r'")
    assert do(db, relays.usage, "r") == relays.Usage(0, 0)
    assert do(db, relays.forget_old) == 0
    do(db, Database.run, "UPDATE relay_usage SET slot = slot - interval '1 day' WHERE relay = 'r'")
    assert do(db, relays.forget_old) == 1


def test_a_job_is_known_from_its_begin_to_its_end(db: Database):
    assert do(db, jobs.last, "deliver") is None
    assert do(db, jobs.is_due, "deliver", 3600) is True
    assert do(db, jobs.begin, "deliver", "home-1") is False
    found = do(db, jobs.last, "deliver")
    assert (found.ended_seconds, found.ok) == (None, None)
    assert do(db, jobs.is_due, "deliver", 3600) is True, "it has not ended well yet"
    with db.transaction(SYSTEM):
        jobs.end(db, "deliver", "home-1", ok=True, items=3)
    assert do(db, jobs.is_due, "deliver", 3600) is False
    assert do(db, jobs.is_due, "purge", 3600) is True
    do(db, Database.run, "UPDATE jobs SET ok_at = now() - interval '2 hours'")
    assert do(db, jobs.is_due, "deliver", 3600) is True
    do(db, jobs.begin, "deliver", "home-2")
    assert do(db, jobs.last, "deliver").ok is None, "the newest run of any home"


def test_the_last_error_stays_and_failures_are_counted_until_it_goes_well(db: Database):
    def run(ok: bool, error: str | None = None) -> tuple[int, str | None, bool]:
        do(db, jobs.begin, "deliver", "home-1")
        with db.transaction(SYSTEM):
            jobs.end(db, "deliver", "home-1", ok=ok, items=0, error=error)
        (found,) = do(db, jobs.all_jobs)
        return found.failures, found.error, found.error_at is not None

    assert run(True) == (0, None, False)
    assert run(False, "The database went away.") == (1, "The database went away.", True)
    assert run(False, "It is full.") == (2, "It is full.", True)
    assert run(True) == (0, "It is full.", True)
    assert do(db, jobs.begin, "deliver", "home-1") is False
    assert do(db, jobs.begin, "deliver", "home-1") is True, "the run before died"
    (found,) = do(db, jobs.all_jobs)
    assert (found.failures, found.error) == (1, "It did not come to its end.")


def test_a_lease_is_one_homes_until_it_is_given_back_or_runs_out(db: Database):
    assert do(db, job_leases.take, "purge", "home-1", 60) is True
    assert do(db, job_leases.take, "purge", "home-2", 60) is False
    assert do(db, job_leases.take, "stats", "home-2", 60) is True, "each job has its own"
    assert do(db, job_leases.take, "purge", "home-1", 60) is True, "its own run before is dead"
    do(db, job_leases.give_back, "purge", "home-2")
    assert do(db, job_leases.take, "purge", "home-2", 60) is False, "only who holds it can give it back"
    do(db, job_leases.give_back, "purge", "home-1")
    assert do(db, job_leases.take, "purge", "home-2", 60) is True
    do(db, Database.run, "UPDATE job_leases SET until = now()")
    assert do(db, job_leases.take, "purge", "home-1", 60) is True
