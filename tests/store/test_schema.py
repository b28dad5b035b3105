"""What the schema says of itself: its lists of values are those of Python, and nothing goes without its sentence."""

from __future__ import annotations

import re
import uuid

import pytest

from postern.base.database import Database
from postern.base.errors import PosternError
from postern.store import api_keys, blocked_senders, deliveries, events
from support.store import RING, Store, Tenant, do, set_row


def values_of(store: Store, constraint: str) -> set[str]:
    """The values that a CHECK lists."""

    (found,) = store.look(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name", name=constraint
    )
    return set(re.findall(r"'([a-z]+)'", str(found[0])))


def test_the_states_in_python_are_those_of_the_check(store: Store):
    assert values_of(store, "delivery_state_is_known") == set(deliveries.STATES)


def test_the_kinds_in_python_are_those_of_the_check(store: Store):
    assert values_of(store, "event_kind_is_known") == set(events.KINDS)


def test_the_kinds_of_blocked_senders_in_python_are_those_of_the_check(store: Store):
    assert values_of(store, "blocked_sender_kind_is_known") == set(blocked_senders.KINDS)


def test_the_scopes_in_python_are_those_of_the_check(store: Store):
    assert values_of(store, "api_key_scope_is_known") == set(api_keys.SCOPES)


def test_an_unknown_state_or_kind_is_refused(db: Database, jane: Tenant):
    with pytest.raises(PosternError):
        set_row(db, jane.delivery_id, "state = 'lost'")
    with pytest.raises(PosternError):
        do(db, events.add, RING, jane.id, "lost")
    for kind in events.KINDS:
        do(db, events.add, RING, jane.id, kind)


def test_what_is_finished_cannot_be_leased(db: Database, jane: Tenant):
    with pytest.raises(PosternError):
        set_row(db, jane.delivery_id, f"state = 'sent', lease = '{uuid.uuid4()}'")


def test_every_table_says_what_it_holds(store: Store):
    found = store.look(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'postern'::regnamespace AND c.relkind = 'r'"
        " AND obj_description(c.oid, 'pg_class') IS NULL"
    )
    assert found == []
    assert len(store.tables()) > 10


def test_every_column_with_a_format_a_unit_or_a_list_of_values_says_so(store: Store):
    """Sealed and hashed bytes, numbers that are no ids, and columns under a CHECK of values."""
    found = store.look(
        """
        SELECT c.relname || '.' || a.attname
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'postern'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
          AND col_description(c.oid, a.attnum) IS NULL
          AND (a.attname ~ '_(sealed|index|code|stage|header)$' OR a.atttypid = 'bytea'::regtype
               OR a.attname IN ('state', 'kind', 'source', 'job')
               OR a.atttypid IN ('int'::regtype, 'bigint'::regtype)
                  AND a.attname !~ '(^|_)id$' AND NOT (c.relname = 'migrations' AND a.attname = 'number'))
        """
    )
    assert found == []
