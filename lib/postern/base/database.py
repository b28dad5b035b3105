"""One connection to PostgreSQL, over pg8000.

All work is inside `transaction(user_id)`: it sets the schema, the tenant and the statement timeout with SET LOCAL, in the
same round trip as BEGIN, so that nothing is left in a session (PgBouncer in transaction mode may lie between).
Without it the tenant tables show no row (row level security, schema/0001).

Rows become dataclasses by column name. Errors of the server become ours, each with its remedy.
Not here: SQL of the program (store/), opening connections (base/connect.py), keeping them (base/pool.py).
"""

from __future__ import annotations

import contextlib
import time

from postern.base.errors import ConfigError, Conflict, DatabaseUnavailable, PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Protocol, TypeVar

    from pg8000.native import Connection

    T = TypeVar("T")

    class Writer(Protocol):
        """What COPY … TO STDOUT writes to."""

        def write(self, data: bytes, /) -> object:
            """Take the next piece."""


SYSTEM = 0
"""The user id of the program's own work, which crosses users: receipt, drain, operator."""


REFUSED_BY_US = "PD001"
"""What schema/ raises where it refuses something: its message and its hint are for the operator."""


class SerializationFailure(PosternError):
    """Two transactions collided and the database chose this one to go (40001, 40P01). Safe to run again."""

    exit_code = 75
    http_status = 503


class LockTimeout(DatabaseUnavailable):
    """A lock was not to be had in the time that was set for it (55P03)."""


class SchemaMissing(PosternError):
    """The database has no tables of ours, or an older set."""

    exit_code = 78
    http_status = 503


class UniqueViolation(Conflict):
    """A row that must be there once is there already; `constraint` names the rule."""

    def __init__(self, constraint: str) -> None:
        super().__init__(
            f"The database refuses a double ({constraint}).", "Use what is there, or choose another."
        )
        self.constraint = constraint


class Database:
    """A connection. Not for two threads at once."""

    def __init__(self, connection: Connection, schema: str, statement_seconds: int) -> None:
        self._connection = connection
        self._begin = f'SET LOCAL search_path TO "{schema}"; SET LOCAL statement_timeout TO {statement_seconds * 1000}; '
        self.broken = False
        self._is_direct: bool | None = None
        self._is_over = False

    @contextlib.contextmanager
    def transaction(self, user_id: int) -> Iterator[None]:
        """One transaction as one tenant, or as SYSTEM. Commits at the end; rolls back when anything is raised.

        BEGIN travels with the first statement, so a connection that is gone is told by that.
        """
        with self._translating():
            self._connection.begin(f"BEGIN; {self._begin}SET LOCAL postern.user_id TO '{int(user_id)}'")
        try:
            yield
        except BaseException:
            self._roll_back()
            self._is_over = False
            raise
        if self._is_over:
            self._is_over = False
        else:
            self._execute("COMMIT")

    def _roll_back(self) -> None:
        if not self.broken:
            try:
                self._execute("ROLLBACK")
            except PosternError:
                self.broken = True

    def run(self, sql: str, **params: Any) -> list[list[Any]]:
        """Run one statement (several, when there are no parameters) and return its rows."""
        return self._execute(sql, **params)

    def run_last(self, sql: str, **params: Any) -> list[list[Any]]:
        """As run(), for the last statement of a transaction that is made again and again: COMMIT travels with it.

        The server keeps its plan. Not where a pooler lies between: the next transaction may be another server process's.
        """
        if self._is_direct is None:
            self._is_direct = self.value("SELECT pg_backend_pid()") == self._connection.told_process_id()
        with self._translating():
            rows = self._connection.run_last(sql, "COMMIT", self._is_direct, **params) or []
        self._is_over = True
        return rows

    def rows(self, kind: Callable[..., T], sql: str, **params: Any) -> list[T]:
        """The rows, each made a `kind` by column name."""
        found = self._execute(sql, **params)
        names = [column["name"] for column in self._connection.columns or ()]
        return [kind(**dict(zip(names, row))) for row in found]

    def row(self, kind: Callable[..., T], sql: str, **params: Any) -> T | None:
        """The first row as `kind`, or None."""
        found = self.rows(kind, sql, **params)
        return found[0] if found else None

    def value(self, sql: str, **params: Any) -> Any:
        """The first column of the first row, or None."""
        found = self._execute(sql, **params)
        return found[0][0] if found else None

    def count(self, sql: str, **params: Any) -> int:
        """Run one statement and return how many rows it touched."""
        self._execute(sql, **params)
        return int(self._connection.row_count)

    def copy_in(self, sql: str, pieces: Iterable[bytes]) -> None:
        """COPY … FROM STDIN. When `pieces` raises, the connection is given up: half a COPY cannot be taken back."""
        self._copy(sql, pieces)

    def copy_out(self, sql: str, sink: Writer) -> int:
        """COPY … TO STDOUT into anything with write(); returns the rows. The same holds when the sink raises."""
        self._copy(sql, sink)
        return int(self._connection.row_count)

    def _copy(self, sql: str, stream: object) -> None:
        from pg8000.exceptions import DatabaseError

        with self._translating():
            try:
                self._connection.run(sql, stream=stream)
            except DatabaseError:
                raise
            except BaseException:
                self.close()
                raise

    def went_away(self) -> bool:
        """Whether the server closed the line while nobody used it (it was restarted). Costs no round trip."""
        import select

        try:
            return bool(select.select([self._connection._usock], [], [], 0)[0])
        except (OSError, ValueError, TypeError):
            return True

    def close(self) -> None:
        """Harmless when it is closed, or when the server is gone."""
        self.broken = True
        with contextlib.suppress(Exception):
            self._connection.close()

    def _execute(self, sql: str, **params: Any) -> list[list[Any]]:
        with self._translating():
            return self._connection.run(sql, **params) or []

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        """pg8000's errors become ours."""
        from pg8000.exceptions import DatabaseError, InterfaceError

        try:
            yield
        except DatabaseError as error:
            fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
            if fields.get("S") in ("FATAL", "PANIC"):
                self.broken = True
            raise _translated(fields) from None
        except (InterfaceError, OSError) as error:
            self.broken = True
            raise DatabaseUnavailable(
                f"The connection to the database was lost ({type(error).__name__}).",
                "It is tried again by itself.",
            ) from None


def _translated(fields: dict[str, str]) -> PosternError:
    """What a server's error means to us. Its detail and hint are left out: they quote row values."""
    code, text = fields.get("C", ""), fields.get("M", "")
    if code == REFUSED_BY_US:
        return Conflict(text, fields.get("H", ""))
    if code == "23505":
        return UniqueViolation(fields.get("n", ""))
    if code in ("40001", "40P01"):
        return SerializationFailure("Two transactions collided.", "It is tried again by itself.")
    if code in ("42P01", "42703", "3F000"):
        return SchemaMissing(
            f"The database lacks what this program needs ({text}).", "Run: postern migrate up"
        )
    if code == "42501" and "row-level security" in text:
        return PosternError(
            f"A user's work reached for another's row ({text}).", "This is a fault of Postern: report it."
        )
    if code == "42501":
        return ConfigError(
            f"The database user may not do that ({text}).",
            "Make it the owner of the database, or GRANT CREATE ON DATABASE to it.",
        )
    if code == "55P03":
        return LockTimeout("Somebody else holds a lock for long.", "Try again in a moment.")
    if code == "57014":
        return DatabaseUnavailable(
            "A statement ran too long and was stopped.", "Try again; see POSTERN_DB_STATEMENT_SECONDS."
        )
    if code[:2] in ("08", "53", "57", "58") or code == "25006":
        return DatabaseUnavailable(f"The database cannot work now ({text}).", "It is tried again by itself.")
    return PosternError(
        f"The database refused a statement ({code}: {text}).", "This is a fault of Postern: report it."
    )


def retrying(work: Callable[[], T], tries: int = 3) -> T:
    """Run `work`, whole transactions only, again when the database chose it as the loser of a collision."""
    for left in range(tries - 1, 0, -1):
        try:
            return work()
        except SerializationFailure:
            time.sleep(0.05 * (tries - left))
    return work()
