"""Every SQL statement of store/ is understood by a real server: a misspelt column cannot reach a host.

The statements are the module-level constants of store/ whose names begin with `_`; a look at the source finds any SQL that
hides elsewhere. With the matrix tier they are prepared on PostgreSQL's oldest, middle and newest release too.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pg8000.native
import pytest
from pg8000.exceptions import DatabaseError

import postern.store
from postern.ops.local.embedded import Postgres
from support.postgres import fresh_database
from support.store import SCHEMA, Store, enable_pgcrypto, migrated

SQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|COPY|CREATE|ALTER|DROP|LOCK|SET|COMMENT|TRUNCATE|GRANT|VACUUM|DO)\b"
)

WITH_A_NAME_INSIDE = {
    "migrations.py": ['CREATE SCHEMA IF NOT EXISTS "'],
    "table_locks.py": ['LOCK TABLE "'],
    "server.py": ['VACUUM (ANALYZE) "'],
}
"""Statements that cannot be constants: a schema's or a table's name is no parameter."""


def modules() -> Iterator[tuple[str, object]]:
    for info in pkgutil.iter_modules(postern.store.__path__):
        yield info.name, importlib.import_module(f"postern.store.{info.name}")


STATEMENTS = {
    f"{module}.{name}": value
    for module, found in modules()
    for name, value in vars(found).items()
    if name.startswith("_") and not name.startswith("__") and isinstance(value, str) and SQL.match(value)
}


def test_every_constant_that_looks_private_is_sql():
    others = [
        f"{module}.{name}"
        for module, found in modules()
        for name, value in vars(found).items()
        if name.startswith("_")
        and not name.startswith("__")
        and isinstance(value, str)
        and not SQL.match(value)
    ]
    assert others == []


def test_no_statement_hides_from_this_test():
    found: dict[str, list[str]] = {}
    for path in sorted(Path(postern.store.__path__[0]).glob("*.py")):
        tree = ast.parse(path.read_text())
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
            if is_text and SQL.match(node.value) and node.value not in STATEMENTS.values():
                found.setdefault(path.name, []).append(node.value)
    assert found == WITH_A_NAME_INSIDE
    assert len(STATEMENTS) > 50


def prepare(connection: pg8000.native.Connection, sql: str) -> None:
    """Let the server read it. Several statements at once cannot be prepared: they are run, and taken back."""
    connection.run(f"BEGIN; SET LOCAL search_path TO {SCHEMA}; SET LOCAL postern.message_id TO '0'")
    try:
        if ";" in sql.strip().rstrip(";"):
            connection.run(sql)
        else:
            connection.prepare(sql).close()
    finally:
        connection.run("ROLLBACK")


@pytest.fixture(scope="module")
def connection(module_store: Store) -> Iterator[pg8000.native.Connection]:
    with contextlib.closing(module_store.place.connect()) as made:
        yield made


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_server_understands(connection: pg8000.native.Connection, name: str):
    prepare(connection, STATEMENTS[name])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT handel FROM users",
        "DELETE FROM user",
        "SELECT make_interval(days => CAST(:n AS bigint))",
        "SELECT 1; SELECT x",
    ],
)
def test_the_check_itself_sees(connection: pg8000.native.Connection, sql: str):
    with pytest.raises(DatabaseError):
        prepare(connection, sql)


@pytest.mark.tier("postgres-matrix")
def test_each_release_understands_every_statement(matrix_server: Postgres):
    with fresh_database(matrix_server) as place:
        enable_pgcrypto(place.connect_superuser())
        migrated(place)
        with contextlib.closing(place.connect()) as connection:
            for sql in STATEMENTS.values():
                prepare(connection, sql)
