"""A clock that a test moves on, for the program and for its database.

The host's clock is base/clock.py, which alone reads it; the log's own is given to it. The database's clock rules the queue, and
cannot be set for one of many databases of a server; so its schema gets a now() of its own, which adds what the test has moved
on, and the program's search path names pg_catalog behind the schema, so that this now() is found first. Nothing else differs:
it is the real program on a real PostgreSQL. (libfaketime would need a server of its own, and would
leave the program's own clock, and the timeouts of both, to the same trick.)
"""

from __future__ import annotations

import time

import pytest

from postern.base import clock, database
from postern.base.log import Log
from support.instance import Instance

FUNCTIONS = """
CREATE FUNCTION {schema}.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$SELECT pg_catalog.now() + make_interval(secs => current_setting('postern.moved')::double precision)$$;
CREATE FUNCTION {schema}.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$SELECT pg_catalog.clock_timestamp() + make_interval(secs => current_setting('postern.moved')::double precision)$$;
CREATE FUNCTION {schema}.to_regnamespace(path text) RETURNS regnamespace LANGUAGE sql STABLE AS
    $$SELECT pg_catalog.to_regnamespace(split_part(path, ',', 1))$$
"""

DEFAULTS = """
SELECT format('ALTER TABLE %I.%I ALTER COLUMN %I SET DEFAULT %I.now()', table_schema, table_name, column_name, table_schema)
FROM information_schema.columns WHERE table_schema = 'postern' AND column_default = 'now()'
"""


class TimeMachine:
    """`moved`: seconds that database and host are ahead of the real clock. `skew`: what the host's clock is wrong by."""

    def __init__(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moved = 0.0
        self.skew = 0.0
        instance.query(FUNCTIONS.format(schema="postern"))
        for (change,) in instance.query(DEFAULTS):
            instance.query(str(change))
        monkeypatch.setattr(clock, "now", lambda: time.time() + self.moved + self.skew)
        monkeypatch.setitem(Log.__init__.__kwdefaults__, "clock", lambda: clock.now())  # noqa: PLW0108 - as it is then
        real = database.Database.transaction
        machine = self

        def transaction(db: database.Database, user_id: int):
            if '"postern"' in db._begin:
                db._begin = (
                    f"SET LOCAL search_path TO \"postern\", pg_catalog; SET LOCAL postern.moved TO '{machine.moved}'; "
                    "SET LOCAL statement_timeout TO 30000; "
                )
            return real(db, user_id)

        monkeypatch.setattr(database.Database, "transaction", transaction)

    def move_on(self, seconds: float) -> None:
        """It is later now."""
        self.moved += seconds
