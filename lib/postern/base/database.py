"""One connection to PostgreSQL, over pg8000.

All work is inside `transaction(user_id)`: it sets the schema, the tenant and the statement timeout with SET LOCAL, in the
same round trip as BEGIN, so that nothing is left in a session (PgBouncer in transaction mode may lie between).
Without it the tenant tables show no row (row level security, schema/0001).

Rows become dataclasses by column name. Errors of the server become ours, each with its remedy.
Not here: SQL of the program (store/), keeping connections (base/pool.py).
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

    from postern.base.config import Config

    T = TypeVar("T")

    class Writer(Protocol):
        """What COPY … TO STDOUT writes to."""

        def write(self, data: bytes, /) -> object:
            """Take the next piece."""


SYSTEM = 0
"""The user id of the program's own work, which crosses users: receipt, drain, operator."""

CONNECT_SECONDS = 10


class SerializationFailure(PosternError):
    """Two transactions collided and the database chose this one to go (40001, 40P01). Safe to run again."""

    exit_code = 75
    http_status = 503


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
        self._begin = (
            f'SET LOCAL search_path TO "{schema}"; SET LOCAL statement_timeout TO {statement_seconds * 1000}; "
        )
        self.broken = False

    @contextlib.contextmanager
    def transaction(self, user_id: int) -> Iterator[None]:
        """One transaction as one tenant, or as SYSTEM. Commits at the end; rolls back when anything is raised."""
        self._execute(f"BEGIN; {self._begin}SET LOCAL postern.user_id TO '{int(user_id)}'")
        try:
            yield
        except BaseException:
            self._roll_back()
            raise
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
        try:
            self._execute(sql, stream=pieces)
        except PosternError:
            raise
        except BaseException:
            self.broken = True
            self.close()
            raise

    def copy_out(self, sql: str, sink: Writer) -> None:
        """COPY … TO STDOUT into anything with write()."""
        self._execute(sql, stream=sink)

    def went_away(self) -> bool:
        """Whether the server closed the line while nobody used it (it was restarted). Costs no round trip."""
        import select

        try:
            return bool(select.select([self._connection._usock], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def close(self) -> None:
        """Harmless when it is closed, or when the server is gone."""
        self.broken = True
        with contextlib.suppress(Exception):
            self._connection.close()

    def _execute(self, sql: str, **params: Any) -> list[list[Any]]:
        from pg8000.exceptions import DatabaseError, InterfaceError

        try:
            return self._connection.run(sql, **params) or []
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
    if code == "23505":
        return UniqueViolation(fields.get("n", ""))
    if code in ("40001", "40P01"):
        return SerializationFailure("Two transactions collided.", "It is tried again by itself.")
    if code in ("42P01", "42703", "3F000"):
        return SchemaMissing(
            f"The database lacks what this program needs ({text}).", "Run: postern migrate up"
        )
    if code == "42501":
        return ConfigError(
            f"The database user may not do that ({text}).",
            "Make it the owner of the database, or GRANT CREATE ON DATABASE to it.",
        )
    if code == "55P03":
        return DatabaseUnavailable("Somebody else holds a lock for long.", "Try again in a moment.")
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


def connect(config: Config) -> Database:
    """Open a connection as the settings say. DatabaseUnavailable or ConfigError with the remedy."""
    from pg8000.exceptions import DatabaseError, InterfaceError
    from pg8000.native import Connection

    road: dict[str, Any] = {}
    try:
        road.update(_road(config))
        connection = Connection(
            config.db_user,
            database=config.db_name,
            password=config.db_password or None,
            timeout=config.db_statement_seconds + CONNECT_SECONDS,
            application_name="postern",
            **road,
        )
    except (DatabaseError, InterfaceError, OSError) as error:
        if "sock" in road:
            road["sock"].close()
        fields = error.args[0] if error.args and isinstance(error.args[0], dict) else None
        raise (_unreachable(config, error) if fields is None else _refused(config, fields)) from None
    return Database(connection, config.db_schema, config.db_statement_seconds)


def _road(config: Config) -> dict[str, Any]:
    """How to get there. ssl_context=False on a Unix socket: None would build a TLS context for nothing (23 ms)."""
    if config.db_host.startswith("/"):
        return {"unix_sock": f"{config.db_host}/.s.PGSQL.{config.db_port}", "ssl_context": False}
    import socket

    sock = socket.create_connection((config.db_host, config.db_port), CONNECT_SECONDS)
    # pg8000 writes a message in pieces; with Nagle's algorithm each waits 40 ms for an acknowledgement.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.settimeout(config.db_statement_seconds + CONNECT_SECONDS)
    return {"sock": sock, "host": config.db_host, "ssl_context": _tls(config)}


def _tls(config: Config) -> Any:
    if config.db_sslmode == "disable":
        return False
    import ssl

    try:
        context = ssl.create_default_context(cafile=config.db_sslrootcert or None)
    except OSError:
        raise ConfigError(
            "POSTERN_DB_SSLROOTCERT cannot be read as a PEM file.",
            "Name the file with the database's CA certificate.",
        ) from None
    if config.db_sslmode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refused(config: Config, fields: dict[str, str]) -> PosternError:
    """The server answered, and said no."""
    code, text = fields.get("C", ""), fields.get("M", "")
    if code == "28000" and ("no encryption" in text or "SSL off" in text):
        return ConfigError(
            "The database takes only TLS connections.", "Set POSTERN_DB_SSLMODE=verify-full (or require)."
        )
    if code in ("28P01", "28000"):
        return ConfigError(
            f"The database refused the user {config.db_user} ({text}).",
            "Check POSTERN_DB_USER and POSTERN_DB_PASSWORD.",
        )
    if code == "3D000":
        return ConfigError(
            f"There is no database named {config.db_name}.",
            "Make it in the host's panel, or mend POSTERN_DB_NAME.",
        )
    if code == "53300":
        return DatabaseUnavailable(
            "The database has no free connection.",
            "Wait, or lower POSTERN_DB_POOL; it is tried again by itself.",
        )
    return DatabaseUnavailable(
        f"The database refused the connection ({code}: {text}).", "It is tried again by itself."
    )


def _unreachable(config: Config, error: Exception) -> PosternError:
    """No answer of a PostgreSQL server at all."""
    where = f"{config.db_host}, port {config.db_port}"
    cause: BaseException = error.__cause__ or error
    if "refuses SSL" in str(error):
        return ConfigError(
            f"The database at {where} offers no TLS.", "Set POSTERN_DB_SSLMODE=disable only on this machine."
        )
    if type(cause).__name__ == "SSLCertVerificationError":
        return ConfigError(
            f"The certificate of the database at {where} does not verify.",
            "Set POSTERN_DB_SSLROOTCERT to its CA file, and POSTERN_DB_HOST to the name in the certificate.",
        )
    return DatabaseUnavailable(
        f"The database at {where} cannot be reached ({type(cause).__name__}).",
        "Check POSTERN_DB_HOST and POSTERN_DB_PORT, and that the server runs.",
    )
