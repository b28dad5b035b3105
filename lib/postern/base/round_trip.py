"""pg8000's connection with fewer waits for the server: one round trip a statement, and none for BEGIN.

pg8000 asks three times for a statement with parameters (parse it, describe it, run it), and reads its text letter by letter
each time. Here all of it travels at once, as an unnamed statement, so that nothing is left in the session and PgBouncer in
transaction mode may lie between; and BEGIN travels with the first statement of its transaction. Where it is the server itself
that answers, a statement that is run for every message may be kept there with its plan; COMMIT may travel with the last one.

Made of pg8000's own parts, some of them private: its version is pinned, and tests/base/test_round_trip.py looks at the wire.
To be imported where pg8000 is (base/driver.py), and not before.
"""

from __future__ import annotations

import contextlib
import struct
from datetime import datetime
from functools import lru_cache
from itertools import count

from pg8000.converters import timestamptz_in
from pg8000.core import BIND, DESCRIBE, EXECUTE_MSG, PARSE, SYNC_MSG, Context
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection, make_params, to_statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TIMESTAMPTZ = 1184
_numbered = lru_cache(maxsize=1024)(to_statement)


class Quick(Connection):  # type: ignore[misc]
    """As pg8000's own, but for `begin`, and for what goes over the wire."""

    _owed = ""
    """What was sent ahead and is not answered yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_in_adapter(_TIMESTAMPTZ, _moment)
        self._kept: dict[str, bytes] = {}
        self._names = count(1)

    def begin(self, sql: str) -> None:
        """Send it with whatever comes next, which also meets what goes wrong with it."""
        self.send_QUERY(sql)
        self._owed = sql

    def run(self, sql: str, stream: Any = None, types: Any = None, **params: Any) -> Any:
        """As pg8000's; COPY goes pg8000's own way."""
        if stream is not None:
            self._sock.flush()
            self._read_owed()
            return super().run(sql, stream=stream, types=types, **params)
        if params:
            self._send(sql, params)
        else:
            self.send_QUERY(sql)
        return self._answer(sql)

    def run_last(self, sql: str, commit: str, keeps: bool, **params: Any) -> Any:
        """As run(), with the statement that ends the transaction in the same packet; what went wrong is raised when both are
        answered.

        `keeps`: the server keeps the statement with its plan for the next time.
        """
        name = self._kept.get(sql, b"")
        is_known = bool(name)
        if keeps and not is_known:
            # A new name each time: when it fails, nobody knows whether the server has kept it.
            name = b"kept_%d" % next(self._names)
        self._send(sql, params, name, is_known=is_known)
        self.send_QUERY(commit)
        try:
            rows = self._answer(sql)
        except DatabaseError:
            with contextlib.suppress(DatabaseError, InterfaceError):
                self.handle_messages(Context(commit))
            raise
        if name:
            self._kept[sql] = name
        self.handle_messages(Context(commit))
        return rows

    def told_process_id(self) -> int:
        """The server's process, as whoever answered the connection called it. Poolers make one up."""
        return int(struct.unpack_from("!i", self._backend_key_data)[0])

    def _answer(self, sql: str) -> Any:
        self._sock.flush()
        self._context = context = Context(sql)
        try:
            self._read_owed()
        except DatabaseError:
            with contextlib.suppress(Exception):
                self.handle_messages(context)
            raise
        self.handle_messages(context)
        return context.rows

    def _send(self, sql: str, params: dict[str, Any], name: bytes = b"", is_known: bool = False) -> None:
        statement, values_of = _numbered(sql)
        # First: what cannot be turned into text must leave nothing half-sent.
        bound = _bound(name, make_params(self.py_types, values_of(params)))
        if not is_known:
            self._send_message(PARSE, name + b"\0" + statement.encode() + b"\0\0\0")
        self._send_message(BIND, bound)
        self._send_message(DESCRIBE, b"P\0")
        self._sock.write(EXECUTE_MSG + SYNC_MSG)

    def _read_owed(self) -> None:
        if self._owed:
            owed, self._owed = self._owed, ""
            self.handle_messages(Context(owed))

    def close(self) -> None:
        """Close the socket too where the line is cut: pg8000 leaves it to be collected, which warns."""
        files = (self._sock, self._usock)
        try:
            super().close()
        finally:
            for file in files:
                with contextlib.suppress(OSError, ValueError, AttributeError):
                    file.close()


def _moment(text: str) -> Any:
    """A timestamptz as the server writes it: 2026-11-29 14:05:09.5+01. strptime() takes ten times as long."""
    day, _, rest = text.partition(" ")
    at = max(rest.find("+"), rest.find("-"))
    clock, zone = rest[:at], rest[at:]
    try:
        # fromisoformat() wants three or six digits of a second, and minutes in a zone (before Python 3.11).
        whole, _, part = clock.partition(".")
        return datetime.fromisoformat(f"{day}T{whole}.{part:0<6}{zone if ':' in zone else zone + ':00'}")
    except ValueError:
        return timestamptz_in(text)


def _bound(name: bytes, values: tuple[str | None, ...]) -> bytes:
    """The body of Bind (PostgreSQL manual, "Message Formats"): all parameters and all results as text."""
    body = bytearray(b"\0" + name + b"\0" + struct.pack("!HH", 0, len(values)))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            data = value.encode()
            body += struct.pack("!i", len(data)) + data
    return bytes(body + struct.pack("!H", 0))
