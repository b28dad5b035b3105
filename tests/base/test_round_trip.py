"""What goes over the wire for a statement: one packet there and one answer back, and nothing that stays in the session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from postern.base.connect import connect
from postern.base.database import SYSTEM, Database, UniqueViolation
from postern.base.errors import PosternError
from postern.base.settings import Config
from support.postgres import Database as Place


class Counted:
    """The buffered socket of a connection, counting what is really sent."""

    def __init__(self, file):
        self.file, self.trips = file, 0

    def flush(self):
        self.trips += 1
        self.file.flush()

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.fixture
def db(database: Place) -> Iterator[Database]:
    made = connect(
        Config(db_host=database.host, db_port=database.port, db_name=database.name, db_user=database.user)
    )
    made._connection._sock = Counted(made._connection._sock)
    yield made
    made.close()


def test_a_transaction_of_two_statements_takes_three_round_trips(db: Database):
    with db.transaction(SYSTEM):
        assert db.value("SELECT CAST(:a AS integer) + CAST(:b AS integer)", a=1, b=2) == 3
        assert db.value("SELECT current_setting('postern.user_id')") == "0"
    assert db._connection._sock.trips == 3


def test_values_of_every_kind_come_back_as_they_went(db: Database):
    values = {
        "number": 2**60,
        "text": "it's \\ Grüße ☃",
        "nothing": None,
        "data": bytes(range(256)),
        "many": [1, 2],
    }
    sql = """SELECT CAST(:number AS bigint), CAST(:text AS text), CAST(:nothing AS text), CAST(:data AS bytea),
                    CAST(:many AS bigint[]), CAST(:text AS text)"""
    for _ in range(2):
        with db.transaction(SYSTEM):
            assert db.run(sql, **values)[0] == [*values.values(), values["text"]]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
@pytest.mark.parametrize("micros", [0, 500_000, 123_456])
def test_moments_are_read_in_every_form_in_which_a_server_writes_them(db: Database, zone: str, micros: int):
    moment = datetime(1899, 12, 31, 23, 59, 59, micros, timezone.utc)
    with db.transaction(SYSTEM):
        db.run(f"SET LOCAL TimeZone TO '{zone}'")
        assert db.value("SELECT CAST(:moment AS timestamptz)", moment=moment) == moment


@pytest.mark.parametrize("text", ["infinity", "0044-03-15 12:00:00+00 BC"])
def test_moments_that_python_has_not_stay_text(db: Database, text: str):
    with db.transaction(SYSTEM):
        assert isinstance(db.value("SELECT CAST(:text AS timestamptz)", text=text), str)


def test_nothing_stays_prepared_in_the_session(db: Database):
    with db.transaction(SYSTEM):
        db.run("SELECT CAST(:a AS integer)", a=1)
        assert db.run("SELECT name FROM pg_prepared_statements WHERE name <> ''") == []


def test_a_kept_statement_is_parsed_once_and_understood_as_ever(db: Database):
    for number in range(4):
        with db.transaction(SYSTEM):
            assert db.run_last("SELECT CAST(:a AS integer)", a=number) == [[number]]
    with db.transaction(SYSTEM):
        assert db.run("SELECT statement FROM pg_prepared_statements WHERE name <> ''") == [
            ["SELECT CAST($1 AS integer)"]
        ]
    trips = db._connection._sock.trips
    with db.transaction(SYSTEM):
        db.run_last("SELECT CAST(:a AS integer)", a=1)
    assert db._connection._sock.trips == trips + 1


def test_a_kept_statement_that_fails_works_the_next_time(db: Database):
    for _ in range(2):
        with pytest.raises(PosternError, match="22012"), db.transaction(SYSTEM):
            db.run_last("SELECT 1 / CAST(:a AS integer)", a=0)
    with db.transaction(SYSTEM):
        assert db.run_last("SELECT 1 / CAST(:a AS integer)", a=1) == [[1]]


def test_the_last_statement_takes_the_commit_along_and_a_failure_rolls_back(db: Database):
    with db.transaction(SYSTEM):
        db.run("CREATE TABLE public.kept (n integer UNIQUE)")
    with db.transaction(SYSTEM):
        db.run_last("INSERT INTO public.kept VALUES (CAST(:n AS integer))", n=1)
    twice = "INSERT INTO public.kept VALUES (2), (CAST(:n AS integer))"
    for _ in range(2):
        with pytest.raises(UniqueViolation), db.transaction(SYSTEM):
            db.run_last(twice, n=1)
    with db.transaction(SYSTEM):
        assert db.run("SELECT n FROM public.kept") == [[1]]


def test_behind_a_pooler_nothing_is_kept(db: Database):
    db._connection._backend_key_data = b"\0\0\0\1" + b"key!"
    with db.transaction(SYSTEM):
        assert db.run_last("SELECT CAST(:a AS integer)", a=1) == [[1]]
    with db.transaction(SYSTEM):
        assert db.run("SELECT name FROM pg_prepared_statements WHERE name <> ''") == []


def test_what_cannot_be_sent_leaves_nothing_half_sent(db: Database):
    class Odd:
        def __str__(self):
            raise ValueError("no text")

    with pytest.raises(ValueError, match="no text"), db.transaction(SYSTEM):
        db.run("SELECT CAST(:a AS text)", a=Odd())
    with db.transaction(SYSTEM):
        assert db.value("SELECT CAST(:a AS integer)", a=7) == 7


def test_a_begin_that_goes_wrong_is_told_by_the_first_statement_and_changes_nothing(db: Database):
    db._begin = "SET LOCAL search_path TO 'a' 'b'; "
    with pytest.raises(PosternError, match="42601"), db.transaction(SYSTEM):
        db.run("SELECT CAST(:a AS integer)", a=1)
    db._begin = ""
    with db.transaction(SYSTEM):
        assert db.value("SELECT CAST(:a AS integer)", a=1) == 1
