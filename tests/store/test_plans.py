"""What each statement of store/ costs in a large database: no table that grows is read from end to end, and nothing costs more
for what others have.

One test, for a database of that size takes its time to fill. It looks at every statement in two databases, one with a thousand
aliases, contacts and finished deliveries, one with a million of each and 100,000 due ones: at its plan, with values as they
occur; and, where these values let it run, at the rows that it reads, as the program (user 0) and as a tenant.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, to_statement
from store.test_statements import STATEMENTS

from postern.ops.local.superuser import Superuser
from postern.store import deliveries
from support import large
from support.postgres import Database as Place
from support.postgres import fresh_database
from support.store import SCHEMA, Store, migrated

SMALL, LARGE = 1_000, 1_000_000
MOST_TIMES, SLACK = 1.5, 50
"""Rows read in the large database, to those in the small one; a few more are no growth."""

WHOLE_TABLE = {
    "retired._ON_DOMAIN": "a domain is deleted with all its aliases, and here all are on one domain",
}
"""Statements that read a whole table that grows, and why they may: no request for a page and no drain waits for one."""

MORE_FOR_MORE = {
    "queue._DEPTH": "counts what waits, which is all that it reads: 100,000 in some 20 ms",
    "messages._CLEAR_FAILED": "reads the mail that is kept, once a night",
    "seals._STREAM_COUNTS": "reads the mail that is kept, when keys are rotated",
    "mailboxes._OF_ADMINS": "reads the users, to whom the monitor writes when something is wrong",
    "user_list._COUNT": "an admin searches the users for some letters",
    "user_list._PAGE": "an admin searches the users for some letters",
    "users._ALL": "lists the users",
    "users._LOCK_ADMINS": "reads the users, when one admin changes another",
}
"""Statements that read more where there are more users or more mail waits, and why they may."""

AS_PROGRAM = ("deliveries._CLAIM", "queue._LIST", "server._NEWEST")
"""Asked by the program alone. A tenant would pass over others' rows to find his own."""

BY_TYPE: dict[str, Any] = {
    "bigint": 500,
    "integer": 20,
    "numeric": 20,
    "double precision": 20,
    "real": 20,
    "smallint": 1,
    "text": "alias-500",
    "name": "alias-500",
    "regclass": "users",
    "character varying": "alias-500",
    "boolean": False,
    "uuid": uuid.UUID(int=1),
    "bytea": bytes(7) + b"\x01",
    "timestamp with time zone": datetime.datetime(2026, 11, 29, tzinfo=datetime.timezone.utc),
    "date": datetime.date(2026, 11, 29),
    "interval": "1 day",
    "json": "{}",
    "jsonb": "{}",
}

BY_NAME: dict[str, Any] = {
    "user_id": 1,
    "mailbox_id": 1,
    "domain_id": 1,
    "domain": "alias.example",
    "mailbox_ids": [1],
    "domain_ids": [1],
    "user_ids": [1],
    "days": 30,
    "many": 20,
    "skip": 0,
    "states": ["queued"],
    "kinds": ["received"],
    "name": "alias.example",
    "state": "all",
    "sort": "new",
}


_UNINDEXED = """
SELECT CAST(CAST(c.conrelid AS regclass) AS text), pg_get_constraintdef(c.oid)
FROM pg_constraint c
WHERE c.contype = 'f' AND CAST(CAST(c.conrelid AS regclass) AS text) = ANY(CAST(:tables AS text[])) AND NOT EXISTS (
    SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = c.conrelid AND i.indkey[0] = ANY(c.conkey) AND (a.attname <> 'user_id' OR array_length(c.conkey, 1) = 1))
  AND c.confrelid <> CAST('users' AS regclass)
ORDER BY 1, 2
"""
"""Beside the user's id, which is not selective, one of the columns leads an index. When a user is deleted, some tables are read
whole, once."""


class Itself(dict[str, str]):
    """Each name for its own value."""

    def __missing__(self, name: str) -> str:
        return name


def values(connection: Connection, sql: str) -> dict[str, Any]:
    """A value for each parameter, by its name or else by the type that the server expects."""
    statement, values_of = to_statement(sql)
    names = values_of(Itself())
    if not names:
        return {}
    connection.run(f"PREPARE looked_at AS {statement}")
    types = connection.run(
        "SELECT CAST(parameter_types AS text[]) FROM pg_prepared_statements WHERE name = 'looked_at'"
    )[0][0]
    connection.run("DEALLOCATE looked_at")
    return {name: value(name, kind) for name, kind in zip(names, types)}


def value(name: str, kind: str) -> Any:
    usual = [BY_TYPE[kind[:-2]]] if kind.endswith("[]") else BY_TYPE[kind]
    named = BY_NAME.get(name)
    return named if type(named) is type(usual) else usual


@contextlib.contextmanager
def transaction(connection: Connection, user_id: int) -> Iterator[None]:
    """As base/database.py begins one; taken back."""
    connection.run(
        f"BEGIN; SET LOCAL search_path TO {SCHEMA}; SET LOCAL postern.user_id TO '{user_id}';"
        "SET LOCAL max_parallel_workers_per_gather TO 0; SET LOCAL postern.message_id TO '500';"
        "SET LOCAL postern.message_ids TO '{500}'"
    )
    try:
        yield
    finally:
        connection.run("ROLLBACK")


def explained(connection: Connection, sql: str, options: str) -> dict[str, Any]:
    if sql == deliveries._CLAIM:
        connection.run(deliveries._IN_ORDER)
    found = connection.run(f"EXPLAIN ({options}FORMAT JSON) {sql}", **values(connection, sql))[0][0]
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def reads_all_of(plan: dict[str, Any]) -> set[str]:
    """The grown tables that it reads from end to end. What reads much of an index is seen by the rows that it reads."""
    return {
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan"
        and node["Relation Name"] in large.GROWN
        and node.get("Actual Loops", 1)
    }


def rows_read(plan: dict[str, Any]) -> float:
    """Rows that its scans came across, wanted or not."""
    seen = 0.0
    for node in nodes(plan):
        if "Scan" in node["Node Type"] and "Relation Name" in node:
            without = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            seen += (node["Actual Rows"] + without) * node["Actual Loops"]
    return seen


def plain(sql: str) -> str | None:
    """The statement as EXPLAIN takes it: the query of a COPY; None where there is nothing to plan."""
    copied = re.match(r"\s*COPY \((.*)\)\s+TO STDOUT", sql, re.DOTALL)
    sql = copied[1] if copied else sql
    return sql if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", sql) else None


class Looked:
    """What was found of each statement."""

    def __init__(self) -> None:
        self.whole: dict[str, set[str]] = {}
        self.read: dict[str, dict[int, list[float]]] = {}
        self.run = 0

    def look(self, place: Place, size: int, names: Iterable[str] = STATEMENTS) -> None:
        with contextlib.closing(place.connect()) as connection:
            for name in names:
                query = plain(STATEMENTS[name])
                for user_id in (0, 1)[: 1 if name in AS_PROGRAM else 2] if query else ():
                    self._one(connection, size, name, query, user_id)

    def _one(self, connection: Connection, size: int, name: str, sql: str, user_id: int) -> None:
        try:
            with transaction(connection, user_id):
                plan = explained(connection, sql, "ANALYZE, TIMING OFF, ")
            self.read.setdefault(name, {}).setdefault(size, []).append(rows_read(plan))
            self.run += 1
        except DatabaseError:
            # What cannot be added twice, or refers to what is not there: then the plan alone.
            with transaction(connection, user_id):
                plan = explained(connection, sql, "")
        if size == LARGE and reads_all_of(plan):
            self.whole.setdefault(name, set()).update(reads_all_of(plan))

    def grown(self) -> dict[str, tuple[float, float]]:
        """Statements that read more rows in the large database: how many in both."""
        found = {}
        for name, by_size in self.read.items():
            small, much = (max(by_size.get(size, [0.0])) for size in (SMALL, LARGE))
            if much > MOST_TIMES * small + SLACK:
                found[name] = (small, much)
        return found


def test_no_statement_reads_a_grown_table_whole_or_costs_more_for_what_others_have(cluster: Superuser):
    looked = Looked()
    with fresh_database(cluster) as small, fresh_database(cluster) as much:
        for place, size in ((small, SMALL), (much, LARGE)):
            migrated(place)
            large.fill(place, size)
            looked.look(place, size)
        with contextlib.closing(much.connect_superuser()) as superuser:
            superuser.run(f"ALTER TABLE {SCHEMA}.contacts DROP CONSTRAINT contact_once_per_alias")
        blind = Looked()
        blind.look(much, LARGE, ["contacts._FIND"])
    assert set(looked.whole) == set(WHOLE_TABLE), looked.whole
    assert set(looked.grown()) == {*WHOLE_TABLE, *MORE_FOR_MORE}, looked.grown()
    assert looked.run > 1000, "most of them could be run"
    assert blind.whole == {"contacts._FIND": {"contacts"}}, "an index that is missing is seen"


def test_a_deletion_finds_what_hangs_on_it_in_tables_that_grow_by_an_index(module_store: Store):
    tables = [*large.GROWN, "events", "message_chunks", "thread_ids", "blocked_senders", "sessions"]
    found = module_store.look(_UNINDEXED, tables=tables)
    assert [f"{table}: {rule}" for table, rule in found] == []
